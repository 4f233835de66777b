package plugin

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aid"
	api "github.com/kubectl-falcon/kubectl-falcon/pkg/falcon"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// aidFlags are what aid can be told.
type aidFlags struct {
	o           aid.Options
	everyNS     bool
	selector    string
	wait, cache bool
	timeout     time.Duration
	perWorkload bool
	sample      int
	format      aidFormat
	hosts       bool
	from        *apiCredentials
	// targets are what was named, stdin says that they come from there.
	targets []aid.Target
	stdin   bool
}

func newAID(s *session) *cobra.Command {
	f := &aidFlags{}
	cmd := &cobra.Command{
		Use:   "aid [POD | TYPE/NAME ... | -]",
		Short: "Print the agent ids of the sensors in pods",
		Long: "Print the agent id (AID) by which the Falcon console knows a pod's sensor: of a\n" +
			"pod alone, or of many in a table. TYPE/NAME stands for all pods of a workload, -\n" +
			"reads names from stdin, one a line, also as NAMESPACE/TYPE/NAME. Without a name\n" +
			"it is about the pods of a namespace, or with -A of all.\n\n" +
			"Every pod has one row: an id, or the reason why there is none. What went wrong\n" +
			"is summed up on stderr with what to do. The exit code is 0 only if every pod has\n" +
			"an id; pods that nobody named and that have no sensor, or have ended, count not.",
		// What cannot be meant needs no cluster to be told.
		Args: func(_ *cobra.Command, args []string) error { return f.check(args) },
	}
	flags := cmd.Flags()
	flags.BoolVarP(&f.everyNS, "all-namespaces", "A", false, "in all namespaces")
	flags.StringVarP(&f.selector, "selector", "l", "", "only pods with these `LABELS`, such as app=web")
	flags.StringVarP(&f.o.Container, "container", "c", "", "ask this `CONTAINER` instead of the one that is the sensor's")
	flags.BoolVar(&f.wait, "wait", false, "wait for sensors that are not up or have not registered yet")
	timeoutFlag(cmd, &f.timeout, "how long to wait, with --wait")
	f.o.PodTimeout = aid.DefaultPodTimeout
	flags.Var((*patience)(&f.o.PodTimeout), "pod-timeout", "how long one sensor may take to answer")
	flags.IntVar(&f.o.InFlight, "concurrency", aid.DefaultInFlight, "how many sensors are asked at the same time")
	flags.IntVar(&f.o.PerNode, "per-node", aid.DefaultPerNode, "how many of one node, unless it is Fargate's; more are\nfaster if the node has processors to spare")
	flags.BoolVar(&f.o.Details, "details", false, "also ask for version, CID, tags, proxy, trace and RFM")
	flags.BoolVar(&f.hosts, "hosts", false, "also ask the Falcon API for the host of each id")
	f.from = falconCredentialsFlag(cmd)
	flags.BoolVar(&f.perWorkload, "per-workload", false, "ask one pod of each workload")
	flags.IntVar(&f.sample, "sample", 0, "ask `N` pods that can be asked, spread over the nodes")
	flags.BoolVar(&f.cache, "cache", false, "remember the ids, and do not ask the same container\nagain")
	flags.VarP(&f.format, "output", "o", "print as `FORMAT`: "+strings.Join(aidFormats, ", "))
	// It fails only for a flag that is not there.
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(aidFormats, cobra.ShellCompDirectiveNoFileComp))
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if f.stdin {
			if err := f.readNames(cmd.Context(), s.In); err != nil {
				return err
			}
		}
		c, err := s.cluster()
		if err != nil {
			return err
		}
		return s.aid(cmd.Context(), c, f)
	}
	return cmd
}

// check refuses what cannot be meant.
func (f *aidFlags) check(args []string) error {
	const next = commandName + " aid --help"
	f.targets, f.stdin = nil, false
	for _, arg := range args {
		if arg == "-" {
			f.stdin = true
			continue
		}
		t, err := aidTarget(arg)
		if err != nil {
			return err
		}
		f.targets = append(f.targets, t)
	}
	if _, err := labels.Parse(f.selector); err != nil {
		return problem.New(problem.BadInput, "write it as kubectl does: app=web,tier!=cache", "--selector: %w", err)
	}
	switch {
	case f.stdin && len(args) > 1:
		return problem.New(problem.BadInput, next, "- reads all names from stdin, so there can be no others")
	case f.stdin && f.everyNS:
		return problem.New(problem.BadInput, "leave -A out, or leave - out to ask them all", "- reads which pods to ask, and -A asks those of all namespaces")
	case len(args) > 0 && f.everyNS:
		return problem.New(problem.BadInput, "say where it is with -n", "%s cannot be in all namespaces", args[0])
	case len(args) > 0 && f.selector != "":
		return problem.New(problem.BadInput, next, "give either names or -l: both do not go together")
	case f.o.PerNode < 1:
		return problem.New(problem.BadInput, "use 1 for one after another", "--per-node: it must be 1 or more")
	case f.o.InFlight < 1:
		return problem.New(problem.BadInput, "use 1 for one after another", "--concurrency: it must be 1 or more")
	case f.sample < 0:
		return problem.New(problem.BadInput, next, "--sample: it must be 1 or more")
	}
	return nil
}

// single says that one pod is meant and nothing else was asked for: then the id alone is printed, for scripts.
func (f *aidFlags) single() bool {
	return !f.stdin && len(f.targets) == 1 && f.targets[0].Kind == "Pod" && f.format == "" && !f.o.Details && !f.hosts
}

func (s *session) aid(ctx context.Context, c *kube.Cluster, f *aidFlags) error {
	if f.wait {
		f.o.Wait = f.timeout
	}
	if f.cache {
		f.o.Cache = s.openCache(c)
		defer func() {
			if err := f.o.Cache.Save(); err != nil {
				s.remark("%v", err)
			}
		}()
	}
	if f.single() {
		id, err := aid.One(ctx, c, c.Namespace, f.targets[0].Name, f.o)
		if err == nil {
			_, err = s.Out.Write([]byte(id + "\n"))
		}
		return err
	}
	var client *api.Client
	if f.hosts {
		// What is wrong with the credentials is told before anybody is asked.
		var err error
		if client, err = s.falconClient(ctx, f.from); err != nil {
			return err
		}
		defer endFalcon(ctx, client)
	}
	pods, missing, err := aid.Find(ctx, c, f.selection(c.Namespace))
	if err != nil {
		return err
	}
	if len(pods) == 0 && (len(missing) == 0 || len(f.targets) == 1 && !f.stdin) {
		return s.nobody(f, c.Namespace, missing)
	}
	if f.o.Images = aid.Recognise(ctx, c, pods); f.o.Details {
		if f.o.CID, _, err = aid.Configured(ctx, c); err != nil && ctx.Err() == nil {
			s.remark("the CIDs cannot be compared: the injector's settings cannot be read: %v", err)
		}
	}
	if f.perWorkload {
		pods = aid.PerWorkload(pods)
	}
	if f.sample > 0 {
		all := len(pods)
		if pods = aid.Sample(pods, f.sample); len(pods) == 0 {
			return problem.New(problem.Failed, "leave --sample out to see why", "there is nothing to sample: none of %s can be asked", count(all, "pod"))
		}
	}
	f.o.Selected = len(f.targets) == 0
	return s.askAll(ctx, c, f, pods, missing, client)
}

// selection puts the targets into the namespace in use, but for those that name their own.
func (f *aidFlags) selection(namespace string) aid.Selection {
	selection := aid.Selection{Namespace: namespace, Selector: f.selector, Container: f.o.Container}
	if f.everyNS {
		selection.Namespace = metav1.NamespaceAll
	}
	for _, t := range f.targets {
		if t.Namespace == "" {
			t.Namespace = namespace
		}
		selection.Targets = append(selection.Targets, t)
	}
	return selection
}

// nobody is the end of a run in which there is no pod to ask.
func (s *session) nobody(f *aidFlags, namespace string, missing []aid.Result) error {
	switch {
	case len(missing) == 1:
		return problem.New(problem.BadInput, missing[0].Next(), "there is no %s",
			kube.Called(f.targets[0].Kind, f.targets[0].Name, missing[0].Namespace))
	case len(f.targets) == 1:
		t := f.targets[0]
		name := strings.ToLower(t.Kind) + "/" + t.Name
		return problem.New(problem.Failed, commandName+" explain "+name+" -n "+namespace+" says whether they are refused",
			"%s in namespace %s has no pods", name, namespace)
	case len(f.targets) > 0:
		return problem.New(problem.Failed, "kubectl get pods -n "+namespace+" shows which there are", "what was named has no pods")
	case f.everyNS:
		s.remark("there are no such pods")
	default:
		s.remark("there are no such pods in namespace %s", namespace)
	}
	return s.printAIDs(f, &aid.Report{Schema: aid.Schema, Pods: []aid.Result{}, Summary: aid.Summary{Reasons: map[aid.Reason]int{}}})
}

// openCache opens the cache of a cluster, in the user's folder for such.
func (s *session) openCache(c *kube.Cluster) *aid.Cache {
	folder, err := os.UserCacheDir()
	if err != nil {
		s.remark("nothing is remembered: %v", err)
		return nil
	}
	name := c.Context
	if raw, err := s.flags.Loader().RawConfig(); err == nil && raw.Contexts[c.Context] != nil {
		name = raw.Contexts[c.Context].Cluster
	}
	cache, err := aid.OpenCache(filepath.Join(folder, "kubectl-falcon", aid.CacheName(c.Config.Host, name)))
	if err != nil {
		s.remark("%v", err)
	}
	return cache
}

// failure is the error of a run in which pods have no id. What is to be done about each was said.
func failure(r *aid.Report) error {
	if r.Summary.Failed == 0 {
		return nil
	}
	kind, timedOut := problem.Failed, 0
	for n := range r.Pods {
		if r.Pods[n].TimedOut() {
			timedOut++
		}
	}
	switch r.Summary.Failed {
	case timedOut, r.Summary.Reasons[aid.Timeout]:
		kind = problem.TimedOut
	case r.Summary.Reasons[aid.Forbidden]:
		kind = problem.NoAccess
	}
	return problem.New(kind, "", "%d of %s have no agent id", r.Summary.Failed, count(r.Summary.Pods, "pod"))
}
