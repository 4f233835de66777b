//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

const (
	system      = "falcon-system"
	sidecarName = "crowdstrike-falcon-container"
	managedBy   = "app.kubernetes.io/managed-by"
)

// transient are the kinds that the cluster makes by itself out of others and that come and go.
var transient = []string{"events", "endpoints", "endpointslices", "pods", "replicasets", "controllerrevisions",
	"componentstatuses"}

// listable returns every kind of object that can be listed and is not transient.
func (r *rig) listable() ([]schema.GroupVersionResource, error) {
	lists, err := r.client.Discovery().ServerPreferredResources()
	if err != nil {
		return nil, err
	}
	var kinds []schema.GroupVersionResource
	for _, list := range lists {
		gv, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			return nil, err
		}
		for _, kind := range list.APIResources {
			if slices.Contains(kind.Verbs, "list") && !slices.Contains(transient, kind.Name) {
				kinds = append(kinds, gv.WithResource(kind.Name))
			}
		}
	}
	return kinds, nil
}

// state returns all that the plugin may have left in the cluster, of whatever kind, flattened to
// path = value, without what differs from one installation to the next.
func (r *rig) state(ctx context.Context) (map[string]string, error) {
	flat := map[string]string{}
	for _, kind := range r.kinds {
		list, err := r.dynamic.Resource(kind).List(ctx, metav1.ListOptions{})
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", kind.Resource, err)
		}
		for i := range list.Items {
			o := &list.Items[i]
			if concerns(kind.Resource, o) {
				normalise(kind.Resource, o)
				flatten(flat, fmt.Sprintf("%s/%s/%s: ", kind.Resource, o.GetNamespace(), o.GetName()), "", o.Object)
			}
		}
	}
	return flat, nil
}

// concerns says whether an object is the plugin's: by where it is, by its name or by its label.
func concerns(resource string, o *unstructured.Unstructured) bool {
	name := o.GetName()
	// Its end takes some seconds more than the run that deleted it, and nothing keeps it.
	if resource == "namespaces" && name == "falcon-canary" && o.GetDeletionTimestamp() != nil {
		return false
	}
	// Kubernetes puts these two into every namespace, at a time of its own.
	if name == "kube-root-ca.crt" || resource == "serviceaccounts" && name == "default" {
		return false
	}
	// These wait for their turn: see hoard.
	if strings.HasPrefix(name, oldConfig) && o.GetLabels()[managedBy] == "" {
		return false
	}
	return o.GetNamespace() == system || strings.HasPrefix(o.GetNamespace(), "falcon-") ||
		strings.HasPrefix(name, "falcon") || strings.HasPrefix(name, "injector") ||
		o.GetLabels()[managedBy] == "kubectl-falcon"
}

// normalise drops what the server fills in and what is made afresh at every installation; certificates
// are compared by what they do, in certificates.
func normalise(resource string, o *unstructured.Unstructured) {
	for _, path := range [][]string{
		{"status"}, {"spec", "clusterIP"}, {"spec", "clusterIPs"}, {"metadata", "resourceVersion"},
		{"metadata", "uid"}, {"metadata", "generation"}, {"metadata", "creationTimestamp"},
		{"metadata", "managedFields"}, {"metadata", "ownerReferences"},
		{"metadata", "annotations", "deployment.kubernetes.io/revision"},
	} {
		unstructured.RemoveNestedField(o.Object, path...)
	}
	if resource == "leases" {
		// Who held it and until when is no state of the installation; that it is there is.
		unstructured.RemoveNestedField(o.Object, "spec")
	}
	mask(o.Object, "")
}

// mask replaces certificates, hashes and times, wherever they stand, by what they are.
func mask(value any, key string) any {
	switch v := value.(type) {
	case map[string]any:
		for k, child := range v {
			v[k] = mask(child, k)
		}
	case []any:
		for i, child := range v {
			v[i] = mask(child, key)
		}
	case string:
		if _, err := time.Parse(time.RFC3339, v); err == nil {
			return "<time>"
		}
		switch {
		case key == "caBundle", key == "ca.crt", key == "tls.crt", key == "tls.key":
			return "<certificate>"
		case strings.HasPrefix(key, "kubectl-falcon.") && len(v) >= 16:
			// They cover the certificate; that the pods have the Deployment's is looked at in pods.
			return "<hash>"
		}
	}
	return value
}

// faults returns what is wrong with an installation of the CID, however it came about.
func (r *rig) faults(ctx context.Context, cid string) []string {
	var bad []string
	for what, look := range map[string]func() error{
		"certificates":  func() error { return r.certificates(ctx) },
		"injector pods": func() error { return r.pods(ctx, cid) },
		"a new pod":     func() error { return r.injected(ctx, cid) },
	} {
		if err := look(); err != nil {
			bad = append(bad, what+": "+err.Error())
		}
	}
	return bad
}

// authority returns the authority in the secret.
func (r *rig) authority(ctx context.Context) ([]byte, error) {
	secret, err := r.client.CoreV1().Secrets(system).Get(ctx, "injector-tls", metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	return secret.Data["ca.crt"], nil
}

// certificates holds that the API server trusts exactly the authority of the certificate that is served.
func (r *rig) certificates(ctx context.Context) error {
	secret, err := r.client.CoreV1().Secrets(system).Get(ctx, "injector-tls", metav1.GetOptions{})
	if err != nil {
		return err
	}
	hook, err := r.client.AdmissionregistrationV1().MutatingWebhookConfigurations().
		Get(ctx, "injector.falcon-system.svc", metav1.GetOptions{})
	if err != nil {
		return err
	}
	for i := range hook.Webhooks {
		if !bytes.Equal(hook.Webhooks[i].ClientConfig.CABundle, secret.Data["ca.crt"]) {
			return fmt.Errorf("the bundle of webhook %s is not ca.crt of the secret", hook.Webhooks[i].Name)
		}
	}
	block, _ := pem.Decode(secret.Data["tls.crt"])
	if block == nil {
		return fmt.Errorf("tls.crt of the secret is no certificate")
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(secret.Data["ca.crt"])
	_, err = leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: "injector.falcon-system.svc"})
	return err
}

// pods holds that every injector pod is of the Deployment's newest form and serves the CID.
func (r *rig) pods(ctx context.Context, cid string) error {
	d, err := r.client.AppsV1().Deployments(system).Get(ctx, "injector", metav1.GetOptions{})
	if err != nil {
		return err
	}
	list, err := r.client.CoreV1().Pods(system).List(ctx, metav1.ListOptions{
		LabelSelector: metav1.FormatLabelSelector(d.Spec.Selector)})
	if err != nil {
		return err
	}
	alive := slices.DeleteFunc(list.Items, func(p corev1.Pod) bool { return p.DeletionTimestamp != nil })
	if len(alive) != int(*d.Spec.Replicas) {
		return fmt.Errorf("%d pods instead of %d", len(alive), *d.Spec.Replicas)
	}
	for i := range alive {
		if err := r.onePod(ctx, d, &alive[i], cid); err != nil {
			return fmt.Errorf("%s: %w", alive[i].Name, err)
		}
	}
	return nil
}

// onePod asks one injector pod past the Service, since its annotations say what it should serve, and only
// its answer what it does.
func (r *rig) onePod(ctx context.Context, d *appsv1.Deployment, pod *corev1.Pod, cid string) error {
	for key, want := range d.Spec.Template.Annotations {
		if got := pod.Annotations[key]; got != want {
			return fmt.Errorf("annotation %s is %q, the Deployment's %q", key, got, want)
		}
	}
	canary, err := json.Marshal(probePod())
	if err != nil {
		return err
	}
	review, err := json.Marshal(admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"},
		Request: &admissionv1.AdmissionRequest{
			UID: "1", Namespace: r.namespaces[0], Operation: admissionv1.Create,
			Kind:   metav1.GroupVersionKind{Version: "v1", Kind: "Pod"},
			Object: runtime.RawExtension{Raw: canary},
		},
	})
	if err != nil {
		return err
	}
	port := pod.Spec.Containers[0].Ports[0].ContainerPort
	raw, err := r.client.CoreV1().RESTClient().Post().Namespace(system).Resource("pods").
		Name(fmt.Sprintf("https:%s:%d", pod.Name, port)).SubResource("proxy").Suffix("mutate").Body(review).DoRaw(ctx)
	if err != nil {
		return err
	}
	var answer admissionv1.AdmissionReview
	if err := json.Unmarshal(raw, &answer); err != nil {
		return err
	}
	if patch := string(answer.Response.Patch); !strings.Contains(patch, cid) {
		return fmt.Errorf("it does not inject the CID %s but: %s", cid, patch)
	}
	return nil
}

// injected holds that a new pod in a covered namespace gets the sensor with the CID.
func (r *rig) injected(ctx context.Context, cid string) error {
	pod, err := r.dryRun(ctx, r.namespaces[0])
	if err != nil {
		return err
	}
	i := slices.IndexFunc(pod.Spec.Containers, func(c corev1.Container) bool { return c.Name == sidecarName })
	if i < 0 {
		return fmt.Errorf("it has no container %s", sidecarName)
	}
	if !slices.Contains(pod.Spec.Containers[i].Env, corev1.EnvVar{Name: "FALCONCTL_OPT_CID", Value: cid}) {
		return fmt.Errorf("its sensor has not the CID %s: %v", cid, pod.Spec.Containers[i].Env)
	}
	return nil
}

// clean removes what is left by hand, for the next point, when the plugin could not.
func (r *rig) clean(ctx context.Context) error {
	hooks := r.client.AdmissionregistrationV1().MutatingWebhookConfigurations()
	if err := hooks.Delete(ctx, "injector.falcon-system.svc", metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		left := 0
		for _, name := range []string{system, "falcon-canary"} {
			if err := r.client.CoreV1().Namespaces().Delete(ctx, name, metav1.DeleteOptions{}); !apierrors.IsNotFound(err) {
				left++
			}
		}
		if left == 0 {
			return nil
		}
	}
	return fmt.Errorf("a namespace of the plugin is not gone after a minute")
}
