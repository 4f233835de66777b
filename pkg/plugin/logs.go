package plugin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/logs"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
)

// logFlags are what logs can be told.
type logFlags struct {
	o          logs.Options
	since      time.Duration
	timestamps bool
	// about and sidecar are as they were given.
	about, sidecar, container string
	format                    lineFormat
}

func newLogs(s *session) *cobra.Command {
	f := logFlags{o: logs.Options{Tail: -1}}
	cmd := &cobra.Command{
		Use:   "logs",
		Short: "Show the injector's logs, or those of a pod's sensor",
		Long: "Show the logs of all the injector's replicas as one, in the order of time,\n" +
			"whoever installed it and wherever it runs.\n\n" +
			"--for shows only the lines about a pod or a workload. Those that name the pod,\n" +
			"or the image of one that has no name yet, are told from those that name only its\n" +
			"namespace, which may be about another pod in it; -o json says which is which.",
		Args:    arguments(),
		PreRunE: func(cmd *cobra.Command, _ []string) error { return f.check(cmd) },
	}
	flags := cmd.Flags()
	flags.BoolVarP(&f.o.Follow, "follow", "f", false, "go on with what is written from now on, also by new\nreplicas")
	flags.BoolVarP(&f.o.Previous, "previous", "p", false, "the logs of the containers before their last restart")
	flags.DurationVar(&f.since, "since", 0, "only what is not older than this, such as 10m")
	flags.Int64Var(&f.o.Tail, "tail", f.o.Tail, "only so many of the last lines of each replica; -1 for all")
	flags.BoolVar(&f.timestamps, "timestamps", false, "with the time at which each line was written")
	flags.StringVar(&f.about, "for", "", "only the lines about this `POD` or TYPE/NAME")
	flags.StringVar(&f.sidecar, "sidecar", "", "the log of the sensor in this `POD`, not the injector's")
	flags.StringVarP(&f.container, "container", "c", "", "with --sidecar: the `NAME` of the container")
	flags.VarP(&f.format, "output", "o", "print each line as an object")
	// It fails only for a flag that is not there.
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"json"}, cobra.ShellCompDirectiveNoFileComp))
	cmd.RunE = s.onCluster(func(ctx context.Context, c *kube.Cluster, _ []string) error { return s.logs(ctx, c, &f) })
	return cmd
}

// lineFormat is how lines are printed: as they are, or each as an object.
type lineFormat string

// String returns the format's name.
func (f *lineFormat) String() string { return string(*f) }

// Type is what help shows for the value.
func (f *lineFormat) Type() string { return "json" }

// Set reads the format.
func (f *lineFormat) Set(text string) error {
	if text != "json" {
		return errors.New("it is not a format; use json, which prints one object per line")
	}
	*f = lineFormat(text)
	return nil
}

// check refuses what cannot be meant.
func (f *logFlags) check(cmd *cobra.Command) error {
	next := cmd.CommandPath() + " --help"
	switch {
	case f.about != "" && f.sidecar != "":
		return problem.New(problem.BadInput, next, "--for is about the injector's log, --sidecar is another log: give one of them")
	case f.container != "" && f.sidecar == "":
		return problem.New(problem.BadInput, next, "-c goes with --sidecar")
	case f.o.Follow && f.o.Previous:
		return problem.New(problem.BadInput, "leave out one of them", "--follow and --previous do not go together: that log has ended")
	case f.o.Tail < -1:
		return problem.New(problem.BadInput, "use -1 for all lines", "--tail: it must be -1 or more")
	case f.since < 0:
		return problem.New(problem.BadInput, "write it as 30s, 10m or 2h", "--since: it must be more than 0")
	}
	if f.sidecar != "" {
		_, err := podName(f.sidecar)
		return err
	}
	_, _, err := f.subject()
	return err
}

// subject is the kind and name of --for; a name alone is a pod's.
func (f *logFlags) subject() (kind, name string, err error) {
	if f.about == "" || !strings.Contains(f.about, "/") {
		return "Pod", f.about, nil
	}
	return kube.ParseTarget(f.about)
}

func (s *session) logs(ctx context.Context, c *kube.Cluster, f *logFlags) error {
	s.endless = f.o.Follow
	if f.since > 0 {
		f.o.Since = time.Now().Add(-f.since)
	}
	list, err := f.lister(ctx, c)
	if err != nil {
		return err
	}
	about := func(*logs.Line) logs.About { return logs.NotAbout }
	if f.about != "" {
		// It was read before, when nothing was wrong with it.
		kind, name, _ := f.subject()
		subject, found, err := logs.Find(ctx, c, kind, c.Namespace, name)
		if err != nil {
			return err
		}
		if !found {
			s.remark("there is no pod %s in namespace %s now; its lines are looked for by its name", name, c.Namespace)
		}
		about = subject.Of
	}
	p := &linePrinter{out: s.Out, paint: s.painter(), stamps: f.timestamps, json: f.format != "", several: f.o.Follow && f.sidecar == ""}
	shown := map[logs.About]int{}
	err = logs.Read(ctx, c, f.o, p.noting(list), s.remark, func(l logs.Line) error {
		if f.sidecar == "" {
			l.Fields = logs.Parse(l.Message)
		}
		if l.About = about(&l); f.about != "" && l.About == logs.NotAbout {
			return nil
		}
		shown[l.About]++
		return p.print(&l)
	})
	if err == nil && f.about != "" {
		s.saySure(f.about, c.Namespace, shown)
	}
	return err
}

func (f *logFlags) lister(ctx context.Context, c *kube.Cluster) (logs.Lister, error) {
	if f.sidecar == "" {
		return logs.Injectors(ctx, c)
	}
	// It was read before, when nothing was wrong with it.
	name, _ := podName(f.sidecar)
	return logs.Sidecar(ctx, c, c.Namespace, name, f.container)
}

// saySure says how much the lines that were shown can mean.
func (s *session) saySure(about, namespace string, shown map[logs.About]int) {
	switch named, near := shown[logs.ByPod], shown[logs.ByNamespace]; {
	case named+near == 0:
		s.remark("the injector's logs have no line about %s in namespace %s: it was not asked about it, or that was before these logs begin", about, namespace)
	case near > 0:
		s.remark("%s name only the namespace %s: they may be about another pod in it", count(near, "line"), namespace)
	}
}

// linePrinter prints lines, each with its pod where there are several.
type linePrinter struct {
	out                   io.Writer
	paint                 term.Painter
	stamps, json, several bool
	// short are the pods by their last part, the random one; several pods may share one.
	short map[string]map[string]bool
}

// noting is a lister that tells the printer whether there are several pods at first: while it prints, that
// does not change.
func (p *linePrinter) noting(list logs.Lister) logs.Lister {
	asked := false
	return func(ctx context.Context) ([]logs.Container, error) {
		all, err := list(ctx)
		if !asked {
			asked, p.several = true, p.several || len(all) > 1
		}
		return all, err
	}
}

func (p *linePrinter) print(l *logs.Line) error {
	if p.json {
		e := json.NewEncoder(p.out)
		e.SetEscapeHTML(false)
		return e.Encode(l)
	}
	var b strings.Builder
	if p.several {
		b.WriteString(p.paint.Paint(term.Dim, "["+p.name(l.Pod)+"]") + " ")
	}
	if p.stamps {
		b.WriteString(l.Time.Format(time.RFC3339Nano) + " ")
	}
	text := term.Clean(l.Message)
	if l.Fields != nil {
		text = p.paint.Paint(levels[l.Fields.Level], text)
	}
	b.WriteString(text)
	_, err := fmt.Fprintln(p.out, b.String())
	return err
}

// levels are the styles of lines that tell of trouble.
var levels = map[string]term.Style{"error": term.Bad, "fatal": term.Bad, "panic": term.Bad, "warning": term.Warn}

// name is a pod's short name: what its ReplicaSet put behind its own, unless another pod has the same.
func (p *linePrinter) name(pod string) string {
	short := pod[strings.LastIndexByte(pod, '-')+1:]
	if p.short == nil {
		p.short = map[string]map[string]bool{}
	}
	if p.short[short] == nil {
		p.short[short] = map[string]bool{}
	}
	if p.short[short][pod] = true; len(p.short[short]) > 1 {
		return pod
	}
	return short
}
