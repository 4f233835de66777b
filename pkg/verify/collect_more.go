package verify

import (
	"context"
	"net"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"golang.org/x/sync/errgroup"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/sidecar"
)

// sensorNames are the names of the sensor's containers.
var sensorNames = func() map[string]bool {
	names := map[string]bool{sidecar.InitContainer: true}
	for _, n := range sidecar.Names {
		names[n] = true
	}
	return names
}()

// newDial is a dial function that is no other's.
func newDial() func(context.Context, string, string) (net.Conn, error) {
	return (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext
}

// nodeSensors looks for the vendor's sensor on nodes, by the label that its chart and operator write.
func (k *collector) nodeSensors(ctx context.Context) error {
	list, err := k.c.Client.AppsV1().DaemonSets(metav1.NamespaceAll).List(ctx, metav1.ListOptions{
		LabelSelector: "crowdstrike.com/provider=crowdstrike"})
	if err != nil {
		return k.may(err, "list", "daemonsets.apps", "")
	}
	for n := range list.Items {
		d := &list.Items[n]
		k.s.NodeSensors = append(k.s.NodeSensors, NodeSensor{Namespace: d.Namespace, Name: d.Name,
			NodeSelector: d.Spec.Template.Spec.NodeSelector, Scheduled: d.Status.DesiredNumberScheduled})
	}
	return nil
}

// blocked finds workloads whose pods are refused now. A Deployment says so itself, which lasts longer than
// any event; of the others events tell, and then their state whether it still holds.
func (k *collector) blocked(ctx context.Context) error {
	for n := range k.deployments {
		d := &k.deployments[n]
		for _, c := range d.Status.Conditions {
			if c.Type == appsv1.DeploymentReplicaFailure && c.Status == corev1.ConditionTrue {
				k.block(Blocked{Namespace: d.Namespace, Kind: "Deployment", Name: d.Name, Message: c.Message, Since: c.LastTransitionTime.UTC()})
			}
		}
	}
	list, err := k.c.Client.CoreV1().Events(k.ask.Scope.Namespace).List(ctx, metav1.ListOptions{FieldSelector: "reason=FailedCreate"})
	if err != nil {
		return k.may(err, "list", "events", k.ask.Scope.Namespace)
	}
	last := map[Workload]map[string]*corev1.Event{}
	for n := range list.Items {
		e := &list.Items[n]
		w := Workload{e.InvolvedObject.Kind, e.InvolvedObject.Name}
		if last[w] == nil {
			last[w] = map[string]*corev1.Event{}
		}
		if before := last[w][e.Namespace]; before == nil || when(before).Before(when(e)) {
			last[w][e.Namespace] = e
		}
	}
	all, ctx := errgroup.WithContext(ctx)
	all.SetLimit(atOnce)
	for w, spaces := range last {
		for ns, e := range spaces {
			all.Go(func() error {
				lacks, err := k.lacks(ctx, ns, w)
				if lacks {
					k.block(Blocked{Namespace: ns, Kind: w.Kind, Name: w.Name, Message: strings.TrimPrefix(e.Message, "Error creating: "),
						Since: when(e)})
				}
				return err
			})
		}
	}
	err = all.Wait()
	slices.SortFunc(k.s.Blocked, func(a, b Blocked) int {
		return strings.Compare(a.Namespace+"/"+a.Kind+"/"+a.Name, b.Namespace+"/"+b.Kind+"/"+b.Name)
	})
	return err
}

func (k *collector) block(b Blocked) {
	if s := k.ask.Scope; s.Namespace != "" && s.Namespace != b.Namespace ||
		len(s.Targets) > 0 && !slices.Contains(s.Targets, Target{b.Kind, b.Name}) {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.s.Blocked = append(k.s.Blocked, b)
}

// when is the last time of an event, which newer clients write elsewhere.
func when(e *corev1.Event) time.Time {
	switch {
	case e.Series != nil:
		return e.Series.LastObservedTime.UTC()
	case !e.LastTimestamp.IsZero():
		return e.LastTimestamp.UTC()
	case !e.EventTime.IsZero():
		return e.EventTime.UTC()
	}
	return e.CreationTimestamp.UTC()
}

// lacks says whether a workload has fewer pods than it wants. ReplicaSets are their Deployments' matter.
func (k *collector) lacks(ctx context.Context, ns string, w Workload) (lacks bool, err error) {
	apps, get := k.c.Client.AppsV1(), metav1.GetOptions{}
	resource := ""
	switch w.Kind {
	case "StatefulSet":
		var s *appsv1.StatefulSet
		resource = "statefulsets.apps"
		if s, err = apps.StatefulSets(ns).Get(ctx, w.Name, get); err == nil {
			lacks = s.Spec.Replicas == nil || s.Status.Replicas < *s.Spec.Replicas
		}
	case "DaemonSet":
		var d *appsv1.DaemonSet
		resource = "daemonsets.apps"
		if d, err = apps.DaemonSets(ns).Get(ctx, w.Name, get); err == nil {
			lacks = d.Status.CurrentNumberScheduled < d.Status.DesiredNumberScheduled
		}
	case "Job":
		var j *batchv1.Job
		resource = "jobs.batch"
		if j, err = k.c.Client.BatchV1().Jobs(ns).Get(ctx, w.Name, get); err == nil {
			lacks = j.Status.Active+j.Status.Succeeded+j.Status.Failed == 0
		}
	case "ReplicaSet":
		var r *appsv1.ReplicaSet
		resource = "replicasets.apps"
		if r, err = apps.ReplicaSets(ns).Get(ctx, w.Name, get); err == nil {
			o := metav1.GetControllerOf(r)
			lacks = (o == nil || o.Kind != "Deployment") && r.Spec.Replicas != nil && r.Status.Replicas < *r.Spec.Replicas
		}
	default:
		return false, nil
	}
	return lacks, k.may(err, "get", resource, ns)
}

// quotas reads what limits pods, where a canary was refused for it, or everywhere if none was sent.
func (k *collector) quotas(ctx context.Context) error {
	limited := !k.ask.Parts.Canary
	for _, c := range k.s.Canaries {
		limited = limited || c.Class == QuotaFull || c.Class == LimitBroken || c.Class == NotPermitted
	}
	for n := range k.s.Injectors {
		d := k.s.Injectors[n].Deployment
		limited = limited || d != nil && d.Status.Replicas < d.Status.UnavailableReplicas+d.Status.AvailableReplicas
		limited = limited || d != nil && slices.ContainsFunc(d.Status.Conditions, func(c appsv1.DeploymentCondition) bool {
			return c.Type == appsv1.DeploymentReplicaFailure && c.Status == corev1.ConditionTrue
		})
	}
	if !limited {
		return nil
	}
	quotas, err := k.c.Client.CoreV1().ResourceQuotas(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	if err = k.may(err, "list", "resourcequotas", ""); err != nil {
		return err
	}
	if quotas != nil {
		for _, q := range quotas.Items {
			// Which pods a scope is about only the server can say, and a dry-run pod asks it.
			if len(q.Spec.Scopes) > 0 || q.Spec.ScopeSelector != nil {
				continue
			}
			k.s.Quotas = append(k.s.Quotas, Quota{q.Namespace, q.Name, q.Status.Hard, q.Status.Used})
		}
	}
	limits, err := k.c.Client.CoreV1().LimitRanges(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	if limits != nil && err == nil {
		for _, l := range limits.Items {
			k.s.Limits = append(k.s.Limits, Limit{l.Namespace, l.Name, l.Spec.Limits})
		}
	}
	return k.may(err, "list", "limitranges", "")
}
