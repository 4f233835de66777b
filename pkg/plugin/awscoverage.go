package plugin

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/fargate"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
)

func newFargateCoverage(s *session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "coverage",
		Short: "Show which namespaces and pending pods no Fargate profile covers",
		Long: "Compare the Fargate profiles with the namespaces and pods of the cluster: which\n" +
			"namespaces they cover, and why pods are pending for which Fargate does nothing.\n" +
			"It prints the command that makes the profiles that are missing.\n\n" +
			"The exit code is 1 if such pods are pending, and 0 otherwise.",
		Args: arguments(),
	}
	f := eksFlagsOf(cmd, "fargate coverage")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return s.fargateCoverage(cmd.Context(), f) }
	return cmd
}

func (s *session) fargateCoverage(ctx context.Context, f *eksFlags) error {
	named := f.cluster != ""
	account, err := s.fargateAccount(ctx, f)
	if err != nil {
		return err
	}
	defer s.endProgress()
	c, err := s.cluster()
	if err != nil {
		return err
	}
	profiles, err := account.List(ctx, f.cluster)
	if err != nil {
		return err
	}
	namespaces, pods, err := fargate.Collect(ctx, c)
	s.endProgress()
	if err != nil {
		return err
	}
	found := fargate.Judge(f.cluster, profiles, namespaces, pods, manifest.Namespace)
	command := ""
	if len(found.Missing) > 0 {
		command = "kubectl falcon aws fargate ensure --namespaces " + strings.Join(found.Missing, ",")
		if named {
			command += " --cluster " + f.cluster + " --region " + account.Region
		}
	}
	if err := s.printCoverage(*f.format, found, command); err != nil {
		return err
	}
	if len(found.Waiting) > 0 {
		return exitWith{code: ExitFailed}
	}
	return nil
}

func (s *session) printCoverage(format term.Format, found *fargate.Coverage, command string) error {
	if format != term.Table {
		return term.Structured(s.Out, format, struct {
			*fargate.Coverage
			Command string `json:"command,omitempty"`
		}{found, command})
	}
	rows := [][]string{}
	for _, n := range found.Namespaces {
		rows = append(rows, []string{n.Name, string(n.Covered), orDash(strings.Join(n.Profiles, ",")), fmt.Sprint(n.Pods), fmt.Sprint(n.OnFargate), fmt.Sprint(n.Waiting)})
	}
	if err := term.Rows(s.Out, []string{"NAMESPACE", "COVERED", "PROFILES", "PODS", "ON FARGATE", "STUCK"}, rows); err != nil {
		return err
	}
	if len(found.Waiting) > 0 {
		rows = nil
		for _, w := range found.Waiting {
			rows = append(rows, []string{w.Namespace, w.Pod, w.Why, orDash(w.Next)})
		}
		fmt.Fprintln(s.Out)
		if err := term.Rows(s.Out, []string{"NAMESPACE", "PENDING POD", "WHY", "NEXT"}, rows); err != nil {
			return err
		}
	}
	if command != "" {
		s.remark("no profile covers %s\n  next: %s", strings.Join(found.Missing, ", "), command)
	}
	return nil
}
