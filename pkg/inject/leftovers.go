package inject

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"golang.org/x/sync/errgroup"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/owner"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/sidecar"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
)

// Leftovers is what a cluster still has of Falcon's injectors after an uninstallation.
type Leftovers struct {
	// Injectors are those of other tools, in words.
	Injectors []string
	// Objects are cluster roles, bindings and pull secrets: kind/name, with the namespace in brackets.
	Objects []string
	// Labelled are namespaces that carry the label which opts in or out.
	Labelled []string
	// Workloads are what made the pods that still carry a sidecar.
	Workloads []Workload
}

// Workload is what made pods: their uppermost known owner, or the pod itself.
type Workload struct {
	Namespace, Kind, Name string
	Pods                  int
}

// Restart is the command that makes its pods anew, or nothing where none does.
func (w Workload) Restart() string {
	switch w.Kind {
	case "Deployment", "StatefulSet", "DaemonSet":
		return fmt.Sprintf("kubectl rollout restart -n %s %s/%s", w.Namespace, strings.ToLower(w.Kind), w.Name)
	}
	return ""
}

// Left scans the whole cluster for what is left. images are the sensor images that were in use, as far as they
// are known: they identify sidecars with an unknown name.
func Left(ctx context.Context, c *kube.Cluster, images ...string) (*Leftovers, error) {
	var l Leftovers
	var roles, secrets []string
	all, ctx := errgroup.WithContext(ctx)
	all.Go(func() error {
		found, err := owner.Find(ctx, c)
		for _, i := range found {
			l.Injectors = append(l.Injectors, i.String())
		}
		return err
	})
	all.Go(func() (err error) {
		roles, err = leftRoles(ctx, c)
		return err
	})
	all.Go(func() error {
		return eachMetadata(ctx, c, secretKind, metav1.ListOptions{}, func(s *metav1.PartialObjectMetadata) {
			if s.DeletionTimestamp == nil && (Ours(s) || s.Name == manifest.DefaultPullSecret) {
				secrets = append(secrets, "secret/"+s.Name+" ("+s.Namespace+")")
			}
		})
	})
	all.Go(func() error {
		namespaces, err := listNamespaces(ctx, c)
		for n := range namespaces {
			ns := &namespaces[n]
			// The injector's own is marked by this tool as long as it stays.
			own := ns.Name == Namespace && Ours(ns)
			if value, marked := ns.Labels[InjectionKey]; marked && !own {
				l.Labelled = append(l.Labelled, ns.Name+" ("+value+")")
			}
		}
		return err
	})
	all.Go(func() (err error) {
		l.Workloads, err = Carriers(ctx, c, images...)
		return err
	})
	err := all.Wait()
	l.Objects = append(roles, secrets...)
	slices.Sort(l.Objects)
	return &l, err
}

func leftRoles(ctx context.Context, c *kube.Cluster) (names []string, err error) {
	for _, kind := range []string{"clusterroles", "clusterrolebindings"} {
		gvr := schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: kind}
		err := eachMetadata(ctx, c, gvr, metav1.ListOptions{}, func(o *metav1.PartialObjectMetadata) {
			if Ours(o) || o.Labels["crowdstrike.com/provider"] != "" || o.Name == "read-secrets-global" {
				names = append(names, strings.TrimSuffix(kind, "s")+"/"+o.Name)
			}
		})
		if err != nil {
			return nil, err
		}
	}
	return names, nil
}

// Carriers returns what made the pods that carry a sidecar, each once, in order. images are the injector's
// sensor images, as far as they are known.
func Carriers(ctx context.Context, c *kube.Cluster, images ...string) ([]Workload, error) {
	count := map[Workload]int{}
	var sets map[string]string
	options := metav1.ListOptions{Limit: pageSize}
	for {
		pods, err := c.Client.CoreV1().Pods(metav1.NamespaceAll).List(ctx, options)
		if err != nil {
			return nil, fmt.Errorf("list pods: %w", err)
		}
		for i := range pods.Items {
			pod := &pods.Items[i]
			if !carries(pod, images) || pod.DeletionTimestamp != nil || over(pod) {
				continue
			}
			w := maker(pod)
			if w.Kind == "ReplicaSet" {
				if sets == nil {
					if sets, err = deploymentsOf(ctx, c); err != nil {
						return nil, err
					}
				}
				if name, known := sets[w.Namespace+"/"+w.Name]; known {
					w.Kind, w.Name = "Deployment", name
				}
			}
			count[w]++
		}
		if options.Continue = pods.Continue; options.Continue == "" {
			break
		}
	}
	var all []Workload
	for w, pods := range count {
		w.Pods = pods
		all = append(all, w)
	}
	slices.SortFunc(all, func(a, b Workload) int {
		return strings.Compare(a.Namespace+"/"+a.Kind+"/"+a.Name, b.Namespace+"/"+b.Kind+"/"+b.Name)
	})
	return all, nil
}

func carries(pod *corev1.Pod, images []string) bool {
	if _, known := sidecar.In(&pod.Spec, ""); known {
		return true
	}
	return slices.ContainsFunc(images, func(image string) bool {
		_, found := sidecar.In(&pod.Spec, image)
		return found
	})
}

func over(pod *corev1.Pod) bool {
	return pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}

// maker is the controller of a pod, or the pod.
func maker(pod *corev1.Pod) Workload {
	if o := metav1.GetControllerOf(pod); o != nil {
		return Workload{Namespace: pod.Namespace, Kind: o.Kind, Name: o.Name}
	}
	return Workload{Namespace: pod.Namespace, Kind: "Pod", Name: pod.Name}
}

// deploymentsOf maps the cluster's ReplicaSets, as namespace/name, to the Deployments that own them.
func deploymentsOf(ctx context.Context, c *kube.Cluster) (map[string]string, error) {
	sets := map[string]string{}
	gvr := schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "replicasets"}
	err := eachMetadata(ctx, c, gvr, metav1.ListOptions{}, func(o *metav1.PartialObjectMetadata) {
		if owner := metav1.GetControllerOf(o); owner != nil && owner.Kind == "Deployment" {
			sets[o.Namespace+"/"+o.Name] = owner.Name
		}
	})
	return sets, err
}
