package inject

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
)

// settled is the age from which a configuration that nothing refers to is no run's that is being made.
const settled = 5 * time.Minute

// drop deletes those of the objects that are there and that this tool made.
func (i *installation) drop(ctx context.Context, objects []kube.Object) error {
	for _, object := range objects {
		change, err := i.c.Delete(ctx, object, foreign)
		if err != nil && !errors.Is(err, errForeign) {
			return err
		}
		if change == kube.Deleted {
			i.dropped = true
			i.report.change(object, change)
		}
	}
	return nil
}

// spare removes what installations with other options made and this one has not, once no new pod needs it.
func (i *installation) spare(ctx context.Context) error {
	stale, err := i.staleSecrets(ctx)
	if err != nil {
		return err
	}
	return i.drop(ctx, append(stale, i.otherObjects()...))
}

// otherObjects are what other options have made: the right to read secrets, the registry's authority,
// certificates made here.
func (i *installation) otherObjects() (others []kube.Object) {
	all := manifest.Defaults()
	all.RegistryCA = []byte("any")
	for _, object := range manifest.Render(all, manifest.Given{TLS: manifest.TLS{Cert: []byte("any")}}).Objects {
		planned := slices.ContainsFunc(i.plan.Objects, func(o kube.Object) bool { return kube.Describe(o) == kube.Describe(object) })
		if !planned && !strings.HasPrefix(object.GetName(), manifest.ConfigMapName) {
			others = append(others, object)
		}
	}
	return others
}

// prune deletes configurations that no revision of the Deployment refers to any more, and that are old
// enough not to be another run's that is just being made. Those of the revisions that are kept stay, so
// that kubectl rollout undo works.
func (i *installation) prune(ctx context.Context) error {
	unused, err := i.unusedConfigs(ctx)
	if err != nil {
		return err
	}
	return i.drop(ctx, unused)
}

func (i *installation) unusedConfigs(ctx context.Context) (unused []kube.Object, err error) {
	configs, err := i.c.Client.CoreV1().ConfigMaps(Namespace).List(ctx, metav1.ListOptions{
		LabelSelector: manifest.ManagedByLabel + "=" + kube.FieldManager})
	if err != nil {
		return nil, fmt.Errorf("list the injector's configurations: %w", err)
	}
	sets, err := i.c.Client.AppsV1().ReplicaSets(Namespace).List(ctx, metav1.ListOptions{LabelSelector: "app=" + Name})
	if err != nil {
		return nil, fmt.Errorf("list the injector's revisions: %w", err)
	}
	used := map[string]bool{}
	for n := range sets.Items {
		used[configName(&sets.Items[n].Spec.Template.Spec)] = true
	}
	for _, object := range i.plan.Objects {
		used[object.GetName()] = true
	}
	for n := range configs.Items {
		config := &configs.Items[n]
		old := i.now.Sub(config.CreationTimestamp.Time) > settled
		if strings.HasPrefix(config.Name, manifest.ConfigMapName) && !used[config.Name] && old {
			unused = append(unused, configurationNamed(config.Name)...)
		}
	}
	return unused, nil
}

// configurationNamed is the Secret with a configuration's secret settings and the configuration, to be
// deleted in this order: by the configuration the other is found, if the run ends in between.
func configurationNamed(name string) []kube.Object {
	meta := metav1.ObjectMeta{Name: name, Namespace: Namespace}
	return []kube.Object{
		&corev1.Secret{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"}, ObjectMeta: meta},
		&corev1.ConfigMap{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"}, ObjectMeta: meta},
	}
}
