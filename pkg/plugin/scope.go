package plugin

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify"
)

// scopeFlags say which pods a command is about: -n is one of kubectl's flags.
type scopeFlags struct {
	all      bool
	selector string
	targets  []verify.Target
}

func (f *scopeFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVarP(&f.all, "all-namespaces", "A", false, "all namespaces")
	cmd.Flags().StringVarP(&f.selector, "selector", "l", "", "only pods with these `LABELS`, such as app=web")
}

// read takes the targets from the arguments and refuses what cannot be meant.
func (f *scopeFlags) read(args []string) error {
	if _, err := labels.Parse(f.selector); err != nil {
		return problem.New(problem.BadInput, "write it as kubectl does, such as -l app=web,tier!=db", "-l: %w", err)
	}
	f.targets = nil
	for _, arg := range args {
		kind, name, err := kube.ParseTarget(arg)
		if err != nil {
			return err
		}
		f.targets = append(f.targets, verify.Target{Kind: kind, Name: name})
	}
	if f.all && len(args) > 0 {
		return problem.New(problem.BadInput, "say where it is with -n", "%s cannot be in all namespaces", strings.Join(args, " "))
	}
	return nil
}

// look takes a snapshot of what was named, all of which has to be there.
func look(ctx context.Context, c *kube.Cluster, ask verify.Ask) (*verify.Snapshot, error) {
	snapshot, err := verify.Collect(ctx, c, ask)
	if err != nil {
		return nil, err
	}
	return snapshot, missing(ctx, c, snapshot.Unseen())
}

// missing refuses targets that are not in the cluster: a misspelt name would otherwise look like a
// workload with which nothing is wrong. What may not be read is taken to be there.
func missing(ctx context.Context, c *kube.Cluster, targets []verify.Target) error {
	for _, t := range targets {
		if _, err := c.Maker(ctx, t.Kind, t.Name, c.Namespace); apierrors.IsNotFound(err) {
			return problem.New(problem.BadInput, "kubectl get "+strings.ToLower(t.Kind)+"s -n "+c.Namespace,
				"there is no %s", kube.Called(t.Kind, t.Name, c.Namespace))
		}
	}
	return nil
}

func (f *scopeFlags) of(namespace string) verify.Scope {
	scope := verify.Scope{Namespace: namespace, Selector: f.selector, Targets: f.targets}
	if f.all {
		scope.Namespace = ""
	}
	return scope
}
