package k9s

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// scopeNames are the other names that k9s takes for the scopes of our plugins.
var scopeNames = map[string]string{
	"po": "pods", "pod": "pods", "deploy": "deployments", "deployment": "deployments", "dp": "deployments",
	"rs": "replicasets", "replicaset": "replicasets", "sts": "statefulsets", "statefulset": "statefulsets",
	"ds": "daemonsets", "daemonset": "daemonsets", "job": "jobs", "jo": "jobs", "cj": "cronjobs", "cronjob": "cronjobs",
	"ns": "namespaces", "namespace": "namespaces",
}

// Clashes says which plugins of a file have the key of one of ours in the same view: k9s then shows one of the
// two, and a different one from time to time.
func Clashes(content []byte) (all []string) {
	ours, theirs := read([]byte(plugins)), read(content)
	for _, name := range entries(content).keys() {
		if _, is := ours[name]; is {
			continue
		}
		for _, our := range entries([]byte(plugins)).keys() {
			if theirs[name].Key == ours[our].Key && meet(theirs[name].Scopes, ours[our].Scopes) {
				all = append(all, fmt.Sprintf("%s of your plugin %s is also the key of %s", ours[our].Key, name, our))
			}
		}
	}
	return all
}

func read(content []byte) map[string]plugin {
	all := map[string]plugin{}
	for name, text := range entries(content) {
		var one plugin
		if yaml.Unmarshal([]byte(text), &one) == nil {
			all[name] = one
		}
	}
	return all
}

// meet says whether there is a view in which both are shown.
func meet(theirs, ours []string) bool {
	return slices.ContainsFunc(theirs, func(scope string) bool {
		scope = strings.ToLower(scope)
		if full, is := scopeNames[scope]; is {
			scope = full
		}
		return scope == "all" || slices.Contains(ours, scope)
	})
}
