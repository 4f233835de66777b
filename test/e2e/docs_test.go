//go:build e2e

package e2e

import (
	"context"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/test/pages"
)

// substitutes are what command lines of the documentation have in place of what the lab has. Nothing else of a
// line is changed.
var substitutes = []struct {
	form *regexp.Regexp
	lab  string
}{
	{regexp.MustCompile(`registry\.example\.com/falcon-sensor(:7\.40\.0)?`), sensorImage},
	{regexp.MustCompile(`--image[= ]nginx\b`), "--image=" + pauseImage},
	{regexp.MustCompile(`\bCID\b`), cid},
	// The scenarios' images are on Docker Hub and quay.io.
	{regexp.MustCompile(`^kubectl falcon demo( run [a-z-]+)?( +#|$)`), "kubectl falcon demo$1 --image " + shellImage + "$2"},
}

// anyPod is the name of a pod of the Deployment web.
var anyPod = regexp.MustCompile(`\b(POD|web-[0-9a-f]{8,10}-[a-z0-9]{5})\b`)

// namespaceFlag is the namespace of a line, endless a line that goes on until Ctrl-C, and assignment one that
// sets variables for those that follow.
var (
	namespaceFlag = regexp.MustCompile(` -n ([a-z-]+)`)
	endless       = regexp.MustCompile(`falcon (logs .*-f\b|(status|verify) .*(--watch|-w)\b)`)
	assignment    = regexp.MustCompile(`^(export )?[A-Z_]+=`)
)

const (
	// interrupted is the exit code of what Ctrl-C ended.
	interrupted = 130
	// enough is after how long what is endless is ended, and lineLimit after how long anything is.
	enough    = 4 * time.Second
	lineLimit = 2 * time.Minute
)

// docFiles are the files that pages speak of.
var docFiles = map[string]string{
	"falcon.yaml":    "cid: " + cid + "\nimage: " + sensorImage + "\nreplicas: 1\n",
	"manifests.yaml": webManifest,
}

const webManifest = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: web, image: "` + pauseImage + `"}]
`

const dbManifest = `apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: db, image: "` + pauseImage + `"}]
`

// reader goes through the documentation as somebody would who types every line.
type reader struct {
	*lab
	// dir is where the lines of a page are typed, and set the assignments of the page so far.
	dir string
	set string
	ran int
}

// TestDocs types every command line of the documentation that can run in the lab, in order, and expects that it
// works. The others are marked, and test/pages has them read by the plugin's parser.
func TestDocs(t *testing.T) {
	all, err := pages.Read(root)
	if err != nil {
		t.Fatal(err)
	}
	r := &reader{lab: shared()}
	r.leaveAsFound(t)
	seen := 0
	for _, p := range all {
		t.Run(p.Name, func(t *testing.T) {
			seen++
			r.page(t, p)
		})
	}
	t.Logf("%d command lines were run", r.ran)
	// With -run for one page there are few.
	if seen == len(all) && r.ran < 60 {
		t.Errorf("only %d command lines were run", r.ran)
	}
}

// page types the lines of one page.
func (r *reader) page(t *testing.T, p pages.Page) {
	for _, wrong := range p.Check() {
		t.Error(wrong)
	}
	started := false
	for _, b := range p.Blocks {
		commands := b.Commands()
		if p.Needs(b) != "" || len(commands) == 0 {
			continue
		}
		if state := b.Marker("lab"); state != "" || !started {
			r.bring(t, state)
		}
		if !started {
			started, r.set, r.dir = true, "", t.TempDir()
			r.files(t, p)
		}
		for i, c := range commands {
			want := 0
			if i == len(commands)-1 {
				want = b.Exit()
			}
			if endless.MatchString(c.Text) {
				want = interrupted
			}
			if got := r.typed(t, c.Text); got.code != want {
				t.Fatalf("%s:%d: exit code %d, not %d; mark the block if it cannot run in the lab\n$ %s\n%v",
					p.Name, c.Line, got.code, want, c.Text, got)
			}
		}
	}
}

// files writes the files that pages speak of, and those that the page shows.
func (r *reader) files(t *testing.T, p pages.Page) {
	t.Helper()
	all := maps.Clone(docFiles)
	for _, b := range p.Blocks {
		if name := b.File(); name != "" {
			all[name] = strings.Join(b.Text, "\n") + "\n"
		}
	}
	for name, content := range all {
		path := filepath.Join(r.dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(content), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
}

// bring brings the lab to a state of pages.States.
func (r *reader) bring(t *testing.T, state string) {
	t.Helper()
	if state == pages.StateBare || state == pages.StateGuide {
		r.mustFalcon(t, "demo", "clean")
		r.mustFalcon(t, "uninstall")
		r.kubectl(t, "delete", "deployments,statefulsets,pods", "--all", "-n", "default", "--wait=false")
		r.kubectl(t, "delete", "namespace", "shop", "team-a", "--ignore-not-found")
		eventually(t, "an empty namespace", 60*time.Second, func() (bool, string) {
			left := r.kubectl(t, "get", "pods", "-n", "default", "-o", "name")
			return left == "", left
		})
	}
	switch state {
	case pages.StateBare:
		r.pod(t, "default", "old")
	case pages.StateGuide:
		installer := r.command("bash", "-c", bin("installer")+" -cid "+cid+" -image "+sensorImage+" | kubectl apply -f -")
		if got := finish(t, installer); got.code != 0 {
			t.Fatalf("the guide's installer: %v", got)
		}
		r.kubectl(t, "rollout", "status", "deployment/injector", "-n", "falcon-system", "--timeout=90s")
	default:
		r.mustFalcon(t, good()...)
		r.kubectl(t, "delete", "pod", "old", "--ignore-not-found")
		for _, ns := range []string{"default", "shop", "team-a"} {
			if ns != "default" {
				r.apply(t, "apiVersion: v1\nkind: Namespace\nmetadata: {name: "+ns+"}\n")
				r.apply(t, dbManifest, "-n", ns)
			}
			r.apply(t, webManifest, "-n", ns)
		}
		r.mustFalcon(t, "restart", "-A", "--yes")
		for _, ns := range []string{"default", "shop", "team-a"} {
			r.kubectl(t, "rollout", "status", "deployment/web", "-n", ns, "--timeout=60s")
		}
		// A sensor has its id a moment after its pod is ready; who reads does not type that fast.
		r.mustFalcon(t, "aid", "-A", "--wait", "-o", "name")
	}
}

// typed runs one line in a shell.
func (r *reader) typed(t *testing.T, line string) result {
	t.Helper()
	for _, s := range substitutes {
		line = s.form.ReplaceAllString(line, s.lab)
	}
	if anyPod.MatchString(line) {
		ns := "default"
		if found := namespaceFlag.FindStringSubmatch(line); found != nil {
			ns = found[1]
		}
		name := r.kubectl(t, "get", "pods", "-l", "app=web", "-n", ns, "--field-selector", "status.phase=Running",
			"-o", "jsonpath={.items[0].metadata.name}")
		line = anyPod.ReplaceAllString(line, name)
	}
	if assignment.MatchString(line) {
		r.set += line + "\n"
	}
	limit := lineLimit
	if endless.MatchString(line) {
		limit = enough
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	prepared := r.command("bash", "-c", "set -o pipefail\n"+r.set+line)
	cmd := exec.CommandContext(ctx, prepared.Path, prepared.Args[1:]...)
	cmd.Env, cmd.Dir = prepared.Env, r.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
	cmd.WaitDelay = 10 * time.Second
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	began := time.Now()
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && ctx.Err() == nil {
		t.Fatalf("$ %s: %v", line, err)
	}
	code := cmd.ProcessState.ExitCode()
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		code = 128 + int(status.Signal())
	}
	r.ran++
	t.Logf("%4.1fs $ %s", time.Since(began).Seconds(), line)
	keepsSecrets(t, line, stdout.String()+stderr.String())
	return result{stdout.String(), stderr.String(), code}
}

// leaveAsFound removes, when the test ends, what is in the cluster then and was not before.
func (r *reader) leaveAsFound(t *testing.T) {
	t.Helper()
	list := func() []string {
		return strings.Fields(r.kubectl(t, "get", "namespaces,clusterroles,clusterrolebindings,mutatingwebhookconfigurations", "-o", "name"))
	}
	before := list()
	t.Cleanup(func() {
		r.bring(t, pages.StateBare)
		r.kubectl(t, "delete", "pod", "old")
		for _, name := range list() {
			if !slices.Contains(before, name) {
				r.tryKubectl(t, "delete", name, "--ignore-not-found", "--wait=false")
			}
		}
	})
}
