package inject

import (
	"context"
	"fmt"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/sidecar"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
)

// State is what the cluster has of the injector. Its JSON form is stable.
type State struct {
	// Installed says whether there is a Deployment, Webhook whether pods are sent to it.
	Installed bool `json:"installed"`
	Webhook   bool `json:"webhook"`
	// Image is the sensor image that sidecars get.
	Image string `json:"image,omitempty"`
	// Ready and Replicas count the injector's pods.
	Ready    int32 `json:"ready"`
	Replicas int32 `json:"replicas"`
	// FailurePolicy is what happens to pods while the injector does not answer: Fail refuses them.
	FailurePolicy string `json:"failurePolicy,omitempty"`
	// Pods counts the running pods of the cluster, Protected those with a ready sensor.
	Pods      int `json:"pods"`
	Protected int `json:"protected"`

	// Config is the webhook as it stands, for whoever judges what it covers; nil if there is none.
	Config *admissionv1.MutatingWebhookConfiguration `json:"-"`
}

// Read returns the state of the injector, without counting pods.
func Read(ctx context.Context, c *kube.Cluster) (State, error) {
	var s State
	d, err := c.Client.AppsV1().Deployments(Namespace).Get(ctx, Name, metav1.GetOptions{})
	switch {
	case err == nil:
		s.Installed, s.Ready = true, d.Status.ReadyReplicas
		if d.Spec.Replicas != nil {
			s.Replicas = *d.Spec.Replicas
		}
	case !apierrors.IsNotFound(err):
		return s, fmt.Errorf("read deployment/%s: %w", Name, err)
	}
	config, err := c.Client.CoreV1().ConfigMaps(Namespace).Get(ctx, ConfigMapName, metav1.GetOptions{})
	switch {
	case err == nil:
		s.Image = config.Data["FALCON_IMAGE"]
	case !apierrors.IsNotFound(err):
		return s, fmt.Errorf("read configmap/%s: %w", ConfigMapName, err)
	}
	hook, err := c.Client.AdmissionregistrationV1().MutatingWebhookConfigurations().Get(ctx, WebhookName, metav1.GetOptions{})
	switch {
	case err == nil:
		s.Webhook, s.Config = true, hook
		if len(hook.Webhooks) > 0 && hook.Webhooks[0].FailurePolicy != nil {
			s.FailurePolicy = string(*hook.Webhooks[0].FailurePolicy)
		}
	case !apierrors.IsNotFound(err):
		return s, fmt.Errorf("read the webhook %s: %w", WebhookName, err)
	}
	return s, nil
}

// Fault returns what is wrong with the injector and what to do about it, or nothing.
func (s *State) Fault() (fault, next string) {
	const again = "kubectl falcon install --cid CID --image IMAGE"
	switch {
	case s.Webhook && !s.Installed:
		return "there is a webhook but no injector, so pods are refused", "kubectl falcon uninstall"
	case s.Webhook && s.Ready == 0:
		return "no injector is ready, so pods are refused", "kubectl get pods -n " + Namespace
	case s.Installed && !s.Webhook:
		return "there is no webhook, so new pods get no sensor", again
	case s.Installed && s.Image == "":
		return "configmap/" + ConfigMapName + " is missing", again
	case s.Ready < s.Replicas:
		return "not all replicas are ready", "kubectl get pods -n " + Namespace
	}
	return "", ""
}

// pageSize keeps the memory of a large list near one page.
const pageSize = 500

// Count fills in how many running pods there are and how many of them are protected.
func (s *State) Count(ctx context.Context, c *kube.Cluster) error {
	options := metav1.ListOptions{Limit: pageSize, FieldSelector: "status.phase=" + string(corev1.PodRunning)}
	for {
		list, err := c.Client.CoreV1().Pods(metav1.NamespaceAll).List(ctx, options)
		if err != nil {
			return fmt.Errorf("list pods: %w", err)
		}
		for i := range list.Items {
			pod := &list.Items[i]
			if pod.Namespace == Namespace {
				continue
			}
			s.Pods++
			if name, ok := sidecar.In(&pod.Spec, s.Image); ok && sidecar.Ready(pod, name) {
				s.Protected++
			}
		}
		if options.Continue = list.Continue; options.Continue == "" {
			return nil
		}
	}
}
