// Package fake is client-go's own fake of a cluster (an object tracker with reactors, and no server) behind
// the interface of pkg/kube/clientset.
package fake

import (
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	typedadmission "k8s.io/client-go/kubernetes/typed/admissionregistration/v1"
	typedapps "k8s.io/client-go/kubernetes/typed/apps/v1"
	typedauthorization "k8s.io/client-go/kubernetes/typed/authorization/v1"
	typedbatch "k8s.io/client-go/kubernetes/typed/batch/v1"
	typedcore "k8s.io/client-go/kubernetes/typed/core/v1"
	typeddiscovery "k8s.io/client-go/kubernetes/typed/discovery/v1"
	typednetworking "k8s.io/client-go/kubernetes/typed/networking/v1"
	typedpolicy "k8s.io/client-go/kubernetes/typed/policy/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube/clientset"
)

// Clientset is the fake. What it embeds has the tracker and the reactors.
type Clientset struct{ *fake.Clientset }

// NewClientset returns a fake of a cluster with some objects in it.
func NewClientset(objects ...runtime.Object) *Clientset {
	return &Clientset{fake.NewClientset(objects...)}
}

// CoreV1 implements clientset.Interface, as the methods after it do.
func (c *Clientset) CoreV1() clientset.CoreV1 { return core{c.Clientset.CoreV1()} }

// AppsV1 is the group apps.
func (c *Clientset) AppsV1() clientset.AppsV1 { return apps{c.Clientset.AppsV1()} }

// BatchV1 is the group batch.
func (c *Clientset) BatchV1() clientset.BatchV1 { return batch{c.Clientset.BatchV1()} }

// AdmissionregistrationV1 is the group admissionregistration.k8s.io.
func (c *Clientset) AdmissionregistrationV1() clientset.AdmissionregistrationV1 {
	return admission{c.Clientset.AdmissionregistrationV1()}
}

// AuthorizationV1 is the group authorization.k8s.io.
func (c *Clientset) AuthorizationV1() clientset.AuthorizationV1 {
	return authorization{c.Clientset.AuthorizationV1()}
}

// DiscoveryV1 is the group discovery.k8s.io.
func (c *Clientset) DiscoveryV1() clientset.DiscoveryV1 { return discovery{c.Clientset.DiscoveryV1()} }

// NetworkingV1 is the group networking.k8s.io.
func (c *Clientset) NetworkingV1() clientset.NetworkingV1 {
	return networking{c.Clientset.NetworkingV1()}
}

// PolicyV1 is the group policy.
func (c *Clientset) PolicyV1() clientset.PolicyV1 { return policy{c.Clientset.PolicyV1()} }

type (
	core      struct{ typedcore.CoreV1Interface }
	apps      struct{ typedapps.AppsV1Interface }
	batch     struct{ typedbatch.BatchV1Interface }
	admission struct {
		typedadmission.AdmissionregistrationV1Interface
	}
	authorization struct {
		typedauthorization.AuthorizationV1Interface
	}
	discovery struct {
		typeddiscovery.DiscoveryV1Interface
	}
	networking struct {
		typednetworking.NetworkingV1Interface
	}
	policy struct{ typedpolicy.PolicyV1Interface }
)

func (g core) ConfigMaps(ns string) clientset.Resource[*corev1.ConfigMap, *corev1.ConfigMapList] {
	return g.CoreV1Interface.ConfigMaps(ns)
}

func (g core) Events(ns string) clientset.Resource[*corev1.Event, *corev1.EventList] {
	return g.CoreV1Interface.Events(ns)
}

func (g core) LimitRanges(ns string) clientset.Resource[*corev1.LimitRange, *corev1.LimitRangeList] {
	return g.CoreV1Interface.LimitRanges(ns)
}

func (g core) ResourceQuotas(ns string) clientset.Resource[*corev1.ResourceQuota, *corev1.ResourceQuotaList] {
	return g.CoreV1Interface.ResourceQuotas(ns)
}

func (g core) Secrets(ns string) clientset.Resource[*corev1.Secret, *corev1.SecretList] {
	return g.CoreV1Interface.Secrets(ns)
}

func (g core) ServiceAccounts(ns string) clientset.Resource[*corev1.ServiceAccount, *corev1.ServiceAccountList] {
	return g.CoreV1Interface.ServiceAccounts(ns)
}

func (g core) Services(ns string) clientset.Resource[*corev1.Service, *corev1.ServiceList] {
	return g.CoreV1Interface.Services(ns)
}

func (g apps) DaemonSets(ns string) clientset.Resource[*appsv1.DaemonSet, *appsv1.DaemonSetList] {
	return g.AppsV1Interface.DaemonSets(ns)
}

func (g apps) Deployments(ns string) clientset.Resource[*appsv1.Deployment, *appsv1.DeploymentList] {
	return g.AppsV1Interface.Deployments(ns)
}

func (g apps) ReplicaSets(ns string) clientset.Resource[*appsv1.ReplicaSet, *appsv1.ReplicaSetList] {
	return g.AppsV1Interface.ReplicaSets(ns)
}

func (g apps) StatefulSets(ns string) clientset.Resource[*appsv1.StatefulSet, *appsv1.StatefulSetList] {
	return g.AppsV1Interface.StatefulSets(ns)
}

func (g batch) Jobs(ns string) clientset.Resource[*batchv1.Job, *batchv1.JobList] {
	return g.BatchV1Interface.Jobs(ns)
}

func (g batch) CronJobs(ns string) clientset.Resource[*batchv1.CronJob, *batchv1.CronJobList] {
	return g.BatchV1Interface.CronJobs(ns)
}

func (g discovery) EndpointSlices(ns string) clientset.Resource[*discoveryv1.EndpointSlice, *discoveryv1.EndpointSliceList] {
	return g.DiscoveryV1Interface.EndpointSlices(ns)
}

func (g policy) PodDisruptionBudgets(ns string) clientset.Resource[*policyv1.PodDisruptionBudget, *policyv1.PodDisruptionBudgetList] {
	return g.PolicyV1Interface.PodDisruptionBudgets(ns)
}

func (g core) Namespaces() clientset.Resource[*corev1.Namespace, *corev1.NamespaceList] {
	return g.CoreV1Interface.Namespaces()
}

func (g core) Nodes() clientset.Resource[*corev1.Node, *corev1.NodeList] {
	return g.CoreV1Interface.Nodes()
}

func (g core) Pods(ns string) clientset.Pods { return g.CoreV1Interface.Pods(ns) }

func (g networking) NetworkPolicies(ns string) clientset.Resource[*networkingv1.NetworkPolicy, *networkingv1.NetworkPolicyList] {
	return g.NetworkingV1Interface.NetworkPolicies(ns)
}

func (g admission) MutatingWebhookConfigurations() clientset.Resource[*admissionregistrationv1.MutatingWebhookConfiguration, *admissionregistrationv1.MutatingWebhookConfigurationList] {
	return g.AdmissionregistrationV1Interface.MutatingWebhookConfigurations()
}

func (g authorization) SelfSubjectAccessReviews() clientset.SelfSubjectAccessReviews {
	return g.AuthorizationV1Interface.SelfSubjectAccessReviews()
}
