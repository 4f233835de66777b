package owner

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
)

// The keys of an injector's settings that others ask for.
const (
	// ImageKey is the sensor image, CIDKey the customer id with its checksum.
	ImageKey = "FALCON_IMAGE"
	CIDKey   = "FALCONCTL_OPT_CID"
)

// Settings are what a Deployment's first container is told, as far as it stands in ConfigMaps or in the
// container itself: secret settings decide nothing here.
func Settings(ctx context.Context, c *kube.Cluster, d *appsv1.Deployment) (map[string]string, error) {
	values := map[string]string{}
	for i := range d.Spec.Template.Spec.Containers {
		container := &d.Spec.Template.Spec.Containers[i]
		for _, from := range container.EnvFrom {
			if from.ConfigMapRef == nil {
				continue
			}
			config, err := c.Client.CoreV1().ConfigMaps(d.Namespace).Get(ctx, from.ConfigMapRef.Name, metav1.GetOptions{})
			if err != nil {
				return nil, fmt.Errorf("read configmap %s in namespace %s: %w", from.ConfigMapRef.Name, d.Namespace, err)
			}
			for key, value := range config.Data {
				values[from.Prefix+key] = value
			}
		}
		for _, e := range container.Env {
			if e.ValueFrom == nil {
				values[e.Name] = e.Value
			}
		}
		// A container that reads the configuration is the injector; others beside it are not.
		if values[ImageKey] != "" {
			break
		}
	}
	return values, nil
}
