package inject

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
)

// settled is the age from which a configuration that nothing refers to is no run's that is being made.
const settled = 5 * time.Minute

func pruneConfigs(ctx context.Context, c *kube.Cluster, now time.Time, report Reporter) error {
	configs, err := c.Client.CoreV1().ConfigMaps(Namespace).List(ctx, metav1.ListOptions{
		LabelSelector: manifest.ManagedByLabel + "=" + kube.FieldManager})
	if err != nil {
		return fmt.Errorf("list the injector's configurations: %w", err)
	}
	sets, err := c.Client.AppsV1().ReplicaSets(Namespace).List(ctx, metav1.ListOptions{LabelSelector: "app=" + Name})
	if err != nil {
		return fmt.Errorf("list the injector's revisions: %w", err)
	}
	used := map[string]bool{}
	for i := range sets.Items {
		used[configName(&sets.Items[i].Spec.Template.Spec)] = true
	}
	for i := range configs.Items {
		config := &configs.Items[i]
		old := now.Sub(config.CreationTimestamp.Time) > settled
		if !strings.HasPrefix(config.Name, manifest.ConfigMapName) || used[config.Name] || !old {
			continue
		}
		for _, object := range configurationNamed(config.Name) {
			change, err := c.Delete(ctx, object, foreign)
			if err != nil && !errors.Is(err, errForeign) {
				return err
			}
			if change == kube.Deleted {
				report.change(object, change)
			}
		}
	}
	return nil
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
