package inject

import (
	"context"
	"fmt"
	"slices"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
)

// announce says what the webhook is about to cover, and what would be blocked if the injector died.
func (i *installation) announce(ctx context.Context, in, out []string) error {
	i.report.remark("the webhook covers %s: %s", count(len(in), "namespace"), orNone(list(in, 6)))
	if !slices.Contains(out, Namespace) {
		// It was not there yet when the namespaces were listed.
		out = append([]string{Namespace}, out...)
	}
	i.report.remark("out of scope: %s", orNone(list(out, 8)))
	if i.o.FailurePolicy != admissionv1.Fail {
		i.report.remark("while no injector answers, pods there start without the sensor (failure policy Ignore)")
		return nil
	}
	pods, err := i.podsIn(ctx, in)
	if err != nil {
		return err
	}
	i.report.remark("while no injector answers, new pods there are refused (failure policy Fail); %s there now",
		running(pods))
	return nil
}

func running(pods int) string {
	if pods == 1 {
		return "1 pod runs"
	}
	return fmt.Sprintf("%d pods run", pods)
}

// podsIn counts the pods of the namespaces. Only their metadata is asked for.
func (i *installation) podsIn(ctx context.Context, namespaces []string) (pods int, err error) {
	inside := map[string]bool{}
	for _, ns := range namespaces {
		inside[ns] = true
	}
	err = eachMetadata(ctx, i.c, schema.GroupVersionResource{Version: "v1", Resource: "pods"}, metav1.ListOptions{},
		func(o *metav1.PartialObjectMetadata) {
			if inside[o.Namespace] {
				pods++
			}
		})
	return pods, err
}

// eachMetadata visits all objects of a kind in the cluster, page by page.
func eachMetadata(ctx context.Context, c *kube.Cluster, kind schema.GroupVersionResource, options metav1.ListOptions,
	visit func(*metav1.PartialObjectMetadata)) error {
	options.Limit = pageSize
	for {
		page, err := c.Metadata.Resource(kind).List(ctx, options)
		if err != nil {
			return fmt.Errorf("list %s: %w", kind.Resource, err)
		}
		for n := range page.Items {
			visit(&page.Items[n])
		}
		if options.Continue = page.Continue; options.Continue == "" {
			return nil
		}
	}
}

// count puts a number before a word that may need an s.
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}
