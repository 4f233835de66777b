package plugin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/bundle"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify"
)

// ExitWarnings is when there are only warnings, and --fail-on=warning asked to be told.
const ExitWarnings = 4

// The values of --fail-on.
const (
	failOnError   = "error"
	failOnWarning = "warning"
	failNever     = "never"
)

// verifyFlags are what verify is asked.
type verifyFlags struct {
	scope               scopeFlags
	parts               verify.Parts
	noCanary, watch     bool
	which               verify.Selection
	failOn, from        string
	contexts, uncovered []string
	allContexts         bool
	format              reportFormat
	cloud               cloudFlags
}

func newVerify(s *session) *cobra.Command {
	f := &verifyFlags{failOn: failOnError}
	cmd := &cobra.Command{
		Use:   "verify [TYPE/NAME ...]",
		Short: "Say which pods carry the sensor, why others do not, what to do",
		Long: "Say whether the injector is healthy, which pods carry the sensor, and if one\n" +
			"does not, why and what to do. Without a TYPE/NAME it is about the pods of a\n" +
			"namespace, or with -A of all.\n\n" +
			"Whether new pods get the sensor is proved with dry-run pods, one for each\n" +
			"namespace that the webhook covers, which are never created.\n\n" +
			"Each check has an id: kubectl falcon explain-check FC403 tells more.\n" +
			"The exit code is 1 when a check fails, 4 when only warnings were found and\n" +
			"--fail-on=warning is set.",
	}
	flags := cmd.Flags()
	f.scope.add(cmd)
	flags.VarP(&f.format, "output", "o", "print as this `FORMAT`: "+strings.Join(reportFormats, ", "))
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(reportFormats, cobra.ShellCompDirectiveNoFileComp))
	flags.StringSliceVar(&f.which.Only, "check", nil, "make only these checks: `IDS` or beginnings of them, such as FC7")
	flags.StringSliceVar(&f.which.Skip, "skip", nil, "leave out these checks: `IDS` or beginnings of them")
	flags.Var(text[string]{to: &f.failOn, words: []string{failOnError, failOnWarning, failNever}}, "fail-on", "what makes the exit code other than 0")
	flags.BoolVarP(&f.watch, "watch", "w", false, "judge again whenever something changes, until stopped")
	flags.BoolVar(&f.noCanary, "no-canary", false, "send no dry-run pods; then nothing about new pods is proved")
	flags.BoolVar(&f.parts.Deep, "deep", false, "also try each image in use, and what each injector pod serves")
	flags.BoolVar(&f.parts.AIDs, "aids", false, "also ask each sensor for its agent id")
	flags.BoolVar(&f.parts.Leftovers, "leftovers", false, "also look for what an uninstalled injector has left")
	flags.BoolVar(&f.parts.Pre, "pre", false, "look at a cluster before an installation")
	f.cloud.add(cmd, &f.parts.AWS)
	flags.StringSliceVar(&f.uncovered, "allow-uncovered", nil, "`NAMESPACES` that may opt out without a warning")
	flags.StringVar(&f.from, "from", "", "judge the bundle in a `FILE` instead of a cluster")
	flags.StringSliceVar(&f.contexts, "contexts", nil, "several clusters, by the `NAMES` of their contexts")
	flags.BoolVar(&f.allContexts, "all-contexts", false, "all clusters of the kubeconfig")
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		if err := f.cloud.check(cmd, f.parts.AWS, f.watch, f.allContexts || len(f.contexts) > 1); err != nil {
			return err
		}
		for flag, ids := range map[string][]string{"check": f.which.Only, "skip": f.which.Skip} {
			if cmd.Flags().Changed(flag) && len(ids) == 0 {
				return problem.New(problem.BadInput, commandName+" explain-check lists them", "--%s names no check", flag)
			}
		}
		return nil
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return s.verify(cmd.Context(), f, args) }
	return cmd
}

// verify makes a report and prints it.
func (s *session) verify(ctx context.Context, f *verifyFlags, args []string) error {
	if err := f.check(args); err != nil {
		return err
	}
	if f.from != "" {
		return s.verifyBundle(f)
	}
	clusters, err := s.clustersOf(f)
	if err != nil {
		return err
	}
	if f.watch {
		return s.watchVerify(ctx, f, clusters[0])
	}
	report, err := s.judgeAll(ctx, f, clusters)
	if err != nil {
		return err
	}
	return s.finishReport(f, report)
}

// check refuses what cannot be meant together.
func (f *verifyFlags) check(args []string) error {
	if err := f.scope.read(args); err != nil {
		return err
	}
	f.parts.Canary = !f.noCanary
	many := f.allContexts || len(f.contexts) > 0
	const next = commandName + " verify --help"
	switch {
	case f.which.Unknown() != "":
		return noCheck("", f.which.Unknown())
	case f.allContexts && len(f.contexts) > 0:
		return problem.New(problem.BadInput, "leave one of them out", "--contexts and --all-contexts are two answers to one question")
	case f.from != "" && (many || f.watch || f.parts.Pre):
		return problem.New(problem.BadInput, next, "--from judges a bundle, so no cluster can be asked")
	case f.watch && many:
		return problem.New(problem.BadInput, next, "--watch looks at one cluster")
	case f.watch && !f.format.people():
		return problem.New(problem.BadInput, next, "--watch is for people; use it without -o, or with -o wide")
	}
	return nil
}

func (s *session) verifyBundle(f *verifyFlags) error {
	var from io.Reader = s.In
	if f.from != "-" {
		file, err := os.Open(f.from)
		if err != nil {
			return problem.New(problem.BadInput, "", "--from: %w", err)
		}
		defer file.Close()
		from = file
	}
	snapshot, err := bundle.Read(from)
	if err != nil {
		return problem.New(problem.BadInput, "make one with: "+commandName+" bundle", "%s: %w", f.from, err)
	}
	return s.finishReport(f, &verify.Report{Schema: verify.Schema, Client: version().Version,
		Clusters: []verify.Cluster{*verify.Judge(snapshot, f.which)}})
}

// clustersOf connects to the clusters in question. One whose context is there but cannot be used stays in
// the list with its error, to be shown beside the others.
func (s *session) clustersOf(f *verifyFlags) ([]connection, error) {
	names := f.contexts
	if f.allContexts {
		raw, err := s.flags.Loader().RawConfig()
		if err != nil {
			return nil, err
		}
		for name := range raw.Contexts {
			names = append(names, name)
		}
		slices.Sort(names)
	}
	if len(names) == 0 {
		c, err := s.cluster()
		if err != nil {
			return nil, err
		}
		return []connection{{name: c.Context, cluster: c, place: s.clusterPlace()}}, nil
	}
	all := make([]connection, len(names))
	for n, name := range names {
		flags := s.flags.InContext(name)
		c, err := kube.Connect(flags, userAgent(), nil)
		all[n] = connection{name: name, cluster: c, place: placeOf(flags), err: err}
	}
	return all, nil
}

// connection is one of several clusters, or why there is none.
type connection struct {
	name    string
	cluster *kube.Cluster
	// place is where in AWS it is, as far as the kubeconfig says.
	place aws.Place
	err   error
}

// judgeAll asks all clusters at once. Of several, one that does not answer is a row of the report; of one
// it is the error.
func (s *session) judgeAll(ctx context.Context, f *verifyFlags, clusters []connection) (*verify.Report, error) {
	r := &verify.Report{Schema: verify.Schema, Client: version().Version, Clusters: make([]verify.Cluster, len(clusters))}
	done := make(chan struct{}, len(clusters))
	errs := make([]error, len(clusters))
	for n, c := range clusters {
		go func() {
			defer func() { done <- struct{}{} }()
			if errs[n] = c.err; errs[n] != nil {
				return
			}
			snapshot, err := look(ctx, c.cluster, f.ask(&c))
			if errs[n] = err; err == nil {
				r.Clusters[n] = *verify.Judge(snapshot, f.which)
			}
		}()
	}
	for range clusters {
		<-done
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for n, err := range errs {
		switch {
		case err == nil:
		case len(clusters) == 1:
			return nil, err
		default:
			r.Clusters[n] = verify.Cluster{Context: clusters[n].name, Unreachable: kube.Explain(err, clusters[n].cluster).Error(),
				Injectors: []verify.InjectorSummary{}, Namespaces: []verify.NamespaceReport{}, Workloads: []verify.WorkloadReport{}, Checks: []verify.Result{}}
		}
	}
	return r, nil
}

func (f *verifyFlags) ask(c *connection) verify.Ask {
	return verify.Ask{Client: version().Version, Scope: f.scope.of(c.cluster.Namespace), Parts: f.parts, AllowUncovered: f.uncovered,
		AWS: f.cloud.look(c.place)}
}

// least is the verdict from which on a check counts as failed.
func (f *verifyFlags) least() verify.Verdict {
	if f.failOn == failOnWarning {
		return verify.Warn
	}
	return verify.Fail
}

// judgeScope takes a snapshot of what is in scope and judges it, for commands that act on the verdicts.
func judgeScope(ctx context.Context, c *kube.Cluster, scope verify.Scope) (*verify.Cluster, error) {
	snapshot, err := verify.Collect(ctx, c, verify.Ask{Client: version().Version, Scope: scope, Parts: verify.Parts{Canary: true}})
	if err != nil {
		return nil, err
	}
	return verify.Judge(snapshot, verify.Selection{}), nil
}

// finishReport prints a report and ends with the code that it deserves.
func (s *session) finishReport(f *verifyFlags, r *verify.Report) error {
	if err := writeReport(s.Out, f.format, r, s.table(f.format), f.least()); err != nil {
		return err
	}
	worst := r.Worst()
	switch {
	case f.failOn == failNever || worst == verify.Pass, worst == verify.Warn && f.failOn != failOnWarning:
		return nil
	case worst == verify.Warn:
		return exitWith{code: ExitWarnings}
	}
	return exitWith{code: ExitFailed}
}

// watchVerify shows the report whenever it changes, on a terminal in place.
func (s *session) watchVerify(ctx context.Context, f *verifyFlags, c connection) error {
	home := ""
	if s.live() {
		home = "\x1b[H\x1b[2J"
	}
	var before string
	err := verify.Watch(ctx, c.cluster, f.ask(&c), func(snapshot *verify.Snapshot, err error) error {
		if err != nil {
			s.remark("the cluster cannot be asked now, trying again: %v", err)
			return nil
		}
		var screen bytes.Buffer
		report := &verify.Report{Schema: verify.Schema, Client: version().Version, Clusters: []verify.Cluster{*verify.Judge(snapshot, f.which)}}
		if err := writeReport(&screen, f.format, report, s.table(f.format), f.least()); err != nil {
			return err
		}
		now := screen.String()
		if now == before {
			return nil
		}
		if before != "" && home == "" {
			fmt.Fprintln(s.Out)
		}
		before = now
		_, err = io.WriteString(s.Out, home+now)
		return err
	})
	if errors.Is(err, context.Canceled) {
		return ctx.Err()
	}
	return err
}
