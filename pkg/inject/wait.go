package inject

import (
	"context"
	"errors"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// pollEvery is how often the cluster is asked while something is awaited: three small requests.
const pollEvery = 300 * time.Millisecond

// stillEvery is how often a wait says that it goes on.
const stillEvery = 10 * time.Second

// waitReady returns when every replica of the current configuration is available and the Service has a
// ready address. Reasons why pods do not come up are reported when they are first seen.
// covered says whether there is a webhook already, which decides what a failure means.
func waitReady(ctx context.Context, c *kube.Cluster, timeout time.Duration, covered bool, report Reporter) error {
	report.remark("waiting for the injector to be Ready")
	var state, trouble string
	begin := time.Now()
	said := begin
	err := wait.PollUntilContextTimeout(ctx, pollEvery, timeout, true, func(ctx context.Context) (bool, error) {
		d, err := c.Client.AppsV1().Deployments(Namespace).Get(ctx, Name, metav1.GetOptions{})
		if err != nil {
			return false, fmt.Errorf("read deployment/%s: %w", Name, err)
		}
		if now := rollout(d); now != state {
			state = now
			if state != unseen {
				report.remark("deployment/%s: %s", Name, state)
			}
		}
		seen, err := podTrouble(ctx, c, d)
		if err != nil {
			return false, err
		}
		if seen != "" && seen != trouble {
			report.remark("%s", seen)
		}
		trouble = seen
		if time.Since(said) >= stillEvery {
			said = time.Now()
			report.remark("still waiting after %s", said.Sub(begin).Round(time.Second))
		}
		if state != available {
			return false, nil
		}
		return hasEndpoint(ctx, c)
	})
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		why := trouble
		if why == "" {
			why = "deployment/" + Name + ": " + state
		}
		next := "pods start as before, without the sensor; mend the cause and install again, " +
			"or take it back with: kubectl falcon uninstall"
		if covered {
			next = "the injector from before serves on, but a restart of it takes the new settings; " +
				"mend the cause, or go back: install again with what was there before"
		}
		return problem.New(problem.TimedOut, next,
			"the injector is not Ready after %s: %s", timeout, why)
	}
	return err
}

const (
	available = "available"
	unseen    = "not looked at yet"
)

// rollout puts a Deployment's state in words; available means all of it, in its newest form,
// and unseen that the controller has not come to it.
func rollout(d *appsv1.Deployment) string {
	want := int32(1)
	if d.Spec.Replicas != nil {
		want = *d.Spec.Replicas
	}
	s := d.Status
	switch {
	case s.ObservedGeneration < d.Generation:
		return unseen
	case s.UpdatedReplicas < want || s.AvailableReplicas < want:
		return fmt.Sprintf("%d of %d replicas available", min(s.UpdatedReplicas, s.AvailableReplicas), want)
	case s.Replicas > s.UpdatedReplicas:
		return fmt.Sprintf("%d old replicas are going", s.Replicas-s.UpdatedReplicas)
	}
	return available
}

// podTrouble returns why a pod of the Deployment's newest form does not come up; those of the one before
// are on their way out.
func podTrouble(ctx context.Context, c *kube.Cluster, d *appsv1.Deployment) (string, error) {
	pods, err := c.Client.CoreV1().Pods(Namespace).List(ctx, metav1.ListOptions{LabelSelector: "app=" + Name})
	if err != nil {
		return "", fmt.Errorf("list the injector's pods: %w", err)
	}
	for i := range pods.Items {
		if pods.Items[i].Annotations[configHash] != d.Spec.Template.Annotations[configHash] {
			continue
		}
		if why := kube.Trouble(&pods.Items[i]); why != "" {
			return "pod/" + pods.Items[i].Name + ": " + why, nil
		}
	}
	return "", nil
}

// hasEndpoint says whether the API server would find a pod behind the Service.
func hasEndpoint(ctx context.Context, c *kube.Cluster) (bool, error) {
	slices, err := c.Client.DiscoveryV1().EndpointSlices(Namespace).List(ctx, metav1.ListOptions{
		LabelSelector: discoveryv1.LabelServiceName + "=" + Name})
	if err != nil {
		return false, fmt.Errorf("list the injector's endpoints: %w", err)
	}
	for _, slice := range slices.Items {
		for _, endpoint := range slice.Endpoints {
			if endpoint.Conditions.Ready != nil && *endpoint.Conditions.Ready {
				return true, nil
			}
		}
	}
	return false, nil
}
