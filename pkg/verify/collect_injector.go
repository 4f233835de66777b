package verify

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"golang.org/x/sync/errgroup"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/owner"
)

// workloads lists the Deployments: injectors are among them, what makes ReplicaSets, and what is blocked.
func (k *collector) workloads(ctx context.Context) error {
	err := eachPage(ctx, func(o metav1.ListOptions) (string, error) {
		list, err := k.c.Client.AppsV1().Deployments(metav1.NamespaceAll).List(ctx, o)
		if err != nil {
			return "", err
		}
		for n := range list.Items {
			k.deployments = append(k.deployments, *reduceDeployment(&list.Items[n]))
		}
		return list.Continue, nil
	})
	return k.may(err, "list", "deployments.apps", "")
}

// reduceDeployment takes out what may be secret (environment) and what is large. Of one that is no injector
// only its name and conditions are kept, since there may be thousands.
func reduceDeployment(d *appsv1.Deployment) *appsv1.Deployment {
	if !owner.IsInjector(d) && len(d.Spec.Template.Spec.Containers) > 0 && !isInjectorSpec(&d.Spec.Template.Spec) {
		return &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: d.Namespace, Name: d.Name},
			Status: appsv1.DeploymentStatus{Conditions: d.Status.Conditions}}
	}
	withoutEnvironment(&d.Spec.Template.Spec)
	return d
}

// isInjectorSpec knows an injector's pods by their command, which is that of all the vendor's images.
func isInjectorSpec(spec *corev1.PodSpec) bool {
	return slices.ContainsFunc(spec.Containers, func(c corev1.Container) bool {
		return len(c.Command) > 0 && c.Command[len(c.Command)-1] == "injector"
	})
}

// withoutEnvironment takes the values of variables out of a pod's containers, and leaves their names.
func withoutEnvironment(spec *corev1.PodSpec) {
	for _, containers := range [][]corev1.Container{spec.InitContainers, spec.Containers} {
		for n := range containers {
			for m := range containers[n].Env {
				containers[n].Env[m].Value = ""
			}
		}
	}
}

// strip takes out of an object's metadata what is large and, in the annotation in which kubectl apply keeps
// the whole object, may be secret.
func strip(o metav1.Object) {
	o.SetManagedFields(nil)
	annotations := maps.Clone(o.GetAnnotations())
	delete(annotations, corev1.LastAppliedConfigAnnotation)
	o.SetAnnotations(annotations)
}

// injectors recognises the injectors and reads what belongs to each.
func (k *collector) injectors(ctx context.Context) error {
	parts := owner.Recognise(k.s.Webhooks, k.deployments)
	k.s.Injectors = make([]Injector, len(parts))
	all, inner := errgroup.WithContext(ctx)
	for n := range parts {
		i := &k.s.Injectors[n]
		*i = injectorOf(&parts[n])
		all.Go(func() error { return k.read(inner, i) })
	}
	err := all.Wait()
	for n := range k.s.Webhooks {
		strip(&k.s.Webhooks[n])
	}
	return err
}

func injectorOf(p *owner.Part) Injector {
	i := Injector{Tool: p.Tool, Detail: p.Detail, Namespace: p.Namespace, Webhook: p.Webhook, Deployment: p.Deployment}
	if p.Hook != nil {
		i.Edits = append(i.Edits, edits("mutatingwebhookconfiguration/"+p.Hook.Name, p.Hook.ManagedFields)...)
	}
	if p.Entry == nil {
		// Its Service is where the Deployment is, and has its name, with every installer.
		i.Reference = Reference{Namespace: p.Namespace, Name: p.Injector.Deployment}
		return i
	}
	config := p.Entry.ClientConfig
	if s := config.Service; s != nil {
		i.Reference = Reference{Namespace: s.Namespace, Name: s.Name, Port: 443}
		if s.Port != nil {
			i.Reference.Port = *s.Port
		}
		if s.Path != nil {
			i.Reference.Path = *s.Path
		}
		return i
	}
	i.Reference = Reference{Namespace: p.Namespace, Name: p.ServiceName}
	if config.URL != nil {
		i.Reference.URL = *config.URL
	}
	return i
}

// read reads what belongs to an injector, all at once.
func (k *collector) read(ctx context.Context, i *Injector) error {
	core, ns := k.c.Client.CoreV1(), i.Namespace
	if d := i.Deployment; d != nil {
		i.Edits = append(i.Edits, edits("deployment/"+d.Name, d.ManagedFields)...)
		strip(d)
	}
	all, inner := errgroup.WithContext(ctx)
	if name := i.Reference.Name; name != "" {
		all.Go(func() error {
			s, err := core.Services(ns).Get(inner, name, metav1.GetOptions{})
			if err != nil {
				i.Reference.Missing = apierrors.IsNotFound(err)
				return k.may(err, "get", "services", ns)
			}
			i.Edits = append(i.Edits, edits("service/"+s.Name, s.ManagedFields)...)
			strip(s)
			i.Service = s
			return nil
		})
	}
	if i.Deployment != nil {
		all.Go(func() error { return k.configuration(inner, i) })
		all.Go(func() error { return k.certificate(inner, i) })
		all.Go(func() error { return k.endpoints(inner, i) })
		all.Go(func() error {
			list, err := k.c.Client.PolicyV1().PodDisruptionBudgets(ns).List(inner, metav1.ListOptions{})
			if err == nil {
				i.Budgets = list.Items
			}
			return k.may(err, "list", "poddisruptionbudgets.policy", ns)
		})
		all.Go(func() error {
			list, err := k.c.Client.NetworkingV1().NetworkPolicies(ns).List(inner, metav1.ListOptions{})
			if err == nil {
				i.Policies = list.Items
			}
			return k.may(err, "list", "networkpolicies.networking.k8s.io", ns)
		})
	}
	if i.Tool == owner.Operator {
		all.Go(func() error { return k.operator(inner, i) })
	}
	if err := all.Wait(); err != nil {
		return err
	}
	for n := range i.Budgets {
		strip(&i.Budgets[n])
	}
	for n := range i.Policies {
		strip(&i.Policies[n])
	}
	slices.SortFunc(i.Edits, func(a, b Edit) int { return cmp.Or(cmp.Compare(a.Object, b.Object), cmp.Compare(a.Manager, b.Manager)) })
	return k.pullSecret(ctx, i)
}

func (k *collector) endpoints(ctx context.Context, i *Injector) error {
	list, err := k.c.Client.DiscoveryV1().EndpointSlices(i.Namespace).List(ctx, metav1.ListOptions{
		LabelSelector: discoveryv1.LabelServiceName + "=" + i.Reference.Name})
	if err != nil {
		return k.may(err, "list", "endpointslices.discovery.k8s.io", i.Namespace)
	}
	for n := range list.Items {
		strip(&list.Items[n])
	}
	i.Slices = list.Items
	return nil
}

// configuration reads the ConfigMaps of the injector's namespace: its settings and the record.
func (k *collector) configuration(ctx context.Context, i *Injector) error {
	list, err := k.c.Client.CoreV1().ConfigMaps(i.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return k.may(err, "list", "configmaps", i.Namespace)
	}
	have := map[string]*corev1.ConfigMap{}
	for n := range list.Items {
		have[list.Items[n].Name] = &list.Items[n]
	}
	i.Config = configOf(&i.Deployment.Spec.Template.Spec, have)
	if record := have[manifest.RecordName]; record != nil && i.Tool == owner.Ours {
		i.Record = recordOf(record, have)
	}
	return nil
}

// configOf finds the settings among the ConfigMaps that the injector takes its environment from.
func configOf(spec *corev1.PodSpec, have map[string]*corev1.ConfigMap) *Config {
	var c *Config
	secret := false
	for _, container := range spec.Containers {
		for _, from := range container.EnvFrom {
			secret = secret || from.SecretRef != nil
			if from.ConfigMapRef == nil {
				continue
			}
			m := have[from.ConfigMapRef.Name]
			switch {
			case m == nil && c == nil:
				c = &Config{Name: from.ConfigMapRef.Name, Missing: true}
			case m != nil && (c == nil || c.Missing || m.Data["FALCON_IMAGE"] != ""):
				c = settings(m)
			}
		}
		for _, variable := range container.Env {
			secret = secret || strings.HasSuffix(variable.Name, "OPT_CID")
		}
	}
	if c != nil {
		c.Elsewhere = secret && c.CID == ""
	}
	return c
}

// settings are those of a ConfigMap, without what is secret.
func settings(m *corev1.ConfigMap) *Config {
	d := m.Data
	c := &Config{Name: m.Name, Changed: changed(m), Image: d["FALCON_IMAGE"], PullPolicy: d["FALCON_IMAGE_PULL_POLICY"],
		PullSecret: d["FALCON_IMAGE_PULL_SECRET"], Port: d["FALCON_INJECTOR_LISTEN_PORT"],
		OptIn: d["INJECTION_DEFAULT_DISABLED"] == "T", Trace: d["FALCONCTL_OPT_TRACE"]}
	if cid := d["FALCONCTL_OPT_CID"]; cid != "" {
		c.CIDForm = manifest.IsCID(cid)
		c.CID = cid[:min(4, len(cid))] + "…"
		c.whole, _, _ = strings.Cut(strings.ToLower(cid), "-")
	}
	var resources corev1.ResourceRequirements
	if text, err := base64.StdEncoding.DecodeString(d["FALCON_RESOURCES"]); err == nil && json.Unmarshal(text, &resources) == nil {
		c.Resources = &resources
	}
	return c
}

// changed is when anybody last wrote an object.
func changed(o metav1.Object) time.Time {
	last := o.GetCreationTimestamp().Time
	for _, f := range o.GetManagedFields() {
		if f.Time != nil && f.Time.After(last) {
			last = f.Time.Time
		}
	}
	return last.UTC()
}

func recordOf(m *corev1.ConfigMap, have map[string]*corev1.ConfigMap) *Record {
	r := &Record{Version: m.Data[manifest.RecordVersion], Objects: strings.Fields(m.Data[manifest.RecordObjects])}
	for _, object := range r.Objects {
		// The others are looked at by checks of their own.
		if name, is := strings.CutPrefix(object, "configmap/"); is && have[name] == nil {
			r.Missing = append(r.Missing, object)
		}
	}
	return r
}
