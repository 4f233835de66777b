package plugin

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aid"
)

func TestAIDTarget(t *testing.T) {
	for line, want := range map[string]aid.Target{
		"web":                 {Kind: "Pod", Name: "web"},
		"pod/web":             {Kind: "Pod", Name: "web"},
		"pods/web":            {Kind: "Pod", Name: "web"},
		"po/web":              {Kind: "Pod", Name: "web"},
		"deploy/web":          {Kind: "Deployment", Name: "web"},
		"statefulset.apps/db": {Kind: "StatefulSet", Name: "db"},
		"team-a/pod/web":      {Namespace: "team-a", Kind: "Pod", Name: "web"},
		"team-a/deploy/web":   {Namespace: "team-a", Kind: "Deployment", Name: "web"},
		"team-a/web":          {}, "pod/": {}, "/web": {}, "": {}, "service/web": {}, "/pod/web": {}, "a/b/c/d": {}, "web db": {}, "a/pod/": {},
	} {
		got, err := aidLine(line)
		if (err == nil) != (want != aid.Target{}) || err == nil && got != want {
			t.Errorf("%q: got %+v, %v; want %+v", line, got, err, want)
		}
	}
	// On the command line -n says where.
	if got, err := aidTarget("team-a/pod/web"); err == nil {
		t.Errorf("got %+v", got)
	}
}

func TestNamesOnStdin(t *testing.T) {
	for name, c := range map[string]struct{ in, says string }{
		"names":           {"web\n\n  pod/db  \r\nteam-a/deploy/web", ""},
		"nothing":         {"\n\n", "there are none"},
		"something else":  {"web\n<html>\n", `line 2 of stdin`},
		"no text":         {strings.Repeat("x", 1<<20), "token too long"},
		"a table's lines": {"NAME   READY\nweb-1  1/1\n", `line 1 of stdin: "NAME   READY" is not a pod`},
	} {
		t.Run(name, func(t *testing.T) {
			f := &aidFlags{}
			err := f.readNames(t.Context(), strings.NewReader(c.in))
			switch {
			case c.says == "" && (err != nil || len(f.targets) != 3):
				t.Errorf("got %v, %v", f.targets, err)
			case c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)):
				t.Errorf("got %v, want %q", err, c.says)
			}
		})
	}
	// Somebody who does not type anything must be able to stop it.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r, w := io.Pipe()
	defer w.Close()
	if err := (&aidFlags{}).readNames(ctx, r); err == nil {
		t.Error("it went on")
	}
}

func TestAIDRefusesWhatCannotBeMeant(t *testing.T) {
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"-A", "web"}, "web cannot be in all namespaces"},
		{[]string{"-l", "a=b", "web"}, "give either names or -l"},
		{[]string{"-l", "a=("}, "--selector"},
		{[]string{"-", "web"}, "there can be no others"},
		{[]string{"-", "-A"}, "leave -A out"},
		{[]string{"--concurrency", "0"}, "--concurrency"},
		{[]string{"--per-node", "0"}, "--per-node"},
		{[]string{"--sample", "-1"}, "--sample"},
		{[]string{"--pod-timeout", "0"}, "--pod-timeout"},
		{[]string{"-o", "xml"}, "csv"},
		{[]string{"-"}, "there are none"},
	} {
		falcon(t, append([]string{"aid"}, c.args...)...).must(t, 2, c.says)
	}
}

func TestPodName(t *testing.T) {
	for arg, want := range map[string]string{"web": "web", "pod/web": "web", "pods/web": "web", "po/web": "web",
		"deployment/web": "", "pod/": "", "/web": ""} {
		got, err := podName(arg)
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: got %q, %v; want %q", arg, got, err, want)
		}
	}
}
