// Package clientset has typed clients for the kinds of objects that this program knows, and no others.
//
// client-go's own set has every kind of every version, and whoever imports one of its clients registers them
// all: a quarter of the binary, and a third of the time of each start. This one is made of the same parts
// (gentype and rest), with the same methods.
//
// It must not know what any of the objects are for.
package clientset

import (
	"context"
	"net/http"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
)

// Interface is a cluster's typed clients, a method for each API group.
type Interface interface {
	CoreV1() CoreV1
	AppsV1() AppsV1
	BatchV1() BatchV1
	AdmissionregistrationV1() AdmissionregistrationV1
	AuthorizationV1() AuthorizationV1
	DiscoveryV1() DiscoveryV1
	NetworkingV1() NetworkingV1
	PolicyV1() PolicyV1
}

// Resource is what can be done with the objects of one kind, in one namespace or, with an empty one, in all.
// T points to an object, L to a list of them.
type Resource[T, L any] interface {
	Create(ctx context.Context, object T, options metav1.CreateOptions) (T, error)
	Update(ctx context.Context, object T, options metav1.UpdateOptions) (T, error)
	Delete(ctx context.Context, name string, options metav1.DeleteOptions) error
	Get(ctx context.Context, name string, options metav1.GetOptions) (T, error)
	List(ctx context.Context, options metav1.ListOptions) (L, error)
	Watch(ctx context.Context, options metav1.ListOptions) (watch.Interface, error)
	Patch(ctx context.Context, name string, kind types.PatchType, patch []byte, options metav1.PatchOptions, subresources ...string) (T, error)
}

// Pods are pods, with their logs.
type Pods interface {
	Resource[*corev1.Pod, *corev1.PodList]
	// GetLogs is the request for a container's log.
	GetLogs(name string, options *corev1.PodLogOptions) *rest.Request
}

// CoreV1 is the core group. RESTClient makes other requests of the server.
type CoreV1 interface {
	RESTClient() rest.Interface
	ConfigMaps(namespace string) Resource[*corev1.ConfigMap, *corev1.ConfigMapList]
	Events(namespace string) Resource[*corev1.Event, *corev1.EventList]
	LimitRanges(namespace string) Resource[*corev1.LimitRange, *corev1.LimitRangeList]
	Namespaces() Resource[*corev1.Namespace, *corev1.NamespaceList]
	Nodes() Resource[*corev1.Node, *corev1.NodeList]
	Pods(namespace string) Pods
	ResourceQuotas(namespace string) Resource[*corev1.ResourceQuota, *corev1.ResourceQuotaList]
	Secrets(namespace string) Resource[*corev1.Secret, *corev1.SecretList]
	ServiceAccounts(namespace string) Resource[*corev1.ServiceAccount, *corev1.ServiceAccountList]
	Services(namespace string) Resource[*corev1.Service, *corev1.ServiceList]
}

// AppsV1 is the group apps.
type AppsV1 interface {
	DaemonSets(namespace string) Resource[*appsv1.DaemonSet, *appsv1.DaemonSetList]
	Deployments(namespace string) Resource[*appsv1.Deployment, *appsv1.DeploymentList]
	ReplicaSets(namespace string) Resource[*appsv1.ReplicaSet, *appsv1.ReplicaSetList]
	StatefulSets(namespace string) Resource[*appsv1.StatefulSet, *appsv1.StatefulSetList]
}

// BatchV1 is the group batch.
type BatchV1 interface {
	Jobs(namespace string) Resource[*batchv1.Job, *batchv1.JobList]
	CronJobs(namespace string) Resource[*batchv1.CronJob, *batchv1.CronJobList]
}

// AdmissionregistrationV1 is the group admissionregistration.k8s.io.
type AdmissionregistrationV1 interface {
	MutatingWebhookConfigurations() Resource[*admissionregistrationv1.MutatingWebhookConfiguration, *admissionregistrationv1.MutatingWebhookConfigurationList]
}

// AuthorizationV1 is the group authorization.k8s.io.
type AuthorizationV1 interface {
	SelfSubjectAccessReviews() SelfSubjectAccessReviews
}

// SelfSubjectAccessReviews are questions about one's own rights; they can only be asked.
type SelfSubjectAccessReviews interface {
	Create(ctx context.Context, review *authorizationv1.SelfSubjectAccessReview, options metav1.CreateOptions) (*authorizationv1.SelfSubjectAccessReview, error)
}

// DiscoveryV1 is the group discovery.k8s.io.
type DiscoveryV1 interface {
	EndpointSlices(namespace string) Resource[*discoveryv1.EndpointSlice, *discoveryv1.EndpointSliceList]
}

// NetworkingV1 is the group networking.k8s.io.
type NetworkingV1 interface {
	NetworkPolicies(namespace string) Resource[*networkingv1.NetworkPolicy, *networkingv1.NetworkPolicyList]
}

// PolicyV1 is the group policy.
type PolicyV1 interface {
	PodDisruptionBudgets(namespace string) Resource[*policyv1.PodDisruptionBudget, *policyv1.PodDisruptionBudgetList]
}

// NewForConfig makes the clients of a server, with connections of their own. The error is one of the
// configuration; no request is made.
func NewForConfig(config *rest.Config) (Interface, error) {
	config = rest.CopyConfig(config)
	if config.UserAgent == "" {
		config.UserAgent = rest.DefaultKubernetesUserAgent()
	}
	shared, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, err
	}
	return NewForConfigAndClient(config, shared)
}

// NewForConfigAndClient makes the clients of a server that share the connections of an HTTP client.
func NewForConfigAndClient(config *rest.Config, shared *http.Client) (Interface, error) {
	set := &set{}
	for gv, client := range map[schema.GroupVersion]*group{
		corev1.SchemeGroupVersion: (*group)(&set.core), appsv1.SchemeGroupVersion: (*group)(&set.apps),
		batchv1.SchemeGroupVersion: (*group)(&set.batch), policyv1.SchemeGroupVersion: (*group)(&set.policy),
		admissionregistrationv1.SchemeGroupVersion: (*group)(&set.admission),
		authorizationv1.SchemeGroupVersion:         (*group)(&set.authorization),
		discoveryv1.SchemeGroupVersion:             (*group)(&set.discovery),
		networkingv1.SchemeGroupVersion:            (*group)(&set.networking),
	} {
		of := rest.CopyConfig(config)
		of.GroupVersion, of.APIPath = &gv, "/apis"
		if gv.Group == "" {
			of.APIPath = "/api"
		}
		of.NegotiatedSerializer = rest.CodecFactoryForGeneratedClient(Scheme(), Codecs()).WithoutConversion()
		made, err := rest.RESTClientForConfigAndClient(of, shared)
		if err != nil {
			return nil, err
		}
		client.client = made
	}
	return set, nil
}
