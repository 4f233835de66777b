package kube

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// targets are the kinds that make pods, by the names that kubectl has for them.
var targets = map[string]string{
	"po": "Pod", "pod": "Pod", "pods": "Pod",
	"deploy": "Deployment", "deployment": "Deployment", "deployments": "Deployment",
	"rs": "ReplicaSet", "replicaset": "ReplicaSet", "replicasets": "ReplicaSet",
	"sts": "StatefulSet", "statefulset": "StatefulSet", "statefulsets": "StatefulSet",
	"ds": "DaemonSet", "daemonset": "DaemonSet", "daemonsets": "DaemonSet",
	"job": "Job", "jobs": "Job",
	"cj": "CronJob", "cronjob": "CronJob", "cronjobs": "CronJob",
}

// ParseTarget reads TYPE/NAME as kubectl does, such as deploy/web or statefulsets.apps/db, and returns the
// kind as objects name it. The error is one of bad input.
func ParseTarget(text string) (kind, name string, err error) {
	const next = "write it as TYPE/NAME, with a TYPE of pod, deployment, statefulset, daemonset, replicaset, job or cronjob"
	word, name, found := strings.Cut(text, "/")
	if !found || name == "" || strings.Contains(name, "/") {
		return "", "", problem.New(problem.BadInput, next, "%q is not TYPE/NAME", text)
	}
	// kubectl prints a kind with its group, which nothing else here could be meant by.
	word, _, _ = strings.Cut(strings.ToLower(word), ".")
	kind, known := targets[word]
	if !known {
		if near := problem.DidYouMean("", word, slices.Sorted(maps.Keys(targets))); near != "" {
			return "", "", problem.New(problem.BadInput, near, "%q is no TYPE that makes pods", text)
		}
		return "", "", problem.New(problem.BadInput, next, "%q is no TYPE that makes pods", text)
	}
	return kind, name, nil
}

// Called is how messages call an object: kind/name in lower case, and its namespace.
func Called(kind, name, namespace string) string {
	return fmt.Sprintf("%s/%s in namespace %s", strings.ToLower(kind), name, namespace)
}

// Maker reads an object of one of the kinds of ParseTarget: what makes pods, or a pod itself.
func (c *Cluster) Maker(ctx context.Context, kind, name, namespace string) (runtime.Object, error) {
	apps, batch, o := c.Client.AppsV1(), c.Client.BatchV1(), metav1.GetOptions{}
	switch kind {
	case "Pod":
		return c.Client.CoreV1().Pods(namespace).Get(ctx, name, o)
	case "Deployment":
		return apps.Deployments(namespace).Get(ctx, name, o)
	case "ReplicaSet":
		return apps.ReplicaSets(namespace).Get(ctx, name, o)
	case "StatefulSet":
		return apps.StatefulSets(namespace).Get(ctx, name, o)
	case "DaemonSet":
		return apps.DaemonSets(namespace).Get(ctx, name, o)
	case "Job":
		return batch.Jobs(namespace).Get(ctx, name, o)
	case "CronJob":
		return batch.CronJobs(namespace).Get(ctx, name, o)
	}
	return nil, problem.New(problem.BadInput, "", "the kind %s is not known here", kind)
}

// PodLabels is the selector with which an object of Maker finds its pods; nil of one that has none, such as
// a CronJob.
func PodLabels(o runtime.Object) *metav1.LabelSelector {
	switch o := o.(type) {
	case *appsv1.Deployment:
		return o.Spec.Selector
	case *appsv1.ReplicaSet:
		return o.Spec.Selector
	case *appsv1.StatefulSet:
		return o.Spec.Selector
	case *appsv1.DaemonSet:
		return o.Spec.Selector
	case *batchv1.Job:
		return o.Spec.Selector
	}
	return nil
}
