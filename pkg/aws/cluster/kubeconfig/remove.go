package kubeconfig

import (
	"bytes"
	"os"
	"slices"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/clientcmd"
)

// Gone are the entries that were taken out.
type Gone struct {
	Contexts []string `json:"contexts"`
	// Current says that the current context was one of them, so that there is none now.
	Current bool `json:"current"`
}

// Remove takes our entries of a cluster out. What others wrote for it stays.
func (all Files) Remove(arn string) (Gone, error) {
	g := Gone{Contexts: []string{}}
	if all.target() == "" {
		return g, nil
	}
	if _, err := os.Stat(all.target()); err != nil {
		return g, nil
	}
	files, unlock, err := all.open(true)
	if err != nil {
		return g, err
	}
	defer unlock()
	before := current(files)
	for _, f := range files {
		g.Contexts = append(g.Contexts, f.remove(arn)...)
	}
	g.Current = slices.Contains(g.Contexts, before)
	for _, f := range files {
		if g.Current && f.config.CurrentContext == before {
			f.config.CurrentContext, f.changed = "", true
		}
	}
	return g, writeAll(files)
}

// remove takes our entries out of a file and returns the names of the contexts. A cluster or a user that a
// context of others needs stays.
func (f *file) remove(arn string) (contexts []string) {
	mine := func(e map[string]runtime.Object) bool { return ours(e) == arn }
	for name, c := range f.config.Contexts {
		if mine(c.Extensions) {
			delete(f.config.Contexts, name)
			contexts, f.changed = append(contexts, name), true
		}
	}
	clusters, users := map[string]bool{}, map[string]bool{}
	for _, c := range f.config.Contexts {
		clusters[c.Cluster], users[c.AuthInfo] = true, true
	}
	for name, c := range f.config.Clusters {
		if mine(c.Extensions) && !clusters[name] {
			delete(f.config.Clusters, name)
			f.changed = true
		}
	}
	for name, u := range f.config.AuthInfos {
		if mine(u.Extensions) && !users[name] {
			delete(f.config.AuthInfos, name)
			f.changed = true
		}
	}
	slices.Sort(contexts)
	return contexts
}

// Alone is a kubeconfig with nothing but the entry.
func Alone(e Entry) ([]byte, error) {
	if err := e.Check(); err != nil {
		return nil, err
	}
	content, err := clientcmd.Write(*e.config())
	return bytes.TrimSpace(content), err
}
