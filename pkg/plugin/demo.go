package plugin

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/demo"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
)

// demoFlags are what a run can be told.
type demoFlags struct {
	o       demo.Options
	from    *apiCredentials
	network bool
	dryRun  string
	format  *term.Format
	// chosen are the scenarios, once their names have been read.
	chosen []demo.Scenario
}

func newDemo(s *session) *cobra.Command {
	cmd := s.demoRun(&cobra.Command{
		Use:   "demo",
		Short: "Run a detection from end to end and prove each stage",
		Long: "Run the scenario " + demo.Default + ": a Deployment whose one command is the\n" +
			"pattern of a rootkit's installation, in a namespace " + demo.Namespace + " of its own or\n" +
			"in the one that -n names. Stage by stage it shows that the pod is injected,\n" +
			"runs, was seen by the injector and has registered, and with credentials of the\n" +
			"Falcon API the detection itself, with its link.\n\n" +
			"It is removed once the detection is found, and when the run fails or is stopped.\n" +
			"Without credentials it stays, for you to look in the Falcon console, until:\n" +
			"kubectl falcon demo clean",
		Args: arguments(),
	})
	cmd.AddCommand(newDemoList(s), newDemoRun(s), newDemoStatus(s), newDemoClean(s))
	return cmd
}

func newDemoRun(s *session) *cobra.Command {
	return s.demoRun(&cobra.Command{
		Use:   "run [NAME ...]",
		Short: "Run scenarios one after another",
		Long: "Run the named scenarios one after another, as demo does with its one; demo list\n" +
			"shows which there are.",
	})
}

// demoRun makes a command that runs scenarios: those that its arguments name, or the guide's.
func (s *session) demoRun(cmd *cobra.Command) *cobra.Command {
	f := &demoFlags{dryRun: dryRunNone}
	flags := cmd.Flags()
	flags.StringVar(&f.o.Image, "image", "", "this image in place of the scenario's; it needs bash and what\nthe scenario's command uses")
	flags.StringVar(&f.o.Registry, "registry", "", "the `REGISTRY` that has the scenarios' images under their own\nnames, for clusters without Docker Hub or quay.io")
	flags.BoolVar(&f.network, "allow-network", false, "let scenarios reach out of their pod; demo list says which do")
	flags.BoolVar(&f.o.Keep, "keep", false, "leave it in the cluster however the run ends")
	flags.Var(text[string]{to: &f.dryRun, words: []string{dryRunNone, dryRunClient}}, "dry-run", "make nothing; with -o yaml print the objects. It needs no cluster")
	flags.Lookup("dry-run").NoOptDefVal = dryRunClient
	timeoutFlag(cmd, &f.o.Timeout, "how long to wait for the pod, and for its agent id")
	f.o.DetectionTimeout = 10 * time.Minute
	flags.Var((*patience)(&f.o.DetectionTimeout), "detection-timeout", "how long to look for the detection")
	f.from = falconCredentialsFlag(cmd)
	f.format = formatFlag(cmd)
	cmd.PreRunE = func(_ *cobra.Command, args []string) error { return f.check(args) }
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		f.o.Now = time.Now()
		f.o.Namespace, f.o.Own = *s.flags.Namespace, *s.flags.Namespace == ""
		if f.o.Own {
			f.o.Namespace = demo.Namespace
		}
		if f.dryRun != dryRunNone {
			return s.printDemoObjects(f)
		}
		c, err := s.cluster()
		if err != nil {
			return err
		}
		return s.runDemo(cmd.Context(), c, f, cmd.HasSubCommands())
	}
	return cmd
}

// check refuses what cannot be meant.
func (f *demoFlags) check(args []string) (err error) {
	if err := f.from.check(); err != nil {
		return err
	}
	if len(args) == 0 {
		args = []string{demo.Default}
	}
	if f.o.Image != "" && f.o.Registry != "" {
		return problem.New(problem.BadInput, "give one of them", "--image names the image whole, --registry only where it is")
	}
	if f.chosen, err = demo.Chosen(args, f.network); err != nil {
		return err
	}
	// An image that cannot be meant is told without a cluster.
	_, err = demo.Objects(f.chosen, f.o)
	return err
}

// runDemo runs the scenarios. single prints the one result alone.
func (s *session) runDemo(ctx context.Context, c *kube.Cluster, f *demoFlags, single bool) error {
	s.resumes = f.o.Keep
	if !f.from.absent() {
		client, err := s.falconClient(ctx, f.from)
		if err != nil {
			return err
		}
		defer endFalcon(ctx, client)
		f.o.Detections = client
	}
	results, err := demo.Run(ctx, c, f.chosen, f.o, demo.Reporter{Stage: s.sayStage, Remark: s.remark})
	if *f.format != term.Table && len(results) > 0 {
		var printed any = map[string]any{"runs": results}
		if single {
			printed = results[0]
		}
		if failed := term.Structured(s.Out, *f.format, printed); failed != nil {
			return failed
		}
	}
	if err != nil {
		return err
	}
	for n := range results {
		if *f.format == term.Table {
			if err := printDemo(s.Out, &results[n]); err != nil {
				return err
			}
		}
		s.sayProved(&results[n], &f.chosen[n], f.o.Own)
	}
	return nil
}

func newDemoClean(s *session) *cobra.Command {
	return &cobra.Command{
		Use:   "clean",
		Short: "Remove everything that the demo made",
		Long: "Remove every object of the demo, found by its labels in all namespaces or in the\n" +
			"one that -n names, also of runs that crashed. What others made stays.",
		Args: arguments(),
		RunE: s.onCluster(func(ctx context.Context, c *kube.Cluster, _ []string) error {
			any := false
			in, err := demo.Clean(ctx, c, s.whereDemo(c), func(o kube.Object) {
				any = true
				where := ""
				if o.GetNamespace() != "" {
					where = " in namespace " + o.GetNamespace()
				}
				fmt.Fprintf(s.Out, "%s %s%s\n", kube.Describe(o), kube.Deleted, where)
			})
			s.sayBlind(in)
			if err == nil && !any {
				s.remark("there is no demo%s", inNamespace(*s.flags.Namespace))
			}
			return err
		}),
	}
}

// whereDemo is where the demo's objects are looked for.
func (s *session) whereDemo(c *kube.Cluster) demo.Where {
	return demo.Where{Namespace: *s.flags.Namespace, Otherwise: []string{demo.Namespace, c.Namespace}}
}

func inNamespace(name string) string {
	if name == "" {
		return " in the cluster"
	}
	return " in namespace " + name
}
