package plugin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/ecr"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/fargate"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/demo"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/sensor"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/stage"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
)

// guideHeading is over the flags of up that install does not have: about AWS and the way there.
const guideHeading = "AWS, and the way from the vendor to the cluster"

// upFlags is the command line of up and down.
type upFlags struct {
	inject *installFlags
	eks    *eksFlags
	from   *apiCredentials

	repository, source, version, demoImage string
	namespaces                             []string
	noRole, noDemo                         bool
	create, plan                           bool
	detection                              time.Duration
	// selectors are the pods that are to run on Fargate, once the flags are read.
	selectors []fargate.Selector
}

// defaultRepository is what the guide calls it.
const defaultRepository = "falcon-sensor"

func (f *upFlags) guideFlags(set *pflag.FlagSet) {
	set.Var(text[string]{to: &f.eks.region, kind: "REGION"}, "region", "the AWS region; without it that of the kubeconfig's cluster")
	set.Var(text[string]{to: &f.eks.profile, kind: "NAME"}, "profile", "a profile in AWS's configuration")
	set.Var(text[string]{to: &f.eks.cluster, kind: "NAME"}, "cluster", "the EKS cluster; without it the kubeconfig's")
	set.BoolVar(&f.create, "create-cluster", false, "make the cluster with an installed eksctl if there is none of that name")
	set.Var(text[string]{to: &f.repository, kind: "NAME"}, "repository", "the repository in ECR for the sensor's image")
	set.Var(text[string]{to: &f.source, kind: "SOURCE"}, "source", "where the image comes from, as for sensor push: a tarball, a reference or "+
		"falcon-api:VERSION; without it the vendor's registry")
	set.Var(text[string]{to: &f.version, kind: "VERSION"}, "sensor-version", "the vendor's version, such as 7.40; without it the newest")
	set.Var(list{&f.namespaces, "NAME,..."}, "fargate-namespaces", "namespaces whose pods run on Fargate, besides the injector's; repeatable")
	set.BoolVar(&f.noRole, "no-role", false, "make no IAM role with which the injector reads images in ECR")
	set.Var(text[string]{to: &f.demoImage, kind: "IMAGE"}, "demo-image", "an image for the demo in place of the vendor's, such as its copy in your registry")
	set.BoolVar(&f.noDemo, "no-demo", false, "do not run a detection at the end")
}

// guideFlag says whether a name is that of one of these flags, which install skips in a file for both.
func guideFlag(name string) bool {
	set := pflag.NewFlagSet("", pflag.ContinueOnError)
	f := &upFlags{eks: &eksFlags{awsFlags: &awsFlags{}}}
	f.guideFlags(set)
	return set.Lookup(name) != nil
}

func newUp(s *session) *cobra.Command {
	f := &upFlags{inject: newInstallFlags(), eks: &eksFlags{awsFlags: &awsFlags{command: "up"}}, repository: defaultRepository,
		detection: 10 * time.Minute}
	f.inject.o.Fargate = true
	f.inject.command = commandName + " up"
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Do the whole guide on EKS Fargate, up to a proved detection",
		Long: "Do the whole guide on an EKS Fargate cluster: a Fargate profile for the\n" +
			"injector, a repository in ECR, the sensor's image in it, an IAM role, the\n" +
			"injector, and a detection that proves it all; with --create-cluster the cluster\n" +
			"first. It shows a plan before it begins; --plan ends with that.\n\n" +
			"What is there is used, and what depends on nothing is done at the same time.\n" +
			"After Ctrl-C, or a failure that was mended, run it again: it goes on from what\n" +
			"is there. kubectl falcon down takes away what it made.\n\n" +
			"It takes the flags of install, and its file with -f.",
		Args: arguments(),
	}
	defineGroups(cmd.Flags(), append(append([]flagGroup{{guideHeading, f.guideFlags}}, f.inject.groups()...), flagGroup{runHeading, func(set *pflag.FlagSet) {
		set.VarP(text[string]{to: &f.inject.filename, kind: "FILE"}, "filename", "f",
			"read flags from a YAML file (- is stdin): their names without dashes; flags given here win")
		set.BoolVar(&f.plan, "plan", false, "only show what there is and what would be done")
		set.Var((*patience)(&f.inject.how.Timeout), "timeout", "how long to wait for the injector to be Ready")
		set.Var((*patience)(&f.detection), "detection-timeout", "how long to look for the detection")
	}}))
	cmd.Flags().Lookup("fargate").DefValue = "true"
	f.from = falconCredentialsFlag(cmd)
	f.eks.format = formatFlag(cmd)
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error {
		f.inject.stdin.in = s.In
		return f.complete(cmd.Flags())
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return s.up(cmd.Context(), f) }
	return cmd
}

// unknownImage stands for the one that is only known once it is pushed.
const unknownImage = "registry.invalid/falcon-sensor:0"

// complete reads the flags and refuses what cannot be meant, without a cluster or AWS.
func (f *upFlags) complete(flags *pflag.FlagSet) error {
	if err := f.from.check(); err != nil {
		return err
	}
	if err := f.inject.read(flags); err != nil {
		return err
	}
	o := &f.inject.o
	_, fromAPI := sensor.APISource(f.source)
	switch noAPI := f.from.absent(); {
	case o.CID == "" && len(f.inject.sources) == 0 && noAPI:
		return problem.New(problem.BadInput, "set FALCON_CLIENT_ID and FALCON_CLIENT_SECRET, or give --cid",
			"the customer id is not known: there is no --cid, and there are no credentials of the Falcon API")
	case o.Image == "" && f.source == "" && noAPI:
		return problem.New(problem.BadInput, "set FALCON_CLIENT_ID and FALCON_CLIENT_SECRET, or give --source or --image",
			"it is not known where the image comes from: there is no --source, and there are no credentials of the Falcon API")
	case f.source != "" && f.version != "":
		return problem.New(problem.BadInput, "leave --sensor-version out, or write --source falcon-api:"+f.version,
			"--sensor-version chooses an image in the vendor's registry, and --source names another one")
	case noAPI && fromAPI:
		return problem.New(problem.BadInput, "set FALCON_CLIENT_ID and FALCON_CLIENT_SECRET, or name another source",
			"--source %s needs credentials of the Falcon API", f.source)
	case o.Image != "" && f.source != "":
		return problem.New(problem.BadInput, "leave one of them out", "--image is one that is in a registry already, --source one to be pushed")
	}
	if err := ecr.CheckName(f.repository); err != nil {
		return err
	}
	if f.create && f.eks.cluster == "" {
		return problem.New(problem.BadInput, "name it with --cluster", "--create-cluster: the new cluster has no name")
	}
	if err := f.selectPods(); err != nil {
		return err
	}
	trial := *f.inject
	if trial.o.Image == "" {
		trial.o.Image = unknownImage
	}
	if trial.o.CID == "" {
		trial.o.CID = anyCID
	}
	return trial.validate()
}

// selectPods makes selectors of the namespaces: the injector's, the demo's, and those given.
func (f *upFlags) selectPods() error {
	all := []string{manifest.Namespace}
	if !f.noDemo {
		all = append(all, demo.Namespace)
	}
	for _, one := range append(all, f.namespaces...) {
		selector, err := fargate.ParseSelector(one)
		if err != nil {
			return err
		}
		f.selectors = append(f.selectors, selector)
	}
	return nil
}

// up shows the plan and then does it.
func (s *session) up(ctx context.Context, f *upFlags) error {
	u, err := s.undertake(ctx, f)
	if err != nil {
		return err
	}
	defer u.end(ctx)
	stages := u.stages()
	planned, takes, err := stage.Plan(ctx, stages)
	if shown := s.showPlan(f, planned, takes); shown != nil || err != nil || f.plan {
		return errors.Join(shown, err)
	}
	s.resumes, s.undoneBy = true, commandName+" down"
	outcomes, err := u.run(ctx, stages)
	return s.summarise(f, u, outcomes, err)
}

// showPlan prints what there is and what will be done; with --plan as the command's result.
func (s *session) showPlan(f *upFlags, planned []stage.Outcome, takes time.Duration) error {
	if len(planned) == 0 {
		return nil
	}
	if f.plan && *f.eks.format != term.Table {
		return term.Structured(s.Out, *f.eks.format, map[string]any{"plan": planned, "seconds": takes.Seconds()})
	}
	to := s.Err
	if f.plan {
		to = s.Out
	}
	rows := make([][]string, 0, len(planned))
	for n := range planned {
		o := &planned[n]
		about := ""
		if o.State == stage.Planned && o.Seconds > 0 {
			about = "about " + seconds(o.Seconds)
		}
		rows = append(rows, []string{o.Name, string(o.State), about, inBrief(o)})
	}
	if err := narrow(to, []string{"STAGE", "STATE", "TAKES", "WHAT"}, rows); err != nil {
		return err
	}
	if takes > 0 {
		s.remark("in all about %s", seconds(takes.Seconds()))
	}
	return nil
}

// planText is what a dry run would call, in a few words.
func planText(steps int, what string) string {
	if steps == 1 {
		return what + ", by one call"
	}
	return fmt.Sprintf("%s, by %d calls", what, steps)
}
