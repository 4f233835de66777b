package kube

import (
	"context"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
)

// Namespaces is the resource of namespaces, for Names.
var Namespaces = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}

// targetResources are the resources of the kinds of ParseTarget.
var targetResources = map[string]schema.GroupVersionResource{
	"Pod":         {Version: "v1", Resource: "pods"},
	"Deployment":  {Group: "apps", Version: "v1", Resource: "deployments"},
	"ReplicaSet":  {Group: "apps", Version: "v1", Resource: "replicasets"},
	"StatefulSet": {Group: "apps", Version: "v1", Resource: "statefulsets"},
	"DaemonSet":   {Group: "apps", Version: "v1", Resource: "daemonsets"},
	"Job":         {Group: "batch", Version: "v1", Resource: "jobs"},
	"CronJob":     {Group: "batch", Version: "v1", Resource: "cronjobs"},
}

// TargetTypes returns the words that begin so and stand for a kind that makes pods, such as deployment: the
// full ones in the singular, or, if none of these begins so, the other ones that kubectl knows.
func TargetTypes(begins string) []string {
	begins = strings.ToLower(begins)
	var full, others []string
	for word, kind := range targets {
		switch {
		case !strings.HasPrefix(word, begins):
		case strings.EqualFold(word, kind):
			full = append(full, word)
		default:
			others = append(others, word)
		}
	}
	if len(full) == 0 {
		full = others
	}
	slices.Sort(full)
	return full
}

// TargetResource is the resource that a word of TargetTypes stands for.
func TargetResource(word string) (schema.GroupVersionResource, bool) {
	r, ok := targetResources[targets[strings.ToLower(word)]]
	return r, ok
}

const (
	// namesPage is how many names are asked for at once.
	namesPage = 500
	// mostNames is how many names Names returns; nobody reads more.
	mostNames = 500
)

// Names lists names of objects and nothing else of them. It says nothing on the way and asks nobody.
type Names struct {
	client metadata.Interface
	// Namespace is the one that -n or the kubeconfig's context names.
	Namespace string
}

// Names makes a client for the cluster that the flags name. It does not speak to the cluster yet.
func (f *Flags) Names(userAgent string) (*Names, error) {
	config, err := f.Loader().ClientConfig()
	if err != nil {
		return nil, err
	}
	n := &Names{}
	if n.Namespace, _, err = f.Loader().Namespace(); err != nil {
		return nil, err
	}
	config.UserAgent, config.QPS = userAgent, -1
	config.WarningHandler = rest.NoWarnings{}
	if config.ExecProvider != nil {
		// A program that gets tokens must not ask for a password in the middle of a line that is being typed.
		config.ExecProvider.StdinUnavailable = true
		config.ExecProvider.StdinUnavailableMessage = "nothing can be asked here"
	}
	n.client, err = metadata.NewForConfig(config)
	return n, err
}

// List returns the names that begin so, in order: all of them, or of very many the first and the very last,
// so that what they have in common is right. namespace is empty for what is in none.
func (n *Names) List(ctx context.Context, of schema.GroupVersionResource, namespace, begins string) ([]string, error) {
	var found []string
	last := ""
	options := metav1.ListOptions{Limit: namesPage}
	for {
		page, err := n.client.Resource(of).Namespace(namespace).List(ctx, options)
		if err != nil {
			return nil, err
		}
		for i := range page.Items {
			name := page.Items[i].Name
			switch {
			case !strings.HasPrefix(name, begins):
			case len(found) < mostNames-1:
				found = append(found, name)
			default:
				last = name
			}
		}
		if options.Continue = page.Continue; options.Continue == "" {
			break
		}
	}
	if last != "" {
		found = append(found, last)
	}
	return found, nil
}
