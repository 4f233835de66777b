package aid

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/owner"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
)

// Configured are the settings of the cluster's injectors that matter here: the customer id of one of them and
// the images of all. What this user may not read is missing; the error says why.
func Configured(ctx context.Context, c *kube.Cluster) (cid string, images map[string]bool, err error) {
	found, err := owner.Find(ctx, c)
	if err != nil {
		return "", nil, err
	}
	images = map[string]bool{}
	for _, i := range found {
		if i.Deployment == "" {
			continue
		}
		d, getErr := c.Client.AppsV1().Deployments(i.Namespace).Get(ctx, i.Deployment, metav1.GetOptions{})
		if getErr != nil {
			err = getErr
			continue
		}
		values, readErr := owner.Settings(ctx, c, d)
		if readErr != nil {
			err = readErr
			continue
		}
		if image := values[owner.ImageKey]; image != "" {
			images[image] = true
		}
		if cid == "" {
			cid = values[owner.CIDKey]
		}
	}
	return cid, images, err
}

// Recognise finds the sensors of unknown names by the injectors' image, and returns the images. It asks the
// cluster only if a pod may have one; who may not read the injectors' settings finds none.
func Recognise(ctx context.Context, c *kube.Cluster, pods []Pod) map[string]bool {
	unknown := false
	for n := range pods {
		unknown = unknown || len(pods[n].others) > 0
	}
	if !unknown {
		return nil
	}
	_, images, _ := Configured(ctx, c)
	for n := range pods {
		pods[n].recognise(images)
	}
	return images
}
