package plugin

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify"
)

func newVerify(s *session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Say which pods of a namespace carry the sensor, and why not",
		Long: "Say for each pod of a namespace whether it carries the sensor; if not, why.\n\n" +
			"Whether new pods get it is proved with one dry-run pod, which is never created.\n" +
			"The exit code is 1 when a pod that should carry the sensor does not.",
		Args: arguments(),
	}
	format := formatFlag(cmd)
	cmd.RunE = s.onCluster(func(ctx context.Context, c *kube.Cluster, _ []string) error {
		snapshot, err := verify.Collect(ctx, c, c.Namespace)
		if err != nil {
			return err
		}
		report := verify.Judge(snapshot)
		if err := s.printReport(*format, report); err != nil {
			return err
		}
		if n := report.Faults(); n > 0 {
			return problem.New(problem.Failed, "",
				"%s in namespace %s", count(n, "fault"), report.Namespace)
		}
		return nil
	})
	return cmd
}

func (s *session) printReport(format term.Format, r *verify.Report) error {
	if format != term.Table {
		return term.Structured(s.Out, format, r)
	}
	fmt.Fprintf(s.Out, "new pods in %s: %s\n  %s\n", r.Namespace, r.Injection, r.Reason)
	if r.Next != "" {
		fmt.Fprintf(s.Out, "  next: %s\n", r.Next)
	}
	fmt.Fprintln(s.Out)
	if len(r.Pods) == 0 {
		fmt.Fprintln(s.Out, "there are no pods")
		return nil
	}
	rows := make([][]string, 0, len(r.Pods))
	for _, p := range r.Pods {
		rows = append(rows, []string{p.Name, string(p.Verdict), p.Reason})
	}
	if err := term.Rows(s.Out, []string{"POD", "SENSOR", "WHY"}, rows); err != nil {
		return err
	}
	for _, next := range steps(r.Pods) {
		fmt.Fprintf(s.Out, "next: %s\n", next)
	}
	return nil
}

// steps returns what to do about the pods, each thing once.
func steps(pods []verify.PodReport) []string {
	var all []string
	said := map[string]bool{"": true}
	for _, p := range pods {
		if !said[p.Next] {
			said[p.Next] = true
			all = append(all, p.Next)
		}
	}
	return all
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
