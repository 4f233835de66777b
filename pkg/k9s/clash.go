package k9s

import (
	"fmt"
	"slices"
	"strings"
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
	theirs, ours := entries(content), entries([]byte(plugins))
	for _, name := range theirs.keys() {
		if _, is := ours[name]; is {
			continue
		}
		key, scopes := shown(theirs[name])
		for _, our := range ours.keys() {
			if ourKey, ourScopes := shown(ours[our]); key == ourKey && meet(scopes, ourScopes) {
				all = append(all, fmt.Sprintf("%s of your plugin %s is also the key of %s", key, name, our))
			}
		}
	}
	return all
}

// shown is by which key a plugin is called, and in which views.
func shown(entry any) (key string, scopes []string) {
	fields, _ := entry.(contents)
	key, _ = fields["shortCut"].(string)
	list, _ := fields["scopes"].([]any)
	for _, one := range list {
		if scope, ok := one.(string); ok {
			scopes = append(scopes, scope)
		}
	}
	return key, scopes
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
