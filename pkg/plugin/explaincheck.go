package plugin

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/kubectl-falcon/kubectl-falcon/docs/checks"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify"
)

// noCheck is the error for an id that no check has; before is what an id stands behind.
func noCheck(before, id string) error {
	var ids []string
	for _, c := range verify.Catalogue() {
		ids = append(ids, c.ID)
	}
	next := commandName + " explain-check lists them"
	if near := problem.DidYouMean(before, id, ids); near != "" {
		next = near + " " + next
	}
	return problem.New(problem.BadInput, next, "there is no check %q", id)
}

// newExplainCheck is `explain-check`, which needs neither a cluster nor a network.
func newExplainCheck(s *session) *cobra.Command {
	return &cobra.Command{
		Use:   "explain-check [ID]",
		Short: "Tell what a check of verify means; needs no cluster",
		Long:  "Print the page of a check of verify: what it means, how it is found out, and\nwhat to do. Without an id all checks are listed. It needs no cluster.",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return tooMany(cmd, args[1])
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				rows := [][]string{}
				for _, c := range verify.Catalogue() {
					rows = append(rows, []string{c.ID, string(c.Severity), c.Title})
				}
				return term.Rows(s.Out, []string{"CHECK", "SEVERITY", "HOLDS WHEN"}, rows)
			}
			page, ok := checks.Page(args[0])
			if !ok {
				return noCheck(commandName+" explain-check ", args[0])
			}
			_, err := io.WriteString(s.Out, page)
			if err != nil {
				return fmt.Errorf("print the page: %w", err)
			}
			return nil
		},
	}
}
