package explain

import (
	"context"
	"errors"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"golang.org/x/sync/errgroup"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/canary"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify"
)

// askedAtOnce bounds the dry runs at the same time: each may have to wait for a webhook's whole timeout.
const askedAtOnce = 4

// Explain answers about the subjects, in their order. made are the labels of namespaces that a file is
// going to make. Injectors that this user may not look at leave the server's answer alone, and pods that
// may not be created the rules; neither is an error.
func Explain(ctx context.Context, c *kube.Cluster, subjects []Subject, made map[string]map[string]string) (*Report, error) {
	r := &Report{Schema: Schema, Context: c.Context, Pods: make([]Explanation, len(subjects))}
	all, err := sources(ctx, c)
	unread := ""
	if apierrors.IsForbidden(err) {
		unread = "you may not look at the cluster's injectors: " + err.Error()
	} else if err != nil {
		return nil, err
	}
	spaces := map[string]space{}
	for n := range subjects {
		name := subjects[n].Namespace
		if _, seen := spaces[name]; seen {
			continue
		}
		if spaces[name], err = namespaceOf(ctx, c, name, made); err != nil {
			return nil, err
		}
	}
	asking, ctx := errgroup.WithContext(ctx)
	asking.SetLimit(askedAtOnce)
	for n := range subjects {
		asking.Go(func() (err error) {
			r.Pods[n], err = one(ctx, c, &subjects[n], all, spaces[subjects[n].Namespace], unread, made)
			return err
		})
	}
	return r, asking.Wait()
}

// one answers about one subject.
func one(ctx context.Context, c *kube.Cluster, s *Subject, all []source, in space, unread string,
	made map[string]map[string]string) (Explanation, error) {
	e := Explanation{Namespace: s.Namespace, Kind: s.Kind, Name: s.Name, File: s.File, About: s.About,
		Injectors: []Injector{}, Unread: unread, Notes: s.Notes}
	if s.Pod == nil {
		e.Outcome, e.Rules, e.Agreement, e.Why = Plain, Plain, Unproved, s.Obstacle
		e.Server.Why = s.Obstacle
		return e, nil
	}
	e.Injectors = apply(all, in, s.Pod)
	e.Notes = append(e.Notes, notes(s.Pod, all)...)
	brings := carrying(s.Pod, all)
	if brings {
		e.Notes = append(e.Notes, "it brings the sensor along by itself, so no injector adds it")
	}
	var err error
	if e.Server, err = ask(ctx, c, s, all, in, made[s.Namespace] != nil); err != nil {
		return e, err
	}
	e.judge(brings)
	if s.bare && e.Outcome == Injected {
		e.Next = "the pod that is there has none: kubectl falcon verify -n NAMESPACE pod/" + s.Name + " says why, and how it gets it"
	}
	e.Next = strings.ReplaceAll(e.Next, "NAMESPACE", s.Namespace)
	return e, nil
}

// ask has the server answer, as far as it can be asked.
func ask(ctx context.Context, c *kube.Cluster, s *Subject, all []source, in space, made bool) (Server, error) {
	if !in.there && made {
		return Server{Why: "the namespace is not there yet"}, nil
	}
	if !in.there {
		return Server{Outcome: Refused, Class: noNamespace, Message: "there is no namespace " + s.Namespace}, nil
	}
	image, names := "", []string(nil)
	for n := range all {
		if image == "" {
			image = all[n].image
		}
		for m := range all[n].hooks {
			names = append(names, all[n].hooks[m].Name)
		}
	}
	answer, err := canary.Ask(ctx, c.Client, s.Namespace, image, s.Pod)
	if err != nil {
		return Server{}, err
	}
	return outcome(answer, names)
}

// outcome turns an answer into the report's form. The error is one that says nothing about the pod.
func outcome(answer canary.Answer, webhooks []string) (Server, error) {
	switch {
	case answer.Forbidden():
		return Server{Class: verify.NotPermitted, Why: "you may not create pods here, and a dry run asks for the same right"}, nil
	case answer.Injected():
		return Server{Outcome: Injected, Sidecar: answer.Sidecar}, nil
	case answer.Refused == nil:
		return Server{Outcome: Plain}, nil
	case apierrors.IsUnauthorized(answer.Refused), apierrors.IsTooManyRequests(answer.Refused):
		return Server{}, answer.Refused
	}
	status, _ := errors.AsType[*apierrors.StatusError](answer.Refused)
	message := status.ErrStatus.Message
	class := verify.Classify(status.ErrStatus.Code, message, webhooks...)
	if apierrors.HasStatusCause(answer.Refused, corev1.NamespaceTerminatingCause) {
		class = verify.Ending
	}
	return Server{Outcome: Refused, Class: class, Message: message}, nil
}

// Error is the error with which a command ends whose report has something wrong, or nil.
func (r *Report) Error() error {
	refused, differ := 0, 0
	for _, p := range r.Pods {
		if p.Outcome == Refused {
			refused++
		}
		if p.Agreement == Disagree {
			differ++
		}
	}
	switch {
	case refused > 0:
		return problem.New(problem.Failed, "", "the API server would refuse %d of %d pods", refused, len(r.Pods))
	case differ > 0:
		return problem.New(problem.Failed, "", "the rules and the API server disagree about %d of %d pods", differ, len(r.Pods))
	}
	return nil
}
