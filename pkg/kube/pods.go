package kube

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// podPage keeps the memory of a large list near one page.
const podPage = 500

// EachPod calls take for every pod of a namespace, or of all if it is empty, that has the labels. It holds
// one page at a time, so take must keep of a pod no more than it needs. begin is called before the first
// page of a list: a second time when the server has forgotten the moment that the pages show, which then
// come anew as one, since pages of two moments would lie.
func (c *Cluster) EachPod(ctx context.Context, namespace, selector string, begin func(), take func(*corev1.Pod)) error {
	err := c.pages(ctx, namespace, selector, podPage, begin, take)
	if apierrors.IsResourceExpired(err) || apierrors.IsGone(err) {
		err = c.pages(ctx, namespace, selector, 0, begin, take)
	}
	return err
}

func (c *Cluster) pages(ctx context.Context, namespace, selector string, limit int64, begin func(), take func(*corev1.Pod)) error {
	begin()
	options := metav1.ListOptions{Limit: limit, LabelSelector: selector}
	for {
		list, err := c.Client.CoreV1().Pods(namespace).List(ctx, options)
		if err != nil {
			return err
		}
		for n := range list.Items {
			take(&list.Items[n])
		}
		if options.Continue = list.Continue; options.Continue == "" {
			return nil
		}
	}
}
