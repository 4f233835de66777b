package kubeconfig

import (
	"errors"
	"os"
	"reflect"

	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Files are the user's kubeconfig files, in the order in which kubectl reads them: the first that has a name
// wins. What is new goes into the first of them that exists, or into the last.
type Files []string

// Written is what a change of the files led to.
type Written struct {
	// Context is the name of the cluster's context, File the file that it is in.
	Context string `json:"context"`
	File    string `json:"file"`
	// Change says what was done.
	Change string `json:"change"`
	// Current says that it is the current context now; Before is the one that was.
	Current bool   `json:"current"`
	Before  string `json:"before,omitempty"`
}

// The changes, in kubectl's words.
const (
	created    = "created"
	configured = "configured"
	unchanged  = "unchanged"
)

// open reads all files, and locks them if they will be written. What it returns gives the locks back.
func (all Files) open(write bool) (files []*file, unlock func(), err error) {
	var locks []func()
	unlock = func() {
		for _, one := range locks {
			one()
		}
	}
	seen := map[string]bool{}
	for _, name := range all {
		if name == "" || seen[resolved(name)] {
			continue
		}
		seen[resolved(name)] = true
		// A file that is not there is locked only if it is the one that is written.
		if _, err := os.Stat(name); err != nil && name != all.target() {
			continue
		}
		if write {
			one, err := lock(name)
			if err != nil {
				unlock()
				return nil, nil, err
			}
			locks = append(locks, one)
		}
		f, err := load(name)
		if err != nil {
			unlock()
			return nil, nil, err
		}
		files = append(files, f)
	}
	return files, unlock, nil
}

// target is the file that new entries go to, as kubectl chooses it.
func (all Files) target() string {
	last := ""
	for _, name := range all {
		if name == "" {
			continue
		}
		if _, err := os.Stat(name); err == nil {
			return name
		}
		last = name
	}
	return last
}

// How is how an entry is written.
type How struct {
	// Current makes its context the current one.
	Current bool
	// DryRun writes nothing, and says what would be.
	DryRun bool
}

// Put writes an entry: where an entry of ours is, it is brought up to date there.
func (all Files) Put(e Entry, how How) (Written, error) {
	w := Written{Context: e.Context()}
	if err := e.Check(); err != nil {
		return w, err
	}
	if all.target() == "" {
		return w, errors.New("there is no kubeconfig file to write to")
	}
	files, unlock, err := all.open(!how.DryRun)
	if err != nil {
		return w, err
	}
	defer unlock()
	for _, f := range files {
		if err := e.taken(f.config); err != nil {
			return w, err
		}
	}
	target := files[0]
	for _, f := range files {
		if f.name == all.target() {
			target = f
		}
	}
	w.Change = e.put(files, target, &w)
	w.Before = current(files)
	if how.Current {
		w.Current = true
		setCurrentContext(files, target, e.Context())
	} else {
		w.Current = w.Before == e.Context()
	}
	if w.Before == e.Context() {
		w.Before = ""
	}
	if how.DryRun {
		return w, nil
	}
	return w, writeAll(files)
}

// put puts the three entries, each where it is or else into the target.
func (e *Entry) put(files []*file, target *file, w *Written) string {
	wanted := e.config()
	change := unchanged
	note := func(there, same bool) {
		switch {
		case !there:
			change = created
		case !same && change == unchanged:
			change = configured
		}
	}
	at := where(files, target, func(c *clientcmdapi.Config) bool { return c.Clusters[e.ARN] != nil })
	old := at.config.Clusters[e.ARN]
	if old == nil || ours(old.Extensions) == e.ARN {
		note(old != nil, old != nil && e.same(old))
		if old == nil || !e.same(old) {
			at.config.Clusters[e.ARN], at.changed = wanted.Clusters[e.ARN], true
		}
	}
	at = where(files, target, func(c *clientcmdapi.Config) bool { return c.AuthInfos[e.user()] != nil })
	user := at.config.AuthInfos[e.user()]
	same := user != nil && sameExec(user.Exec, wanted.AuthInfos[e.user()].Exec)
	note(user != nil, same)
	if !same {
		at.config.AuthInfos[e.user()], at.changed = wanted.AuthInfos[e.user()], true
	}
	at = where(files, target, func(c *clientcmdapi.Config) bool { return c.Contexts[e.Context()] != nil })
	context := at.config.Contexts[e.Context()]
	w.File = at.name
	if context != nil && e.Namespace == "" {
		// The namespace is what the user has chosen since.
		wanted.Contexts[e.Context()].Namespace = context.Namespace
	}
	same = context != nil && context.Cluster == e.ARN && context.AuthInfo == e.user() && context.Namespace == wanted.Contexts[e.Context()].Namespace
	note(context != nil, same)
	if !same {
		at.config.Contexts[e.Context()], at.changed = wanted.Contexts[e.Context()], true
	}
	return change
}

// where is the first file that has something, or the target.
func where(files []*file, target *file, has func(*clientcmdapi.Config) bool) *file {
	for _, f := range files {
		if has(f.config) {
			return f
		}
	}
	return target
}

// sameExec compares what is written of two commands.
func sameExec(a, b *clientcmdapi.ExecConfig) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Command == b.Command && a.APIVersion == b.APIVersion && a.InteractiveMode == b.InteractiveMode &&
		reflect.DeepEqual(a.Args, b.Args) && len(a.Env) == len(b.Env) && (len(a.Env) == 0 || reflect.DeepEqual(a.Env, b.Env))
}

// current is the current context: the first file that names one wins.
func current(files []*file) string {
	for _, f := range files {
		if f.config.CurrentContext != "" {
			return f.config.CurrentContext
		}
	}
	return ""
}

func setCurrentContext(files []*file, target *file, name string) {
	at := where(files, target, func(c *clientcmdapi.Config) bool { return c.CurrentContext != "" })
	if at.config.CurrentContext != name {
		at.config.CurrentContext, at.changed = name, true
	}
}

func writeAll(files []*file) error {
	for _, f := range files {
		if !f.changed {
			continue
		}
		if err := f.write(); err != nil {
			return err
		}
	}
	return nil
}
