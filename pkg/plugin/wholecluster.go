package plugin

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// ofTheCluster are the commands, with those below them, about the one injector that a cluster has.
var ofTheCluster = []string{"install", "uninstall", "status", "certs", "up", "down"}

// refuseNamespace fails for a namespace that means nothing to the command: who names one may think that all others
// are left alone.
func refuseNamespace(cmd *cobra.Command) error {
	word, _, _ := strings.Cut(pathOf(cmd), " ")
	named := cmd.Flag("namespace")
	if !slices.Contains(ofTheCluster, word) || named == nil {
		return nil
	}
	// An empty one is a script's variable without a value, and names none.
	if value := named.Value.String(); value == "" || value == manifest.Namespace || !named.Changed {
		return nil
	}
	return problem.New(problem.BadInput, "leave the namespace out",
		"%s is about the injector of the whole cluster, not about namespace %s", word, named.Value)
}
