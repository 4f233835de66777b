package demo

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

const (
	// lookEvery is how often a wait looks again.
	lookEvery = 300 * time.Millisecond
	// settling is how long a new namespace may take for what the cluster itself puts into it.
	settling = 20 * time.Second
)

// What EKS Fargate writes on nodes and pods.
const (
	fargateNode    = "eks.amazonaws.com/compute-type"
	fargateProfile = "eks.amazonaws.com/fargate-profile"
	fargate        = "fargate"
)

// place has the namespace ready: an existing one is only looked at, the demo's own is made.
func (r *run) place(ctx context.Context) error {
	ns := r.o.Namespace
	now, err := r.c.Client.CoreV1().Namespaces().Get(ctx, ns, metav1.GetOptions{})
	missing := apierrors.IsNotFound(err)
	switch {
	case err != nil && !missing:
		return fmt.Errorf("read namespace/%s: %w", ns, err)
	case missing && !r.o.Own:
		return problem.New(problem.BadInput, "kubectl create namespace "+ns+" makes it; without -n the demo has one of its own",
			"there is no namespace %q", ns)
	case !r.o.Own:
		return nil
	case !missing && !ours(now):
		return problem.New(problem.BadInput, "name it with -n if it is meant, or another one",
			"there is a namespace %s that the demo did not make", ns)
	case !missing && now.DeletionTimestamp != nil:
		if err := r.gone(ctx); err != nil {
			return err
		}
	}
	if err := r.apply(ctx, ownNamespace(r.o)); err != nil {
		return err
	}
	if err := r.apply(ctx, quota(r.o)); err != nil {
		return err
	}
	return r.settle(ctx)
}

// gone waits for the end of the demo before this one.
func (r *run) gone(ctx context.Context) error {
	r.report.Remark("namespace/%s of an earlier demo is still being deleted", r.o.Namespace)
	err := wait.PollUntilContextTimeout(ctx, lookEvery, r.o.Timeout, false, func(ctx context.Context) (bool, error) {
		_, err := r.c.Client.CoreV1().Namespaces().Get(ctx, r.o.Namespace, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return true, nil
		}
		return false, err
	})
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return problem.New(problem.TimedOut, "kubectl get namespace "+r.o.Namespace+" -o yaml says what keeps it",
			"namespace/%s of an earlier demo is still being deleted after %s", r.o.Namespace, r.o.Timeout)
	}
	return err
}

// settle waits for the account and the quota of a new namespace: before, pods in it are refused for a moment
// that is nobody's fault.
func (r *run) settle(ctx context.Context) error {
	core := r.c.Client.CoreV1()
	err := wait.PollUntilContextTimeout(ctx, lookEvery, settling, true, func(ctx context.Context) (bool, error) {
		if _, err := core.ServiceAccounts(r.o.Namespace).Get(ctx, "default", metav1.GetOptions{}); err != nil {
			return false, ctx.Err()
		}
		q, err := core.ResourceQuotas(r.o.Namespace).Get(ctx, Namespace, metav1.GetOptions{})
		return err == nil && len(q.Status.Hard) > 0, ctx.Err()
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		// If it matters the pod will say so.
		r.report.Remark("namespace/%s is not complete after %s", r.o.Namespace, settling)
	}
	return nil
}

// covered says whether a pod can run where all nodes are AWS EKS Fargate's, which takes only pods of
// namespaces that a profile selects. AWS writes the profile on a pod as it is made, also in dry run, so no
// right in AWS is needed to know.
func (r *run) covered(ctx context.Context, s *Scenario) error {
	only, err := r.onlyFargate(ctx)
	if err != nil || !only {
		return err
	}
	d, err := Deployment(s, r.o)
	if err != nil {
		return err
	}
	pod := kube.PodOf(d)
	pod.Namespace = r.o.Namespace
	got, err := r.c.Client.CoreV1().Pods(r.o.Namespace).Create(ctx, pod, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		// What is wrong with the pod is said when it is made.
		r.report.Remark("whether a Fargate profile selects namespace %s is not known: %s", r.o.Namespace, err)
		return nil
	case got.Labels[fargateProfile] != "":
		return nil
	}
	return problem.New(problem.Failed, "make a Fargate profile that selects the namespace "+r.o.Namespace+", or use -n with one that is selected",
		"no Fargate profile selects namespace %s, and the cluster has no other nodes: the pod would wait forever", r.o.Namespace)
}

// onlyFargate says whether all nodes are Fargate's. A cluster without any node may become anything.
func (r *run) onlyFargate(ctx context.Context) (bool, error) {
	any := func(selector string) (bool, error) {
		list, err := r.c.Client.CoreV1().Nodes().List(ctx, metav1.ListOptions{LabelSelector: selector, Limit: 1})
		if err != nil {
			return false, err
		}
		return len(list.Items) > 0, nil
	}
	other, err := any(fargateNode + "!=" + fargate)
	if err == nil && !other {
		var some bool
		if some, err = any(fargateNode + "=" + fargate); err == nil {
			return some, nil
		}
	}
	if apierrors.IsForbidden(err) {
		r.report.Remark("whether this is a cluster of AWS EKS Fargate is not known: nodes may not be listed")
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("list nodes: %w", err)
	}
	return false, nil
}

// ours says whether the demo made an object.
func ours(o metav1.Object) bool { return inject.Ours(o) && o.GetLabels()[partOf] == "falcon-demo" }
