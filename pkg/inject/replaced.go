package inject

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// waitReplaced returns when no pod of an older form of the Deployment can answer any more. A Deployment that
// is available has no count of its pods that are ending, but those serve on for a while, and whoever has not
// learned of it still calls them: with the older certificate, and for proofs with the older configuration.
func waitReplaced(ctx context.Context, c *kube.Cluster, meant *appsv1.Deployment, timeout time.Duration, report Reporter) error {
	first, said, old := map[types.UID]time.Time{}, 0, ""
	err := poll(ctx, pollEvery, timeout, func(ctx context.Context) (bool, error) {
		pods, err := injectorPods(ctx, c)
		if err != nil {
			return false, err
		}
		count := 0
		for n := range pods {
			pod := &pods[n]
			if !answersStill(pod) || sameCertificateAndConfig(pod, meant) {
				continue
			}
			if first[pod.UID].IsZero() {
				first[pod.UID] = time.Now()
			}
			// One that is still listed then is on a node that nobody hears of, or is kept by a finalizer: by no
			// clock but this one it had its time, and no request has been routed to it for as long.
			if pod.DeletionTimestamp != nil && time.Since(first[pod.UID]) > grace(pod)+goneWithin {
				continue
			}
			count, old = count+1, pod.Name
		}
		if count > 0 && count != said {
			said = count
			report(Event{Object: kube.Describe(meant), State: fmt.Sprintf("%d old replicas are ending", count)})
		}
		return count == 0, nil
	})
	if expired(ctx, err) {
		return problem.New(problem.TimedOut, "kubectl get pods -n "+Namespace+" -l app="+Name+" shows it; then run this again",
			"pod/%s of the injector's form before is not gone after %s", old, timeout)
	}
	return err
}

// answersStill says whether a pod may answer requests: it is ready, or ending and may be called by who has
// not learned of it.
func answersStill(pod *corev1.Pod) bool {
	if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		return false
	}
	return pod.DeletionTimestamp != nil || ready(pod)
}

// sameCertificateAndConfig compares a pod with what a Deployment makes. The image is no part of it: clusters
// that pull through a mirror change it, and the configuration names it.
func sameCertificateAndConfig(pod *corev1.Pod, d *appsv1.Deployment) bool {
	return pod.Annotations[manifest.CertificateHash] == d.Spec.Template.Annotations[manifest.CertificateHash] &&
		configName(&pod.Spec) == configName(&d.Spec.Template.Spec)
}

func grace(pod *corev1.Pod) time.Duration {
	for _, seconds := range []*int64{pod.DeletionGracePeriodSeconds, pod.Spec.TerminationGracePeriodSeconds} {
		if seconds != nil {
			return time.Duration(*seconds) * time.Second
		}
	}
	return corev1.DefaultTerminationGracePeriodSeconds * time.Second
}
