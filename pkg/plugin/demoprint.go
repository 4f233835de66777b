package plugin

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/demo"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
)

func newDemoList(s *session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Show the scenarios; needs no cluster",
		Long: "Show the scenarios, which detection is expected of each and how the vendor rates\n" +
			"it, what it reaches outside its pod, and whether AWS EKS Fargate takes it.",
		Args: arguments(),
	}
	format := formatFlag(cmd)
	cmd.RunE = func(*cobra.Command, []string) error { return printScenarios(s.Out, *format, demo.Scenarios()) }
	return cmd
}

func printScenarios(w io.Writer, format term.Format, all []demo.Scenario) error {
	if format != term.Table {
		return term.Structured(w, format, all)
	}
	rows := make([][]string, 0, len(all))
	for _, one := range all {
		fargate := "no"
		if one.Fargate {
			fargate = "yes"
		}
		network := one.Network
		if network == "" {
			network = "no"
		}
		rows = append(rows, []string{one.Name, one.Severity, network, fargate, one.Detection})
	}
	var table strings.Builder
	if err := term.Rows(&table, []string{"SCENARIO", "SEVERITY", "NETWORK", "FARGATE", "EXPECTED DETECTION"}, rows); err != nil {
		return err
	}
	// What each does takes a line of its own: beside the rest it would not fit into 80 columns.
	n := -1
	for line := range strings.Lines(table.String()) {
		if n >= 0 {
			line += "  " + all[n].Does + "\n"
		}
		if _, err := io.WriteString(w, line); err != nil {
			return err
		}
		n++
	}
	return nil
}

func newDemoStatus(s *session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show which scenarios are in the cluster, and since when",
		Args:  arguments(),
	}
	format := formatFlag(cmd)
	cmd.RunE = s.onCluster(func(ctx context.Context, c *kube.Cluster, _ []string) error {
		now := time.Now()
		all, in, err := demo.List(ctx, c, s.whereDemo(c), now)
		if err != nil {
			return err
		}
		s.sayBlind(in)
		if len(all) == 0 && *format == term.Table {
			s.remark("there is no demo%s", inNamespace(*s.flags.Namespace))
			return nil
		}
		return printRunning(s.Out, *format, all, now)
	})
	return cmd
}

func printRunning(w io.Writer, format term.Format, all []demo.Running, now time.Time) error {
	if format != term.Table {
		return term.Structured(w, format, all)
	}
	rows := make([][]string, 0, len(all))
	for _, one := range all {
		expires := "-"
		switch {
		case one.Expired:
			expires = "expired: demo clean"
		case !one.Expires.IsZero():
			expires = "in " + duration.HumanDuration(one.Expires.Sub(now))
		}
		rows = append(rows, []string{one.Namespace, one.Scenario, term.Clean(one.State), duration.HumanDuration(now.Sub(one.Created)), expires})
	}
	return term.Rows(w, []string{"NAMESPACE", "SCENARIO", "STATE", "AGE", "EXPIRES"}, rows)
}

// sayBlind says where was looked by whoever may not see the whole cluster.
func (s *session) sayBlind(in []string) {
	if len(in) > 0 {
		s.remark("not permitted to look in the whole cluster, so only in: %s", strings.Join(in, ", "))
	}
}

// printDemoObjects prints what a run would make.
func (s *session) printDemoObjects(f *demoFlags) error {
	objects, err := demo.Objects(f.chosen, f.o)
	if err != nil {
		return err
	}
	if *f.format == term.Table {
		for _, o := range objects {
			fmt.Fprintf(s.Out, "%s %s (client dry run)\n", kube.Describe(o), kube.Created)
		}
		return nil
	}
	return printObjects(s.Out, *f.format, objects)
}

// sayStage tells of a stage that is over, with the time since the scenario began.
func (s *session) sayStage(stage demo.Stage) { s.remark("%s", stageLine(stage)) }

func stageLine(stage demo.Stage) string {
	mark := fmt.Sprintf("%.1f s", stage.Seconds)
	if !stage.Shown {
		mark = "not shown"
	}
	return fmt.Sprintf("%-10s %9s  %s", stage.Name, mark, stage.Detail)
}

// printDemo prints what a run has led to.
func printDemo(w io.Writer, r *demo.Result) error {
	text := fmt.Sprintf("%s has the agent id %s\n", r.Pod, r.AID)
	if d := r.Detection; d != nil {
		technique := d.Technique
		if d.TechniqueID != "" {
			technique += " (" + d.TechniqueID + ")"
		}
		text += fmt.Sprintf("detected:  %s, %s (%d)\ntactic:    %s\ntechnique: %s\nfound:     %.0f s after the pod was ready\nlink:      %s\n",
			term.Clean(d.Name), term.Clean(d.SeverityName), d.Severity, term.Clean(d.Tactic), term.Clean(technique), d.Seconds, term.Clean(d.Link))
	}
	_, err := io.WriteString(w, text)
	return err
}

// sayProved says what a run has proved and what not, and what comes next.
func (s *session) sayProved(r *demo.Result, scenario *demo.Scenario, own bool) {
	var shown, missing []string
	for _, stage := range r.Stages {
		if stage.Shown {
			shown = append(shown, stage.Name)
		} else {
			missing = append(missing, stage.Name)
		}
	}
	text := "shown: " + strings.Join(shown, ", ")
	if len(missing) > 0 {
		text += "; not shown: " + strings.Join(missing, ", ")
	}
	where := ""
	if !own {
		where = " -n " + r.Namespace
	}
	switch {
	case scenario.ByHand():
		text += fmt.Sprintf("\n  next: kubectl port-forward -n %s deployment/%s %d, then open http://localhost:%[3]d;\n"+
			"        kubectl falcon demo clean%s removes it", r.Namespace, r.Scenario, scenario.Port(), where)
	case r.Detection == nil:
		text += "\n  next: look up the agent id in the Falcon console, then remove the demo with:\n" +
			"        kubectl falcon demo clean" + where
	case !r.Removed:
		text += "\n  next: kubectl falcon demo clean" + where + " removes it"
	}
	s.remark("%s", text)
}
