package inject

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
)

// deploymentTrouble returns why the injector does not come up in its newest form, on which object, and
// what to do about it; or nothing. Pods of the form before are on their way out.
func deploymentTrouble(ctx context.Context, c *kube.Cluster, d *appsv1.Deployment) (string, error) {
	for _, condition := range d.Status.Conditions {
		// What was refused at creation leaves no pod to look at: quota, PodSecurity, another webhook.
		if condition.Type == appsv1.DeploymentReplicaFailure && condition.Status == corev1.ConditionTrue &&
			d.Status.ObservedGeneration == d.Generation {
			return "its pods are refused: " + advised(condition.Message), nil
		}
	}
	pods, err := injectorPods(ctx, c)
	if err != nil {
		return "", err
	}
	var unready []*corev1.Pod
	for i := range pods {
		pod := &pods[i]
		newest := configName(&pod.Spec) == configName(&d.Spec.Template.Spec) &&
			len(pod.Spec.Containers) > 0 && pod.Spec.Containers[0].Image == d.Spec.Template.Spec.Containers[0].Image
		if !newest || pod.DeletionTimestamp != nil {
			continue
		}
		if why := kube.Trouble(pod); why != "" {
			return "pod/" + pod.Name + ": " + advised(why) + lastWords(ctx, c, pod), nil
		}
		if !ready(pod) {
			unready = append(unready, pod)
		}
	}
	for _, pod := range unready {
		why, err := c.LastWarning(ctx, pod)
		switch {
		case apierrors.IsForbidden(err):
			// It is only the last resort, and a role from before does not have it.
			return "", nil
		case err != nil:
			return "", err
		case why != "":
			return "pod/" + pod.Name + ": " + advised(why), nil
		}
	}
	return "", nil
}

// advice is what to do about a reason that contains the words.
var advice = []struct{ words, next string }{
	{"ImagePull", "check --image, that it is there for the nodes' architecture, and that they may pull it (--pull-secret)"},
	{"InvalidImageName", "check --image"},
	{"exceeded quota", "raise the quota of namespace " + Namespace + ", or ask for less with --injector-cpu-request and its like"},
	{"must specify", "give the injector what the quota asks for, with --injector-cpu-request, --injector-memory-limit and their like"},
	{"violates PodSecurity", "label namespace " + Namespace + " with a level that admits the injector"},
	{"usage per", "give the injector what the limit range of namespace " + Namespace + " asks for, with --injector-cpu-request, --injector-memory-request and their like"},
	{"not supported on Fargate", "install with --fargate"},
	{"no nodes available", "on AWS EKS Fargate make a profile that selects namespace " + Namespace + "; elsewhere add a node"},
	{"untolerated taint", "on AWS EKS Fargate make a profile that selects namespace " + Namespace + "; elsewhere use --toleration"},
	{"cannot be scheduled", "make room, or change --node-selector, --toleration and the injector's requests"},
	{"FailedMount", "kubectl describe pods -n " + Namespace + " names what is missing; install makes it again"},
	{"probe failed", "kubectl logs -n " + Namespace + " deployment/" + Name + " says what it does"},
	{"CreateContainerConfigError", "kubectl describe pods -n " + Namespace + " names what is missing"},
}

func advised(why string) string {
	for _, a := range advice {
		if strings.Contains(why, a.words) {
			return why + " (" + a.next + ")"
		}
	}
	return why
}

// secretive is what a provisioning token looks like, which the injector has in its environment.
var secretive = regexp.MustCompile(`\b[0-9a-fA-F]{8}\b`)

// lastWords are the last lines of a container that ended, which say more than its exit code.
func lastWords(ctx context.Context, c *kube.Cluster, pod *corev1.Pod) string {
	const lines, most = int64(3), int64(600)
	for _, s := range pod.Status.ContainerStatuses {
		ended := s.State.Terminated != nil
		before := s.State.Waiting != nil && s.LastTerminationState.Terminated != nil
		if !ended && !before {
			continue
		}
		n, size := lines, most
		log, err := c.Client.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{
			Container: s.Name, Previous: before, TailLines: &n, LimitBytes: &size}).DoRaw(ctx)
		if text := bytes.TrimSpace(log); err == nil && len(text) > 0 {
			return fmt.Sprintf("; its last words: %s", secretive.ReplaceAll(bytes.ReplaceAll(text, []byte("\n"), []byte(" | ")), []byte("***")))
		}
	}
	return ""
}
