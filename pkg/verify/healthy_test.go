package verify

import (
	"fmt"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/certs"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/owner"
)

// When things happened in the healthy cluster: the certificate was made, the injector installed, a pod
// created, the snapshot taken.
var (
	installedAt = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	createdAt   = installedAt.Add(time.Hour)
	takenAt     = installedAt.Add(24 * time.Hour)
)

const sensorImage = "registry.example.com/falcon-sensor@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// certificate is made once: keys take time.
var certificate = func() manifest.TLS {
	t, err := certs.New(installedAt, 3650*24*time.Hour)
	if err != nil {
		panic(err)
	}
	return t
}()

// healthy is a snapshot of a cluster in which every check passes that can, with every optional part. Each
// call returns one of its own.
func healthy() *Snapshot {
	o := manifest.Defaults()
	o.CID, o.Image = "0123456789abcdef0123456789abcdef-12", sensorImage
	// Nobody pulls without credentials from a registry of one's own.
	o.PullSecret = manifest.DefaultPullSecret
	plan := manifest.Render(o, manifest.Given{TLS: certificate, Bundle: certificate.CA, CertHash: manifest.CertHash(certificate), Version: "v1"})
	plan.Webhook.CreationTimestamp = metav1.NewTime(installedAt)
	s := &Snapshot{
		Client: "v1.0.0", Taken: takenAt, Context: "lab", Host: "https://127.0.0.1:6443", Server: "v1.37.2",
		Asked: Parts{Canary: true, Deep: true, AIDs: true, Leftovers: true, Pre: true, AWS: true},
		Namespaces: []Namespace{
			space("default"), space("falcon-system"), space("kube-node-lease"), space("kube-public"), space("kube-system"),
			space("team-a"), space("team-b"),
		},
		Webhooks:      []admissionv1.MutatingWebhookConfiguration{*plan.Webhook.DeepCopy()},
		Injectors:     []Injector{healthyInjector(plan)},
		Architectures: []string{"linux/amd64"},
		Leftovers:     &Leftovers{},
		AWS:           healthyAWS(),
	}
	for _, ns := range []string{"default", "team-a", "team-b"} {
		s.Canaries = append(s.Canaries, Canary{Namespace: ns, Sidecar: "crowdstrike-falcon-container",
			Took: 20 * time.Millisecond, Answers: []string{"injected", "injected", "injected"}})
		for n := range 2 {
			p := carrier(ns, fmt.Sprintf("web-7d9f8-%d", n), Workload{"Deployment", "web"})
			s.Pods = append(s.Pods, p)
			s.Sensors = append(s.Sensors, Sensor{Namespace: ns, Pod: p.Name, AID: fmt.Sprintf("%030x%02x", len(s.Sensors)+1, n),
				Version: "7.40.0", CIDFits: "yes"})
		}
	}
	s.Images = []ImageTrial{{Image: "registry.example.com/web:1", Namespace: "team-a", Pods: 2},
		{Image: sensorImage, Namespace: "falcon-system", Sensor: true, Platforms: []string{"linux/amd64", "linux/arm64"}}}
	return s
}

func space(name string) Namespace {
	return Namespace{Name: name, Labels: map[string]string{corev1.LabelMetadataName: name}}
}

// carrier is a pod with a ready sensor.
func carrier(namespace, name string, of Workload) Pod {
	return Pod{Namespace: namespace, Name: name, Workload: of, Created: createdAt, Phase: "Running", Node: "node-1",
		Sidecar: &Sidecar{Name: "crowdstrike-falcon-container", Image: sensorImage, ImageID: sensorImage, Ready: true}}
}

// plain is a running pod without a sensor.
func plain(namespace, name string, of Workload) Pod {
	p := carrier(namespace, name, of)
	p.Sidecar = nil
	return p
}

func healthyInjector(plan manifest.Plan) Injector {
	i := Injector{Tool: owner.Ours, Namespace: manifest.Namespace, Webhook: manifest.WebhookName,
		Reference: Reference{Namespace: manifest.Namespace, Name: manifest.Name, Port: 443, Path: "/mutate"}}
	for _, object := range plan.Objects {
		switch o := object.(type) {
		case *appsv1.Deployment:
			i.Deployment = o.DeepCopy()
		case *corev1.Service:
			i.Service = o.DeepCopy()
		case *policyv1.PodDisruptionBudget:
			i.Budgets = []policyv1.PodDisruptionBudget{*o.DeepCopy()}
			i.Budgets[0].Status.DisruptionsAllowed, i.Budgets[0].Status.ExpectedPods = 1, 2
		}
	}
	d := i.Deployment
	d.Generation, d.CreationTimestamp = 1, metav1.NewTime(installedAt)
	d.Spec.Template.Spec.PriorityClassName = "system-cluster-critical"
	d.Status = appsv1.DeploymentStatus{ObservedGeneration: 1, Replicas: 2, UpdatedReplicas: 2, ReadyReplicas: 2, AvailableReplicas: 2}
	yes, port, name := true, int32(4433), "https"
	slice := discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{Name: "injector-x", Namespace: manifest.Namespace},
		Ports: []discoveryv1.EndpointPort{{Name: &name, Port: &port}}}
	for n := range 2 {
		slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{
			Addresses: []string{fmt.Sprintf("10.0.0.%d", n+1)}, Conditions: discoveryv1.EndpointConditions{Ready: &yes}})
		p := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("injector-5d8f-%d", n), Namespace: manifest.Namespace,
			Labels: d.Spec.Template.Labels, CreationTimestamp: metav1.NewTime(installedAt.Add(time.Minute))},
			Spec: *d.Spec.Template.Spec.DeepCopy()}
		p.Spec.NodeName = fmt.Sprintf("node-%d", n+1)
		p.Status = corev1.PodStatus{Phase: corev1.PodRunning, StartTime: &metav1.Time{Time: installedAt.Add(time.Minute)},
			Conditions:        []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}},
			ContainerStatuses: []corev1.ContainerStatus{{Name: manifest.Name, Ready: true, Image: sensorImage, ImageID: sensorImage}}}
		i.Pods = append(i.Pods, p)
		i.Served = append(i.Served, Served{Pod: p.Name, Chain: string(certificate.Cert)})
	}
	i.Slices = []discoveryv1.EndpointSlice{slice}
	i.Config = &Config{Name: "injector-config-0123456789", Changed: installedAt, Image: sensorImage, PullPolicy: "IfNotPresent",
		PullSecret: manifest.DefaultPullSecret, Port: "4433", CID: "0123…-12", CIDForm: true}
	i.TLS = &TLS{Secret: manifest.SecretName, Chain: string(certificate.Cert), CA: string(certificate.CA), KeyFits: true, Changed: installedAt}
	i.Record = &Record{Version: "v1.0.0", Objects: []string{"deployment/injector", "service/injector"}}
	i.PullSecret = &PullSecret{Name: manifest.DefaultPullSecret, Type: string(corev1.SecretTypeDockerConfigJson),
		Hosts: []string{"registry.example.com"}, In: []string{"default", manifest.Namespace, "team-a", "team-b"}}
	return i
}
