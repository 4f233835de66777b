package kube

import (
	"fmt"
	"strings"

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
		return "", "", problem.New(problem.BadInput, next, "%q is no TYPE that makes pods", text)
	}
	return kind, name, nil
}

// Called is how messages call an object: kind/name in lower case, and its namespace.
func Called(kind, name, namespace string) string {
	return fmt.Sprintf("%s/%s in namespace %s", strings.ToLower(kind), name, namespace)
}
