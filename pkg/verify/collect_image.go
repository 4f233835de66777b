package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/sensor"
)

// nodes notes for which platforms the nodes need images, and how many are not Fargate's.
func (k *collector) nodes(ctx context.Context) error {
	list, err := k.c.Client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return k.may(err, "list", "nodes", "")
	}
	for n := range list.Items {
		if !strings.HasPrefix(list.Items[n].Name, fargateNode) {
			k.ordinary++
		}
		i := &list.Items[n].Status.NodeInfo
		if platform := fmt.Sprintf("%s/%s", i.OperatingSystem, i.Architecture); i.Architecture != "" && !slices.Contains(k.s.Architectures, platform) {
			k.s.Architectures = append(k.s.Architectures, platform)
		}
	}
	slices.Sort(k.s.Architectures)
	return nil
}

// lookUp asks the registry for the sensor image from here, which says nothing of who pulls it: a registry that
// cannot be asked is no fault of the cluster's.
func (k *collector) lookUp(ctx context.Context) error {
	image := k.image()
	if image == "" {
		return nil
	}
	t := ImageTrial{Image: image, Sensor: true}
	platforms, err := sensor.Platforms(ctx, image)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		t.Absent, t.Message = errors.Is(err, sensor.ErrAbsent), err.Error()
	default:
		t.Platforms = platforms
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.s.Images = append(k.s.Images, t)
	return nil
}
