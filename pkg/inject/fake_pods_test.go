package inject

import (
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"strings"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/canary"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/certs"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
)

const (
	hookKey       = "mutatingwebhookconfigurations//" + WebhookName
	deploymentKey = "deployments/" + Namespace + "/" + Name
	serviceKey    = "services/" + Namespace + "/" + Name
	secretKey     = "secrets/" + Namespace + "/" + manifest.SecretName
	namespaceKey  = "namespaces//" + Namespace
	recordKey     = "configmaps/" + Namespace + "/" + manifest.RecordName
)

func typed[T any](u *unstructured.Unstructured) *T {
	var t T
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &t); err != nil {
		panic(err)
	}
	return &t
}

// fieldsOf are the fields by which a list can be narrowed.
func fieldsOf(u *unstructured.Unstructured) fields.Set {
	text := func(path ...string) string {
		s, _, _ := unstructured.NestedString(u.Object, path...)
		return s
	}
	return fields.Set{"metadata.name": u.GetName(), "status.phase": text("status", "phase"), "type": text("type"),
		"involvedObject.uid": text("involvedObject", "uid")}
}

// breadth says whose pods a webhook is called for.
func breadth(u *unstructured.Unstructured) string {
	hooks := typed[admissionv1.MutatingWebhookConfiguration](u).Webhooks
	if len(hooks) == 0 {
		return "nothing"
	}
	for _, w := range hooks {
		if w.ObjectSelector != nil && len(w.ObjectSelector.MatchLabels) > 0 {
			return "canaries"
		}
		if w.NamespaceSelector != nil && len(w.NamespaceSelector.MatchExpressions) == 1 {
			return "the canary's namespace"
		}
	}
	return "all"
}

// live is an object as it is read: of a Deployment with the status that its controller gives it.
func (c *cluster) live(u *unstructured.Unstructured) *unstructured.Unstructured {
	if u.GetKind() != "Deployment" || u.Object["status"] != nil {
		return u
	}
	u = u.DeepCopy()
	status := object{"observedGeneration": u.GetGeneration()}
	if !c.unready {
		n, _, _ := unstructured.NestedInt64(u.Object, "spec", "replicas")
		status["replicas"], status["updatedReplicas"], status["availableReplicas"], status["readyReplicas"] = n, n, n, n
	}
	u.Object["status"] = status
	return u
}

// answers says whether there is an injector behind the Service.
func (c *cluster) answers() bool {
	return !c.unready && !c.unreached && c.objects[deploymentKey] != nil && c.objects[serviceKey] != nil
}

// watch rolls the pods when their Deployment has changed, and notes when pods can no longer be created.
func (c *cluster) watch(q *request) {
	if q.dry || q.method == http.MethodGet {
		return
	}
	stored := manifest.TLS{}
	if s := c.objects[secretKey]; s != nil {
		stored = tlsOf(typed[corev1.Secret](s))
	}
	if q.gvr.Resource == "deployments" || len(c.serving.Cert) == 0 {
		c.serving = stored
		c.roll()
	}
	if c.unready || c.objects[hookKey] == nil || breadth(c.objects[hookKey]) != "all" {
		return
	}
	hook := typed[admissionv1.MutatingWebhookConfiguration](c.objects[hookKey])
	if len(hook.Webhooks) == 0 || *hook.Webhooks[0].FailurePolicy != admissionv1.Fail {
		return
	}
	if !c.answers() {
		c.harm = append(c.harm, q.title()+": no injector answers")
		return
	}
	if d := typed[appsv1.Deployment](c.objects[deploymentKey]); mounted(d) != manifest.SecretName {
		return
	}
	// A kubelet may have given a pod the new certificate, or not yet.
	for _, t := range []manifest.TLS{stored, c.serving} {
		if err := certs.Trusts(bundle(hook), t.Cert, time.Now()); err != nil {
			c.harm = append(c.harm, q.title()+": "+err.Error())
		}
	}
}

// roll makes the injector's ready pods anew, as their Deployment has them.
func (c *cluster) roll() {
	d := c.objects[deploymentKey]
	if d == nil || c.unready {
		return
	}
	template := typed[appsv1.Deployment](d).Spec.Template
	for key, o := range c.objects {
		if o.GetKind() != "Pod" || o.GetNamespace() != Namespace || o.GetDeletionTimestamp() != nil || !ready(typed[corev1.Pod](o)) {
			continue
		}
		pod := typed[corev1.Pod](o)
		pod.Annotations, pod.Spec = template.Annotations, template.Spec
		pod.UID += "+"
		c.objects[key] = asUnstructured(pod)
	}
}

// canary is what becomes of a pod: the stored webhook is called for it if its selectors say so.
func (c *cluster) canary(q *request) (any, error) {
	pod := decode(q.body)
	pod.SetName(pod.GetGenerateName() + "x")
	if !q.dry {
		return nil, errors.New("no test makes pods")
	}
	ns := c.objects["namespaces//"+q.namespace]
	if ns == nil {
		return nil, apierrors.NewNotFound(corev1.Resource("namespaces"), q.namespace)
	}
	if c.objects[hookKey] == nil || c.unlearned[q.namespace] {
		return pod, nil
	}
	hook := typed[admissionv1.MutatingWebhookConfiguration](c.objects[hookKey])
	if len(hook.Webhooks) == 0 || !manifest.Covers(hook, ns.GetLabels()) {
		return pod, nil
	}
	if s, err := metav1.LabelSelectorAsSelector(hook.Webhooks[0].ObjectSelector); err != nil || !s.Matches(labels.Set(pod.GetLabels())) {
		return pod, nil
	}
	if !c.answers() {
		return nil, apierrors.NewInternalError(errors.New(`failed calling webhook "` + WebhookName + `": no endpoints available`))
	}
	if pod.GetAnnotations()[InjectionKey] == Disabled {
		return pod, nil
	}
	if c.podSecurity[q.namespace] {
		return nil, apierrors.NewForbidden(corev1.Resource("pods"), pod.GetName(),
			errors.New(`violates PodSecurity "restricted:latest": unrestricted capabilities (container "crowdstrike-falcon-container" SYS_PTRACE)`))
	}
	containers, _, _ := unstructured.NestedSlice(pod.Object, "spec", "containers")
	containers = append(containers, object{"name": "crowdstrike-falcon-container", "image": "sensor"})
	_ = unstructured.SetNestedSlice(pod.Object, containers, "spec", "containers")
	return pod, nil
}

// forward is a pod's port, as the kubelet forwards it: a TLS server. It knows no WebSocket, as API servers
// of old.
func forward(w http.ResponseWriter, r *http.Request, served manifest.TLS) {
	if r.Method != http.MethodPost {
		http.Error(w, "what is an upgrade?", http.StatusBadRequest)
		return
	}
	if _, err := httpstream.Handshake(r, w, []string{"portforward.k8s.io"}); err != nil {
		return
	}
	streams := make(chan httpstream.Stream, 2)
	conn := spdy.NewResponseUpgrader().UpgradeResponse(w, r, func(s httpstream.Stream, _ <-chan struct{}) error {
		streams <- s
		return nil
	})
	if conn == nil {
		return
	}
	defer conn.Close()
	var data httpstream.Stream
	for data == nil {
		select {
		case s := <-streams:
			if strings.EqualFold(s.Headers().Get(corev1.StreamType), corev1.StreamTypeData) {
				data = s
			}
		case <-conn.CloseChan():
			return
		}
	}
	if pair, err := tls.X509KeyPair(served.Cert, served.Key); err == nil {
		_ = tls.Server(streamConn{Stream: data}, &tls.Config{Certificates: []tls.Certificate{pair}}).Handshake()
	}
	<-conn.CloseChan()
}

// streamConn is a stream as a connection; only reading and writing are used.
type streamConn struct {
	httpstream.Stream
	net.Conn
}

func (s streamConn) Read(b []byte) (int, error)  { return s.Stream.Read(b) }
func (s streamConn) Write(b []byte) (int, error) { return s.Stream.Write(b) }
func (s streamConn) Close() error                { return s.Stream.Close() }

// hookOf is the stored webhook, for who has the lock.
func hookOf(c *cluster) *admissionv1.MutatingWebhookConfiguration {
	return typed[admissionv1.MutatingWebhookConfiguration](c.objects[hookKey])
}

// tlsOfStored is the stored certificate, for who has the lock.
func tlsOfStored(c *cluster) manifest.TLS {
	return tlsOf(typed[corev1.Secret](c.objects[secretKey]))
}

// answerOf is what the API server made of a canary.
func answerOf(refused error) canary.Answer { return canary.Answer{Refused: refused} }
