package verify

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/rest"

	"golang.org/x/sync/errgroup"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/canary"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube/clientset"
)

// trials are how often Deep asks each namespace, over a new connection each time: with several API servers
// behind one address, each calls the webhook by itself.
const trials = 4

// tried is the server's answer to one dry-run pod, before it is known which images are the sensor's.
type tried struct {
	namespace string
	answer    canary.Answer
	took      time.Duration
	warnings  []string
	again     []canary.Answer
}

// canaries asks for one dry-run pod in each namespace in question that a webhook covers, and in the one
// namespace in question whether covered or not.
func (k *collector) canaries(ctx context.Context) error {
	if !k.ask.Parts.Canary || len(k.s.Injectors) == 0 {
		return nil
	}
	v := NewView(&Snapshot{Scope: k.s.Scope, Namespaces: k.s.Namespaces, Webhooks: k.s.Webhooks, Injectors: k.s.Injectors})
	names := v.covered()
	if one := k.ask.Scope.Namespace; one != "" && !slices.Contains(names, one) && v.Spaces[one] != nil {
		names = append(names, one)
	}
	k.tries = make([]tried, len(names))
	all, ctx := errgroup.WithContext(ctx)
	all.SetLimit(atOnce)
	for n, name := range names {
		all.Go(func() (err error) {
			k.tries[n], err = k.try(ctx, name, v.wanting(name))
			return err
		})
	}
	return all.Wait()
}

// wanting is a dry-run pod that should get the sensor in a namespace: where pods must ask for it, it asks.
func (v *View) wanting(namespace string) *corev1.Pod {
	pod := canary.Pod()
	if v.optIn(v.ScopeOf(namespace).By) {
		pod.Annotations = map[string]string{InjectionKey: manifest.Enabled}
	}
	return pod
}

func (k *collector) try(ctx context.Context, namespace string, pod *corev1.Pod) (t tried, err error) {
	t.namespace = namespace
	caught, warnings := kube.CatchWarnings(ctx)
	begin := time.Now()
	t.answer, err = canary.Ask(caught, k.c.Client, namespace, k.image(), pod)
	t.took, t.warnings = time.Since(begin), warnings()
	if err != nil || !k.ask.Parts.Deep || k.c.Config == nil {
		return t, err
	}
	for range trials - 1 {
		client, err := fresh(k.c)
		if err != nil {
			return t, err
		}
		answer, err := canary.Ask(caught, client, namespace, k.image(), pod)
		if err != nil {
			return t, err
		}
		t.again = append(t.again, answer)
	}
	return t, nil
}

// fresh is a client with connections of its own.
func fresh(c *kube.Cluster) (clientset.Interface, error) {
	config := rest.CopyConfig(c.Config)
	// A dial function of its own keeps client-go from sharing the connections of clients that are alike.
	config.Dial = newDial()
	return clientset.NewForConfig(config)
}

// image is the sensor image of the injector that is relied on, if it is known.
func (k *collector) image() string {
	for n := range k.s.Injectors {
		if c := k.s.Injectors[n].Config; c != nil && c.Image != "" {
			return c.Image
		}
	}
	return ""
}

// answers turns what the server said to the canaries into what it means.
func (k *collector) answers() {
	var names []string
	for n := range k.s.Webhooks {
		if slices.ContainsFunc(k.s.Injectors, func(i Injector) bool { return i.Webhook == k.s.Webhooks[n].Name }) {
			for _, h := range k.s.Webhooks[n].Webhooks {
				names = append(names, h.Name)
			}
		}
	}
	for _, t := range k.tries {
		c := Canary{Namespace: t.namespace, Sidecar: t.answer.Sidecar, Took: t.took, Warnings: t.warnings}
		c.Class, c.Message = classified(t.answer.Refused, names)
		if len(t.again) > 0 {
			for _, a := range append([]canary.Answer{t.answer}, t.again...) {
				c.Answers = append(c.Answers, word(a, names))
			}
		}
		k.s.Canaries = append(k.s.Canaries, c)
		if c.Class == NotPermitted {
			// It is a right that is lacking, noted like every other.
			_ = k.may(t.answer.Refused, "create", "pods", t.namespace)
		}
	}
	slices.SortFunc(k.s.Canaries, func(a, b Canary) int { return strings.Compare(a.Namespace, b.Namespace) })
}

func word(a canary.Answer, names []string) string {
	class, _ := classified(a.Refused, names)
	switch {
	case class != None:
		return string(class)
	case a.Sidecar != "":
		return NewInjected
	}
	return NewPlain
}

func classified(refused error, webhooks []string) (Class, string) {
	status, ok := errors.AsType[*apierrors.StatusError](refused)
	if !ok {
		return None, ""
	}
	return Classify(status.Status().Code, status.Error(), webhooks...), status.Error()
}

// note keeps which images are in use, and how their pods would pull them.
func (k *collector) note(pod *corev1.Pod) {
	var secrets []string
	for _, s := range pod.Spec.ImagePullSecrets {
		secrets = append(secrets, s.Name)
	}
	for n := range pod.Spec.Containers {
		c := &pod.Spec.Containers[n]
		if _, injected := sensorNames[c.Name]; injected {
			continue
		}
		key := strings.Join(append([]string{c.Image, pod.Namespace, pod.Spec.ServiceAccountName}, secrets...), "\x00")
		t := k.trials[key]
		if t == nil {
			t = &ImageTrial{Image: c.Image, Namespace: pod.Namespace, ServiceAccount: pod.Spec.ServiceAccountName, PullSecrets: secrets}
			k.trials[key] = t
		}
		t.Pods++
		t.bare = t.bare || len(c.Command) == 0
	}
}

// imageTrials asks for a dry-run pod of each image in use in covered namespaces, without a command, so that
// the injector has to look the image up.
func (k *collector) imageTrials(ctx context.Context) error {
	v := NewView(&Snapshot{Scope: k.s.Scope, Namespaces: k.s.Namespaces, Webhooks: k.s.Webhooks, Injectors: k.s.Injectors})
	var names []string
	for _, h := range v.Hooks {
		names = append(names, h.Name)
	}
	var list []*ImageTrial
	for _, t := range k.trials {
		if v.ScopeOf(t.Namespace).Covered {
			list = append(list, t)
		}
	}
	slices.SortFunc(list, func(a, b *ImageTrial) int {
		return strings.Compare(a.Image+"\x00"+a.Namespace+"\x00"+a.ServiceAccount, b.Image+"\x00"+b.Namespace+"\x00"+b.ServiceAccount)
	})
	all, ctx := errgroup.WithContext(ctx)
	all.SetLimit(atOnce)
	for _, t := range list {
		all.Go(func() error {
			pod := v.wanting(t.Namespace)
			pod.Spec.ServiceAccountName = t.ServiceAccount
			pod.Spec.Containers[0].Image, pod.Spec.Containers[0].Command = t.Image, nil
			for _, s := range t.PullSecrets {
				pod.Spec.ImagePullSecrets = append(pod.Spec.ImagePullSecrets, corev1.LocalObjectReference{Name: s})
			}
			caught, _ := kube.CatchWarnings(ctx)
			answer, err := canary.Ask(caught, k.c.Client, t.Namespace, k.image(), pod)
			t.Class, t.Message = classified(answer.Refused, names)
			return err
		})
	}
	if err := all.Wait(); err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, t := range list {
		k.s.Images = append(k.s.Images, *t)
	}
	return nil
}
