package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"golang.org/x/sync/errgroup"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// Ask is what a snapshot is to be about.
type Ask struct {
	// Client is the version of this program.
	Client string
	Scope  Scope
	Parts  Parts
	// AllowUncovered are namespaces that may be out of scope without a warning.
	AllowUncovered []string
	// AWS looks at the account that the cluster is in; it is asked if Parts has AWS.
	AWS AskAWS
	// Pods gives the pods in scope, one after another; nil asks the server. It must not keep or change them.
	Pods func(yield func(*corev1.Pod)) error
}

// atOnce bounds the requests that are sent at the same time to many places.
const atOnce = 16

// collector fills one snapshot. Its parts run at the same time, so what several of them write has a lock.
type collector struct {
	c   *kube.Cluster
	ask Ask
	s   *Snapshot

	mu sync.Mutex
	// hooked is closed once the webhooks are known: which labels of a pod matter follows from them.
	hooked chan struct{}
	// deployments are all of the cluster's, reduced to what is needed of them.
	deployments []appsv1.Deployment
	// suspects are pods that look like an injector's.
	suspects []corev1.Pod
	// trials are the images in use.
	trials map[string]*ImageTrial
	tries  []tried
	// ordinary counts the nodes that are not Fargate's.
	ordinary int
	// answered says that the server has told something, refused what it first would not tell.
	answered bool
	refused  error
}

// Collect looks at a cluster. What this user may not see is noted in the snapshot, and so is what the
// server cannot answer; the error is that of a server which cannot be asked at all, or of a namespace in
// question that is not there.
func Collect(ctx context.Context, c *kube.Cluster, ask Ask) (*Snapshot, error) {
	k := &collector{c: c, ask: ask, hooked: make(chan struct{}), trials: map[string]*ImageTrial{}, s: &Snapshot{
		Client: ask.Client, Context: c.Context, Scope: ask.Scope, Asked: ask.Parts, AllowUncovered: ask.AllowUncovered,
		Namespaces: []Namespace{}, Webhooks: []admissionv1.MutatingWebhookConfiguration{}, Injectors: []Injector{}, Pods: []Pod{},
	}}
	if c.Config != nil {
		k.s.Host = c.Config.Host
	}
	all, inner := errgroup.WithContext(ctx)
	injectors := make(chan struct{})
	all.Go(func() error { return k.version(inner) })
	all.Go(func() error { return k.nodeSensors(inner) })
	all.Go(func() error { return k.pods(inner) })
	all.Go(func() error {
		defer close(injectors)
		return k.control(inner)
	})
	all.Go(func() error {
		// Which namespaces are to be asked is known then, and the pods take longer.
		<-injectors
		if inner.Err() != nil {
			return nil
		}
		return k.canaries(inner)
	})
	if err := all.Wait(); err != nil {
		return nil, err
	}
	if !k.answered && k.refused != nil {
		// A report on nothing at all would only bury why.
		return nil, k.refused
	}
	if err := k.complete(ctx); err != nil {
		return nil, err
	}
	return k.s, nil
}

// control reads the namespaces, the webhooks and the injectors, which the rest depends on.
func (k *collector) control(ctx context.Context) error {
	all, inner := errgroup.WithContext(ctx)
	all.Go(func() error { return k.namespaces(inner) })
	all.Go(func() error {
		defer close(k.hooked)
		return k.webhooks(inner)
	})
	all.Go(func() error { return k.workloads(inner) })
	if err := all.Wait(); err != nil {
		return err
	}
	return k.injectors(ctx)
}

// complete adds what needs all the rest.
func (k *collector) complete(ctx context.Context) error {
	s := k.s
	if err := k.injectorPods(ctx); err != nil {
		return err
	}
	k.resolve()
	k.answers()
	if s.Asked.Deep || s.Asked.AWS {
		if err := k.nodes(ctx); err != nil {
			return err
		}
	}
	all, inner := errgroup.WithContext(ctx)
	if s.Asked.AWS {
		about := k.inAWS()
		all.Go(func() error { return k.lookAtAWS(inner, about) })
	}
	all.Go(func() error { return k.blocked(inner) })
	all.Go(func() error { return k.quotas(inner) })
	if s.Asked.Deep {
		all.Go(func() error { return k.deep(inner) })
	}
	if s.Asked.AIDs {
		all.Go(func() error { return k.sensors(inner) })
	}
	// Without an injector what is left of one is the question.
	if s.Asked.Leftovers || len(s.Injectors) == 0 && s.Scope.Namespace == "" {
		s.Asked.Leftovers = true
		all.Go(func() error { return k.leftovers(inner) })
	}
	if s.Asked.Pre {
		all.Go(func() error { return k.rehearse(inner) })
	}
	if err := all.Wait(); err != nil {
		return err
	}
	if t := k.c.Traffic; t != nil {
		s.Throttled, s.Skew = t.Throttled(), t.Skew()
	}
	s.Taken = time.Now().Add(-s.Skew).UTC()
	return nil
}

// may notes a right that is lacking, or an answer that the server could not give, and returns any other
// error: that of a run which was stopped, or of a server that cannot be reached.
func (k *collector) may(err error, verb, resource, namespace string) error {
	if err == nil || apierrors.IsNotFound(err) {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.answered = true
		return nil
	}
	status, answered := errors.AsType[*apierrors.StatusError](err)
	if !answered || apierrors.IsUnauthorized(err) {
		return fmt.Errorf("%s %s: %w", verb, resource, err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	// Of the version's answer only the code is known, so another's says more.
	if k.refused == nil && resource != "version" {
		k.refused = fmt.Errorf("%s %s: %w", verb, resource, err)
	}
	if !apierrors.IsForbidden(err) {
		failure := verb + " " + resource + ": " + status.Error()
		if !slices.Contains(k.s.Failed, failure) {
			k.s.Failed = append(k.s.Failed, failure)
			slices.Sort(k.s.Failed)
		}
		return nil
	}
	if d := (Denial{Verb: verb, Resource: resource, Namespace: namespace}); !slices.Contains(k.s.Denied, d) {
		k.s.Denied = append(k.s.Denied, d)
		slices.SortFunc(k.s.Denied, func(a, b Denial) int { return strings.Compare(a.String(), b.String()) })
	}
	return nil
}

func (k *collector) version(ctx context.Context) error {
	info, err := kube.ServerVersion(ctx, k.c)
	if err != nil {
		return k.may(err, "get", "version", "")
	}
	k.s.Server = info.GitVersion
	return nil
}

func (k *collector) namespaces(ctx context.Context) error {
	err := eachPage(ctx, func(o metav1.ListOptions) (string, error) {
		list, err := k.c.Client.CoreV1().Namespaces().List(ctx, o)
		if err != nil {
			return "", err
		}
		for n := range list.Items {
			k.s.Namespaces = append(k.s.Namespaces, reduceNamespace(&list.Items[n]))
		}
		return list.Continue, nil
	})
	if err = k.may(err, "list", "namespaces", ""); err != nil {
		return err
	}
	name := k.ask.Scope.Namespace
	if name == "" || slices.ContainsFunc(k.s.Namespaces, func(n Namespace) bool { return n.Name == name }) {
		return nil
	}
	// Who may not list them may still read the one in question.
	one, err := k.c.Client.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return problem.New(problem.BadInput, "kubectl get namespaces shows which there are", "there is no namespace %q", name)
	case err == nil:
		k.s.Namespaces = append(k.s.Namespaces, reduceNamespace(one))
	}
	return k.may(err, "get", "namespaces", "")
}

func reduceNamespace(ns *corev1.Namespace) Namespace {
	r := Namespace{Name: ns.Name, Labels: ns.Labels, Terminating: ns.DeletionTimestamp != nil}
	if _, there := ns.Labels[InjectionKey]; there {
		r.Marked = labelledAt(ns, InjectionKey)
	}
	if mark, there := ns.Annotations[InjectionKey]; there {
		r.Annotations = map[string]string{InjectionKey: mark}
	}
	if r.Terminating {
		for _, c := range ns.Status.Conditions {
			if c.Status == corev1.ConditionTrue && c.Message != "" {
				r.Blocking = strings.TrimSpace(r.Blocking + " " + c.Message)
			}
		}
	}
	return r
}

// labelledAt is when the manager of a label last wrote the object, which is not before the label was set.
func labelledAt(o metav1.Object, label string) (last time.Time) {
	for _, m := range o.GetManagedFields() {
		if m.FieldsV1 != nil && m.Time != nil && strings.Contains(m.FieldsV1.GetRawString(), `"f:`+label+`"`) && m.Time.After(last) {
			last = m.Time.UTC()
		}
	}
	return last
}

func (k *collector) webhooks(ctx context.Context) error {
	list, err := k.c.Client.AdmissionregistrationV1().MutatingWebhookConfigurations().List(ctx, metav1.ListOptions{})
	if err != nil {
		return k.may(err, "list", "mutatingwebhookconfigurations.admissionregistration.k8s.io", "")
	}
	k.s.Webhooks = list.Items
	return k.may(nil, "", "", "")
}

// pageSize keeps the memory of a large list near one page.
const pageSize = 500

// eachPage asks for page after page; ask returns where the next one begins.
func eachPage(ctx context.Context, ask func(metav1.ListOptions) (next string, err error)) error {
	options := metav1.ListOptions{Limit: pageSize}
	for {
		next, err := ask(options)
		if err != nil || next == "" {
			return err
		}
		options.Continue = next
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}
