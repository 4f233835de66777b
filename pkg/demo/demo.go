// Package demo runs a detection scenario in the cluster and shows what of the chain is proved by it.
//
// It must not claim a detection that nobody looked up, and nothing a scenario does may leave its
// container.
package demo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/distribution/reference"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aid"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/sidecar"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// Name is the guide's scenario and the name of its Deployment.
const Name = "detection-single"

// DefaultImage is the guide's.
const DefaultImage = "ubuntu:latest"

// Options say where and with what the scenario runs.
type Options struct {
	Namespace string
	// Image must have bash, chgrp and tail.
	Image   string
	Timeout time.Duration
}

// Result is what the run showed.
type Result struct {
	Namespace string `json:"namespace"`
	Pod       string `json:"pod"`
	AID       string `json:"aid"`
}

// Reporter gets a sentence for each stage that was reached.
type Reporter func(format string, args ...any)

// Run starts the scenario, waits until its pod runs with the sensor beside it, and for the agent id. The
// Deployment stays, as in the guide; Clean removes it.
func Run(ctx context.Context, c *kube.Cluster, o Options, report Reporter) (Result, error) {
	result := Result{Namespace: o.Namespace}
	if _, err := reference.ParseNormalizedNamed(o.Image); err != nil {
		return result, problem.New(problem.BadInput, "write it as REGISTRY/NAME:TAG", "%q is not an image: %w", o.Image, err)
	}
	if _, err := c.Client.CoreV1().Namespaces().Get(ctx, o.Namespace, metav1.GetOptions{}); apierrors.IsNotFound(err) {
		return result, problem.New(problem.BadInput, "kubectl create namespace "+o.Namespace+" makes it",
			"there is no namespace %q", o.Namespace)
	} else if err != nil {
		return result, fmt.Errorf("read namespace/%s: %w", o.Namespace, err)
	}
	change, err := c.Apply(ctx, Deployment(o), false)
	if err != nil {
		return result, err
	}
	report("deployment/%s %s in namespace %s", Name, change, o.Namespace)
	begin := time.Now()
	pod, err := waitPod(ctx, c, o, report)
	if err != nil {
		return result, err
	}
	result.Pod = pod.Name
	report("pod/%s is %d/%d Running after %s: the sensor is beside it", pod.Name, readyCount(pod),
		len(pod.Spec.Containers), time.Since(begin).Round(100*time.Millisecond))
	result.AID, err = aid.Wait(ctx, c, o.Namespace, pod.Name, o.Timeout)
	return result, err
}

// Deployment is the guide's scenario: the command line alone is the pattern of the Jynx rootkit's
// installation, also where the file does not exist.
func Deployment(o Options) *appsv1.Deployment {
	one, seconds := int32(1), int64(1)
	labels := map[string]string{
		"run":                          Name,
		"app.kubernetes.io/name":       Name,
		"app.kubernetes.io/part-of":    "falcon-demo",
		"app.kubernetes.io/managed-by": kube.FieldManager,
	}
	return &appsv1.Deployment{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
		ObjectMeta: metav1.ObjectMeta{Name: Name, Namespace: o.Namespace, Labels: labels},
		Spec: appsv1.DeploymentSpec{
			Replicas: &one,
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"run": Name}},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels, Annotations: map[string]string{inject.InjectionKey: "enabled"}},
				Spec: corev1.PodSpec{
					// The shell that is PID 1 does not heed TERM.
					TerminationGracePeriodSeconds: &seconds,
					Containers: []corev1.Container{{
						Name: Name, Image: o.Image,
						Command: []string{"bash", "-xc", "chgrp 0 /etc/ld.so.preload; tail -f /dev/null"},
					}},
				},
			},
		},
	}
}

// stillEvery is how often a wait says that it goes on.
const stillEvery = 10 * time.Second

// waitPod returns the scenario's pod once all its containers are ready and the sensor is one of them.
func waitPod(ctx context.Context, c *kube.Cluster, o Options, report Reporter) (*corev1.Pod, error) {
	var ready *corev1.Pod
	state := "no pod was made yet"
	begin := time.Now()
	said := begin
	err := wait.PollUntilContextTimeout(ctx, 300*time.Millisecond, o.Timeout, true, func(ctx context.Context) (bool, error) {
		pod, now, err := look(ctx, c, o.Namespace)
		if err != nil {
			return false, err
		}
		if pod == nil && now != state {
			state = now
			report("%s", state)
		}
		if time.Since(said) >= stillEvery {
			said = time.Now()
			report("still waiting after %s", said.Sub(begin).Round(time.Second))
		}
		ready = pod
		return pod != nil, nil
	})
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return nil, problem.New(problem.TimedOut,
			next(o.Namespace),
			"the demo does not run after %s: %s", o.Timeout, state)
	}
	return ready, err
}

// next is what to do about a demo that does not work.
func next(namespace string) string {
	return "kubectl falcon verify -n " + namespace + " says why; demo clean removes the demo"
}

// look returns the pod if it is as it should be, and otherwise how far it is.
func look(ctx context.Context, c *kube.Cluster, namespace string) (*corev1.Pod, string, error) {
	d, err := c.Client.AppsV1().Deployments(namespace).Get(ctx, Name, metav1.GetOptions{})
	if err != nil {
		return nil, "", fmt.Errorf("read deployment/%s: %w", Name, err)
	}
	for _, condition := range d.Status.Conditions {
		if condition.Type == appsv1.DeploymentReplicaFailure && condition.Status == corev1.ConditionTrue {
			return nil, "no pod can be made: " + condition.Message, nil
		}
	}
	// After a change of the image, the pod of the one before is still there for a while.
	if s := d.Status; s.ObservedGeneration < d.Generation || s.UpdatedReplicas < 1 || s.Replicas > s.UpdatedReplicas {
		return nil, "waiting for its pod", nil
	}
	pods, err := c.Client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: "run=" + Name})
	if err != nil {
		return nil, "", fmt.Errorf("list the demo's pods: %w", err)
	}
	state := "waiting for its pod"
	for i := range pods.Items {
		pod := &pods.Items[i]
		if pod.DeletionTimestamp != nil {
			continue
		}
		if _, found := sidecar.In(&pod.Spec, ""); !found {
			return nil, "", problem.New(problem.Failed, next(namespace),
				"pod %s/%s was made without the Falcon sensor", namespace, pod.Name)
		}
		if why := kube.Trouble(pod); why != "" {
			state = "pod/" + pod.Name + ": " + why
			continue
		}
		if n := readyCount(pod); n < len(pod.Spec.Containers) {
			state = fmt.Sprintf("pod/%s: %d/%d containers ready", pod.Name, n, len(pod.Spec.Containers))
			continue
		}
		return pod, state, nil
	}
	return nil, state, nil
}

func readyCount(pod *corev1.Pod) (n int) {
	for _, s := range pod.Status.ContainerStatuses {
		if s.Ready {
			n++
		}
	}
	return n
}

// Clean removes the scenario's Deployment from the namespace and says whether there was one. One that
// this tool did not make is an error.
func Clean(ctx context.Context, c *kube.Cluster, namespace string) (kube.Change, error) {
	return c.Delete(ctx, Deployment(Options{Namespace: namespace}), func(now metav1.Object) error {
		if inject.Ours(now) {
			return nil
		}
		return problem.New(problem.Failed, "remove it with the tool that made it",
			"deployment %s/%s was not made by kubectl falcon", namespace, Name)
	})
}
