package plugin

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/restart"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify"
)

// judge is verify's judgement on a part of a cluster.
type judge func(ctx context.Context, c *kube.Cluster, scope verify.Scope) (*verify.Cluster, error)

// restartFlags are what restart can be told.
type restartFlags struct {
	o        restart.Options
	everyNS  bool
	selector string
	plan     bool
	dryRun   string
	yes      bool
	format   *term.Format
}

func newRestart(s *session, look judge) *cobra.Command {
	var f restartFlags
	cmd := &cobra.Command{
		Use:   "restart [TYPE/NAME ...]",
		Short: "Restart workloads whose pods lack the sensor or have an old one",
		Long: "Restart, as kubectl rollout restart does, the workloads whose pods should carry\n" +
			"the sensor and do not, or carry another than is configured: the safest first and\n" +
			"alone, then in waves. Each must come up, every new pod with the sensor; at the\n" +
			"first failure it stops, and the rest is not touched. What is opted out or out of\n" +
			"scope never is.\n\n" +
			"--plan says what would be done in which order, and what is left alone and why.\n" +
			"It can be run again at any time: what needs no restart is not restarted.",
		Args: func(cmd *cobra.Command, args []string) error { return f.check(args) },
	}
	flags := cmd.Flags()
	flags.BoolVarP(&f.everyNS, "all-namespaces", "A", false, "in all namespaces")
	flags.StringVarP(&f.selector, "selector", "l", "", "only what has pods with these `LABELS`")
	flags.BoolVar(&f.plan, "plan", false, "only say what would be restarted, in which order")
	f.dryRun = dryRunNone
	flags.Var(text[string]{to: &f.dryRun, words: []string{dryRunNone, dryRunServer}}, "dry-run",
		"ask the API server for each restart, and change\nnothing")
	flags.Lookup("dry-run").NoOptDefVal = dryRunServer
	flags.BoolVarP(&f.yes, "yes", "y", false, "do not ask before it begins")
	flags.IntVar(&f.o.MaxParallel, "max-parallel", restart.DefaultParallel, "how many workloads are restarted at once after the first")
	flags.BoolVar(&f.o.OverBudget, "over-budget", false, "also restart what takes more pods down than a disruption\nbudget allows")
	timeoutFlag(cmd, &f.o.Timeout, "how long one workload may be without progress")
	f.format = formatFlag(cmd)
	cmd.RunE = s.onCluster(func(ctx context.Context, c *kube.Cluster, args []string) error {
		f.o.Judge = func(ctx context.Context, scope verify.Scope) (*verify.Cluster, error) { return look(ctx, c, scope) }
		return s.restart(ctx, c, &f, args)
	})
	return cmd
}

// check refuses what cannot be meant.
func (f *restartFlags) check(args []string) error {
	if _, err := readTargets(args); err != nil {
		return err
	}
	if _, err := labels.Parse(f.selector); err != nil {
		return problem.New(problem.BadInput, "write it as kubectl does: app=web,tier!=cache", "--selector: %w", err)
	}
	f.o.DryRun = f.dryRun != dryRunNone
	switch {
	case len(args) > 0 && (f.everyNS || f.selector != ""):
		return problem.New(problem.BadInput, "give either TYPE/NAME, or -l and -A", "named workloads and -l or -A do not go together")
	case f.plan && f.o.DryRun:
		return problem.New(problem.BadInput, "--plan asks less of the API server, --dry-run tries each restart", "--plan and --dry-run do not go together")
	case f.o.MaxParallel < 1:
		return problem.New(problem.BadInput, "use 1 for one after another", "--max-parallel: it must be 1 or more")
	}
	return nil
}

func (s *session) restart(ctx context.Context, c *kube.Cluster, f *restartFlags, args []string) error {
	// They were read before, when nothing was wrong with them.
	targets, _ := readTargets(args)
	scope := verify.Scope{Namespace: c.Namespace, Selector: f.selector, Targets: targets}
	if f.everyNS {
		scope.Namespace = metav1.NamespaceAll
	}
	judged, err := f.o.Judge(ctx, scope)
	if err != nil {
		return err
	}
	if judged.Unreachable != "" {
		return problem.New(problem.NoAccess, "check the context and the network", "the cluster cannot be asked: %s", judged.Unreachable)
	}
	plan, err := restart.Make(ctx, c, judged, f.o)
	if err != nil {
		return err
	}
	if plan.Steps() < len(targets) {
		if err := missing(ctx, c, targets); err != nil {
			return err
		}
	}
	if f.plan {
		if *f.format != term.Table {
			err = term.Structured(s.Out, *f.format, plan)
		} else {
			err = s.printPlan(s.Out, plan)
		}
		if err != nil {
			return err
		}
		return plan.Refuse()
	}
	if err := plan.Refuse(); err != nil {
		return err
	}
	if plan.Steps() > 0 && !f.yes && !f.o.DryRun {
		if err := s.agreeTo(ctx, plan); err != nil {
			return err
		}
	}
	// Before that nothing was begun that could go on.
	s.resumes = !f.o.DryRun
	return s.runPlan(ctx, c, plan, f)
}

// agreeTo shows a plan and asks whether it is to be done.
func (s *session) agreeTo(ctx context.Context, plan *restart.Plan) error {
	n := plan.Steps()
	if !term.Interactive(s.Streams) {
		return problem.New(problem.BadInput, "add --yes; --plan says what would be restarted",
			"%s would be restarted, and there is no terminal to ask on", count(n, "workload"))
	}
	if err := s.printPlan(s.Err, plan); err != nil {
		return err
	}
	fmt.Fprintln(s.Err)
	yes, err := s.ask(ctx, "restart "+count(n, "workload")+" now?")
	if err == nil && !yes {
		return problem.New(problem.Failed, "", "nothing was restarted: you did not say yes")
	}
	return err
}

func (s *session) runPlan(ctx context.Context, c *kube.Cluster, plan *restart.Plan, f *restartFlags) error {
	p := s.progress()
	if *f.format != term.Table {
		p = s.quietProgress()
	}
	defer p.Close()
	show := reporter(p)
	f.o.Report = func(e inject.Event) {
		if e.Change != "" && f.o.DryRun {
			e.Change += " (dry run)"
		}
		show(e)
		if e.State == restart.Available {
			p.Trouble(e.Object, "")
		}
	}
	result, err := restart.Run(ctx, c, plan, f.o)
	s.endProgress()
	result.Left = append(plan.Left, result.Left...)
	s.printResult(result, f.o.DryRun)
	if *f.format != term.Table {
		if err := term.Structured(s.Out, *f.format, result); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	faults := 0
	for n := range result.Left {
		if result.Left[n].Fault() {
			faults++
		}
	}
	if faults > 0 {
		return problem.New(problem.Failed, "see above what to do about each", "%s could not be restarted", count(faults, "workload"))
	}
	return nil
}
