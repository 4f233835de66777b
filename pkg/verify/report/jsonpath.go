package report

import (
	"io"
	"slices"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/query"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify"
)

// JSONPath writes what a template picks from the report's JSON, as package query does.
func JSONPath(w io.Writer, r *verify.Report, template string) error {
	return query.JSONPath(w, query.Data{Value: r, Name: "a report", Example: "{.clusters[0].coverage.pods}",
		Keys: func(key string) bool { return slices.Contains(verify.PodVerdicts, verify.PodVerdict(key)) }}, template)
}
