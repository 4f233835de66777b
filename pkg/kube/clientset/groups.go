package clientset

import (
	"context"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/gentype"
	"k8s.io/client-go/rest"
)

// group is the client of one API group.
type group struct{ client rest.Interface }

type (
	core          group
	apps          group
	batch         group
	admission     group
	authorization group
	discovery     group
	networking    group
	policy        group
)

// set implements Interface.
type set struct {
	core          core
	apps          apps
	batch         batch
	admission     admission
	authorization authorization
	discovery     discovery
	networking    networking
	policy        policy
}

func (s *set) CoreV1() CoreV1                                   { return s.core }
func (s *set) AppsV1() AppsV1                                   { return s.apps }
func (s *set) BatchV1() BatchV1                                 { return s.batch }
func (s *set) AdmissionregistrationV1() AdmissionregistrationV1 { return s.admission }
func (s *set) AuthorizationV1() AuthorizationV1                 { return s.authorization }
func (s *set) DiscoveryV1() DiscoveryV1                         { return s.discovery }
func (s *set) NetworkingV1() NetworkingV1                       { return s.networking }
func (s *set) PolicyV1() PolicyV1                               { return s.policy }

// object points to an object, and list to a list of them.
type object[O any] interface {
	*O
	runtime.Object
	metav1.Object
}

type list[L any] interface {
	*L
	runtime.Object
}

// of makes the client of one kind. It speaks protobuf, which is several times cheaper to read than JSON.
func of[O, L any, T object[O], TL list[L]](client rest.Interface, resource, namespace string) Resource[T, TL] {
	return gentype.NewClientWithList(resource, client, ParameterCodec(), namespace,
		func() T { return new(O) }, func() TL { return new(L) }, gentype.PrefersProtobuf[T]())
}

func (g core) RESTClient() rest.Interface { return g.client }

func (g core) ConfigMaps(ns string) Resource[*corev1.ConfigMap, *corev1.ConfigMapList] {
	return of[corev1.ConfigMap, corev1.ConfigMapList](g.client, "configmaps", ns)
}

func (g core) Events(ns string) Resource[*corev1.Event, *corev1.EventList] {
	return of[corev1.Event, corev1.EventList](g.client, "events", ns)
}

func (g core) LimitRanges(ns string) Resource[*corev1.LimitRange, *corev1.LimitRangeList] {
	return of[corev1.LimitRange, corev1.LimitRangeList](g.client, "limitranges", ns)
}

func (g core) Namespaces() Resource[*corev1.Namespace, *corev1.NamespaceList] {
	return of[corev1.Namespace, corev1.NamespaceList](g.client, "namespaces", "")
}

func (g core) Nodes() Resource[*corev1.Node, *corev1.NodeList] {
	return of[corev1.Node, corev1.NodeList](g.client, "nodes", "")
}

func (g core) ResourceQuotas(ns string) Resource[*corev1.ResourceQuota, *corev1.ResourceQuotaList] {
	return of[corev1.ResourceQuota, corev1.ResourceQuotaList](g.client, "resourcequotas", ns)
}

func (g core) Secrets(ns string) Resource[*corev1.Secret, *corev1.SecretList] {
	return of[corev1.Secret, corev1.SecretList](g.client, "secrets", ns)
}

func (g core) ServiceAccounts(ns string) Resource[*corev1.ServiceAccount, *corev1.ServiceAccountList] {
	return of[corev1.ServiceAccount, corev1.ServiceAccountList](g.client, "serviceaccounts", ns)
}

func (g core) Services(ns string) Resource[*corev1.Service, *corev1.ServiceList] {
	return of[corev1.Service, corev1.ServiceList](g.client, "services", ns)
}

// pods adds the logs.
type pods struct {
	Resource[*corev1.Pod, *corev1.PodList]
	client    rest.Interface
	namespace string
}

func (g core) Pods(ns string) Pods {
	return pods{of[corev1.Pod, corev1.PodList](g.client, "pods", ns), g.client, ns}
}

func (p pods) GetLogs(name string, options *corev1.PodLogOptions) *rest.Request {
	return p.client.Get().Namespace(p.namespace).Name(name).Resource("pods").SubResource("log").
		VersionedParams(options, ParameterCodec())
}

func (g apps) DaemonSets(ns string) Resource[*appsv1.DaemonSet, *appsv1.DaemonSetList] {
	return of[appsv1.DaemonSet, appsv1.DaemonSetList](g.client, "daemonsets", ns)
}

func (g apps) Deployments(ns string) Resource[*appsv1.Deployment, *appsv1.DeploymentList] {
	return of[appsv1.Deployment, appsv1.DeploymentList](g.client, "deployments", ns)
}

func (g apps) ReplicaSets(ns string) Resource[*appsv1.ReplicaSet, *appsv1.ReplicaSetList] {
	return of[appsv1.ReplicaSet, appsv1.ReplicaSetList](g.client, "replicasets", ns)
}

func (g apps) StatefulSets(ns string) Resource[*appsv1.StatefulSet, *appsv1.StatefulSetList] {
	return of[appsv1.StatefulSet, appsv1.StatefulSetList](g.client, "statefulsets", ns)
}

func (g batch) Jobs(ns string) Resource[*batchv1.Job, *batchv1.JobList] {
	return of[batchv1.Job, batchv1.JobList](g.client, "jobs", ns)
}

func (g batch) CronJobs(ns string) Resource[*batchv1.CronJob, *batchv1.CronJobList] {
	return of[batchv1.CronJob, batchv1.CronJobList](g.client, "cronjobs", ns)
}

func (g admission) MutatingWebhookConfigurations() Resource[*admissionregistrationv1.MutatingWebhookConfiguration, *admissionregistrationv1.MutatingWebhookConfigurationList] {
	return of[admissionregistrationv1.MutatingWebhookConfiguration, admissionregistrationv1.MutatingWebhookConfigurationList](
		g.client, "mutatingwebhookconfigurations", "")
}

// reviews are no objects that could be read: they are answered when they are made.
type reviews struct{ client rest.Interface }

func (g authorization) SelfSubjectAccessReviews() SelfSubjectAccessReviews { return reviews(g) }

func (r reviews) Create(ctx context.Context, review *authorizationv1.SelfSubjectAccessReview, options metav1.CreateOptions) (*authorizationv1.SelfSubjectAccessReview, error) {
	return gentype.NewClient("selfsubjectaccessreviews", r.client, ParameterCodec(), "",
		func() *authorizationv1.SelfSubjectAccessReview { return &authorizationv1.SelfSubjectAccessReview{} },
		gentype.PrefersProtobuf[*authorizationv1.SelfSubjectAccessReview]()).Create(ctx, review, options)
}

func (g discovery) EndpointSlices(ns string) Resource[*discoveryv1.EndpointSlice, *discoveryv1.EndpointSliceList] {
	return of[discoveryv1.EndpointSlice, discoveryv1.EndpointSliceList](g.client, "endpointslices", ns)
}

func (g networking) NetworkPolicies(ns string) Resource[*networkingv1.NetworkPolicy, *networkingv1.NetworkPolicyList] {
	return of[networkingv1.NetworkPolicy, networkingv1.NetworkPolicyList](g.client, "networkpolicies", ns)
}

func (g policy) PodDisruptionBudgets(ns string) Resource[*policyv1.PodDisruptionBudget, *policyv1.PodDisruptionBudgetList] {
	return of[policyv1.PodDisruptionBudget, policyv1.PodDisruptionBudgetList](g.client, "poddisruptionbudgets", ns)
}
