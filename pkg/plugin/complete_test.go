package plugin

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
)

func TestTheNameUnderWhichItIsCalledAsksForCompletion(t *testing.T) {
	for called, completes := range map[string]bool{
		"kubectl_complete-falcon":                              true,
		"/home/a b/.krew/bin/kubectl_complete-falcon":          true,
		"./kubectl_complete-falcon":                            true,
		`C:\Program Files\kubectl\kubectl_complete-falcon.exe`: true,
		`C:\bin\KUBECTL_COMPLETE-FALCON.EXE`:                   true,
		"kubectl_complete-falcon.sh":                           false,
		"kubectl-falcon":                                       false,
		`C:\kubectl_complete-falcon\kubectl-falcon.exe`:        false,
		"/opt/kubectl_complete-falcon/kubectl-falcon":          false,
		"":     false,
		".exe": false,
	} {
		got := Args([]string{called, "aid", ""})
		want := []string{"aid", ""}
		if completes {
			want = []string{"__complete", "aid", ""}
		}
		if !slices.Equal(got, want) {
			t.Errorf("called as %q: %q", called, got)
		}
	}
	if Args(nil) != nil {
		t.Error("without even a name there is something")
	}
}

// offered are the candidates for the last word, without what describes them, and the directive. It fails the
// test if the answer is not in cobra's form, or if anything else is said.
func offered(t *testing.T, line ...string) (candidates []string, directive string) {
	t.Helper()
	o := falcon(t, append([]string{"__complete"}, line...)...)
	if o.code != 0 || o.err != "" {
		t.Errorf("exit code %d, it said %q", o.code, o.err)
	}
	lines := strings.Split(strings.TrimSuffix(o.out, "\n"), "\n")
	last := lines[len(lines)-1]
	if !strings.HasPrefix(last, ":") {
		t.Fatalf("there is no directive in %q", o.out)
	}
	for _, one := range lines[:len(lines)-1] {
		word, _, _ := strings.Cut(one, "\t")
		// Shells leave out what does not begin with what was typed.
		begun := ""
		if len(line) > 0 {
			begun = line[len(line)-1]
		}
		if flag, value, ok := strings.Cut(begun, "="); ok && strings.HasPrefix(flag, "--") {
			begun = value
		}
		if strings.HasPrefix(word, begun) {
			candidates = append(candidates, word)
		}
	}
	return candidates, last
}

func TestCompletionWithoutACluster(t *testing.T) {
	const words, beginnings = ":4", ":6"
	for _, c := range []struct {
		line      []string
		want      []string
		directive string
	}{
		{[]string{"dem"}, []string{"demo"}, words},
		{[]string{"demo", ""}, []string{"clean", "list", "run", "status"}, words},
		{[]string{"demo", "run", "root"}, []string{"rootkit"}, words},
		{[]string{"demo", "run", "rootkit", "root"}, nil, words},
		{[]string{"explain-check", "FC101"}, []string{"FC101"}, words},
		{[]string{"explain-check", "FC101", "FC1"}, nil, words},
		{[]string{"verify", "--check", "FC201,FC102,FC101"}, []string{"FC201,FC102,FC101"}, words},
		{[]string{"verify", "--check", "FC101,FC101"}, nil, words},
		{[]string{"verify", "--skip=FC403,FC101"}, []string{"FC403,FC101"}, words},
		{[]string{"verify", "--fail-on", ""}, []string{"error", "warning", "never"}, words},
		{[]string{"restart", "--dry-run="}, []string{"none", "server"}, words},
		{[]string{"install", "--failure-policy", ""}, []string{"Fail", "Ignore"}, words},
		{[]string{"install", "--cid", ""}, []string{"env:", "file:", "secret:"}, beginnings},
		{[]string{"up", "--trace", "w"}, []string{"warn"}, words},
		{[]string{"aid", "-o", "wi"}, []string{"wide"}, words},
		{[]string{"--color", "a"}, []string{"auto", "always"}, words},
		{[]string{"aws", "ecr", "ensure", "x", "--region", "eu-west"}, []string{"eu-west-1", "eu-west-2", "eu-west-3"}, words},
		{[]string{"sensor", "tags", "--falcon-credentials", "s"}, []string{"secret:"}, beginnings},
		{[]string{"explain", "-f", ""}, nil, ":0"},
		{[]string{"sensor", "push", ""}, nil, ":0"},
		{[]string{"sensor", "push", "a.tar", ""}, nil, words},
		{[]string{"completion", "install", "--dir", ""}, nil, ":16"},
		{[]string{"help", "aws", "c"}, []string{"cluster"}, words},
		{[]string{"explain", "s"}, []string{"statefulset/"}, beginnings},
		{[]string{"explain", "sts"}, []string{"sts/"}, beginnings},
		{[]string{"verify", "--timeou"}, nil, words},
		{[]string{"aid", "--pod-t"}, []string{"--pod-timeout"}, words},
		{[]string{"status", ""}, nil, words},
		{[]string{""}, names(t), words},
		{nil, names(t), words},
	} {
		got, directive := offered(t, c.line...)
		if !slices.Equal(got, c.want) || directive != c.directive {
			t.Errorf("%q: %q %s, want %q %s", c.line, got, directive, c.want, c.directive)
		}
	}
}

// names are the commands at the top.
func names(t *testing.T) (all []string) {
	for _, path := range commands(t) {
		if len(path) == 1 {
			all = append(all, path[0])
		}
	}
	all = append(all, "help")
	slices.Sort(all)
	return all
}

func TestFlagsAreDescribedInOneLine(t *testing.T) {
	o := falcon(t, "__complete", "aid", "--per-n")
	if want := "--per-node\thow many of one node, unless it is Fargate's; more are faster if the node has processors to spare\n:4\n"; o.out != want {
		t.Errorf("got %q", o.out)
	}
	if o := falcon(t, "__completeNoDesc", "aid", "--per-n"); o.out != "--per-node\n:4\n" {
		t.Errorf("without descriptions: %q", o.out)
	}
}

// free are the flags whose value nobody can know before it is typed.
var free = strings.Fields(`account alias allow-account as as-group as-uid as-user-extra container demo-image expire-untagged
	falconctl-opt image keep sensor-cpu-request sensor-cpu-limit
	sensor-memory-request sensor-memory-limit injector-cpu-request injector-cpu-limit injector-memory-request injector-memory-limit
	service-account-annotation node-selector toleration priority-class tls-secret cert-manager kms-key kubernetes-version mount-path name port profile proxy-host
	proxy-port proxy-url pull-secret registry replicas request-timeout role sample selector sensor-version server
	service-account subnet tags tail timeout-seconds tls-server-name token version concurrency per-node max-parallel`)

// TestEveryFlagIsDecided keeps a new flag from being forgotten: what it takes is in a table, in its own values,
// or cannot be known.
func TestEveryFlagIsDecided(t *testing.T) {
	hideKubeconfig(t)
	s := &session{Streams: term.Streams{}, flags: kube.NewFlags()}
	root := newRoot(s)
	s.completeValues(root)
	seen := map[string]bool{}
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			seen[f.Name] = true
			_, completes := cmd.GetFlagCompletionFunc(f.Name)
			plain := slices.Contains([]string{"bool", "duration"}, f.Value.Type())
			if !completes && !plain && !slices.Contains(free, f.Name) {
				t.Errorf("%s --%s (%s): say in flagValues what it can be, or here that nobody can know", cmd.CommandPath(), f.Name, f.Value.Type())
			}
		})
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(root)
	for path := range argumentValues {
		if cmd, rest, err := root.Find(strings.Fields(path)); err != nil || len(rest) > 0 || cmd == root {
			t.Errorf("argumentValues has %q, which is no command", path)
		}
	}
	for key := range flagValues {
		if _, flag, _ := strings.Cut(key, "--"); !seen[flag] {
			t.Errorf("flagValues has %q, and no command has that flag", key)
		}
	}
}

// ofNames is an API server with one page of names, or several, for each path.
func ofNames(t *testing.T, names map[string][]string, page int) string {
	t.Helper()
	return server(t, func(w http.ResponseWriter, r *http.Request) {
		all, known := names[r.URL.Path]
		if !known || !strings.Contains(r.Header.Get("Accept"), "as=PartialObjectMetadataList") || r.URL.Query().Get("limit") == "" {
			http.Error(w, r.URL.String(), http.StatusTeapot)
			return
		}
		list := metav1.PartialObjectMetadataList{TypeMeta: typed("meta.k8s.io/v1", "PartialObjectMetadataList")}
		from := 0
		_, _ = fmt.Sscan(r.URL.Query().Get("continue"), &from)
		for _, name := range all[from:min(from+page, len(all))] {
			list.Items = append(list.Items, metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{Name: name}})
		}
		if from+page < len(all) {
			list.Continue = fmt.Sprint(from + page)
		}
		reply(w, http.StatusOK, list)
	})
}

func TestCompletionFromACluster(t *testing.T) {
	url := ofNames(t, map[string][]string{
		"/api/v1/namespaces":                           {"default", "shop", "shop-test"},
		"/api/v1/namespaces/shop/pods":                 {"db-0", "web-1", "web-2"},
		"/apis/apps/v1/namespaces/shop/deployments":    {"web", "worker"},
		"/apis/apps/v1/namespaces/shop/statefulsets":   {"db"},
		"/apis/batch/v1/namespaces/shop/cronjobs":      {"nightly"},
		"/apis/apps/v1/namespaces/default/daemonsets":  {"agent"},
		"/apis/batch/v1/namespaces/default/jobs":       {"once"},
		"/apis/apps/v1/namespaces/default/replicasets": {"web-5c"},
	}, 2)
	for _, c := range []struct {
		line string
		want string
	}{
		{"aid -n shop web", "web-1 web-2"},
		{"aid -n shop ", "db-0 web-1 web-2 cronjob/ daemonset/ deployment/ job/ pod/ replicaset/ statefulset/"},
		{"aid -n shop web-1 web", "web-2"},
		{"aid -A web", ""},
		{"aid -n shop pod/web-", "pod/web-1 pod/web-2"},
		{"verify -n shop deploy/", "deploy/web deploy/worker"},
		{"verify -n shop deploy/web deploy/", "deploy/worker"},
		{"explain --namespace=shop statefulset/d", "statefulset/db"},
		{"explain -n shop cj/", "cj/nightly"},
		{"restart ds/", "ds/agent"},
		{"explain jobs/", "jobs/once"},
		{"explain rs/web", "rs/web-5c"},
		{"explain service/", ""},
		{"status -n ", "default shop shop-test"},
		{"status --namespace=shop", "shop shop-test"},
		{"verify --allow-uncovered shop,", "shop,default shop,shop-test"},
		{"install --exclude-namespace d", "default"},
		{"sensor pull-secret --namespaces default,sh", "default,shop default,shop-test"},
		{"logs -n shop --sidecar db", "db-0"},
		{"logs -n shop --for deployment/wo", "deployment/worker"},
	} {
		words := append([]string{"--server", url}, strings.Split(c.line, " ")...)
		got, _ := offered(t, words...)
		if strings.Join(got, " ") != c.want {
			t.Errorf("%q: %q, want %q", c.line, got, c.want)
		}
	}
}

// What shells put into the line is what the candidates have in common, so of very many the last must be there.
func TestCompletionOfVeryManyNames(t *testing.T) {
	var all []string
	for n := range 3000 {
		all = append(all, fmt.Sprintf("a%04d", n))
	}
	all = append(all, "b")
	got, _ := offered(t, "--server", ofNames(t, map[string][]string{"/api/v1/namespaces": all}, 500), "status", "-n", "")
	if len(got) > 500 || len(got) < 100 || got[0] != "a0000" || got[len(got)-1] != "b" {
		t.Errorf("%d names, the last is %q", len(got), got[len(got)-1])
	}
}

func TestCompletionOfContexts(t *testing.T) {
	config := `{apiVersion: v1, kind: Config, current-context: b, contexts: [{name: b, context: {cluster: c1, user: u1}}, {name: a, context: {cluster: c1, user: u1}}],
clusters: [{name: c1, cluster: {server: "http://127.0.0.1:1"}}], users: [{name: u1, user: {}}]}`
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		"--context ": "a b", "verify --contexts a,": "a,b", "--cluster ": "c1", "--user ": "u1", "status --context=a": "a",
	} {
		got, _ := offered(t, append([]string{"--kubeconfig", file}, strings.Split(line, " ")...)...)
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
}

// answering is a server that has an answer for some paths.
func answering(t *testing.T, answers map[string]string) string {
	t.Helper()
	return server(t, func(w http.ResponseWriter, r *http.Request) {
		answer, known := answers[r.URL.Path]
		if !known {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(answer))
	})
}
