//go:build e2e

package e2e

import (
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/test/fakes/falconapi"
)

// apiPassword is the secret of the stand-in's API client, which nothing may print.
const apiPassword = "sesame-0f-the-c0nsole"

// shownDemo is what demo -o json prints of one run.
type shownDemo struct {
	Scenario, Namespace, Pod, AID string
	Removed                       bool
	Stages                        []struct {
		Name, Detail string
		Shown        bool
		Seconds      float64
	}
	Detection struct {
		Name, SeverityName, Tactic, Technique, Link string
		Severity                                    int
	}
}

// falconAPI serves the stand-in of the Falcon API, with an alert of any agent some seconds after it was
// first asked for.
func falconAPI(t *testing.T, change func(*falconapi.Config)) (*falconapi.Server, []string) {
	t.Helper()
	config := falconapi.Config{ID: "client", Secret: apiPassword, CID: cid, Scopes: falconapi.AllScopes,
		AlertDelay: 3 * time.Second, Obliging: true, Issued: hide}
	if change != nil {
		change(&config)
	}
	api := falconapi.New(config)
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	return api, []string{"FALCON_API_BASE=" + server.URL, "FALCON_CLIENT_ID=client", "FALCON_CLIENT_SECRET=" + apiPassword}
}

// falconWith runs the plugin with more in its environment.
func (l *lab) falconWith(t *testing.T, env []string, args ...string) result {
	t.Helper()
	return finish(t, l.withEnv(env, args...))
}

func (l *lab) withEnv(env []string, args ...string) *exec.Cmd {
	cmd := l.command(bin("kubectl-falcon"), args...)
	cmd.Env = append(cmd.Env, env...)
	return cmd
}

// noDemo fails the test if anything of the demo is in the cluster, once what is being deleted has gone.
func (l *lab) noDemo(t *testing.T) {
	t.Helper()
	eventually(t, "the demo's end", 60*time.Second, func() (bool, string) {
		left := l.kubectl(t, "get", "deployments,pods,networkpolicies,resourcequotas", "-A", "-l", "app.kubernetes.io/part-of=falcon-demo", "-o", "name") +
			l.kubectl(t, "get", "namespaces", "-l", "app.kubernetes.io/part-of=falcon-demo", "-o", "name")
		return left == "", left
	})
}

// wantDetected checks a run whose every stage was seen.
func wantDetected(t *testing.T, text, namespace string) shownDemo {
	t.Helper()
	shown := read[shownDemo](t, text)
	var stages []string
	last := 0.0
	for _, stage := range shown.Stages {
		if !stage.Shown || stage.Seconds < last {
			t.Errorf("a stage is %+v", stage)
		}
		last = stage.Seconds
		stages = append(stages, stage.Name)
	}
	if got := strings.Join(stages, " "); got != "created injected ready logged registered detected" {
		t.Errorf("the stages are %s", got)
	}
	if shown.Namespace != namespace || !aidForm.MatchString(shown.AID) || !strings.HasPrefix(shown.Pod, "detection-single-") {
		t.Errorf("it shows %+v", shown)
	}
	d := shown.Detection
	if d.SeverityName != "Critical" || d.Severity != 90 || d.Tactic != "Defense Evasion" || d.Technique != "Rootkit" ||
		!strings.HasPrefix(d.Link, "https://falcon.crowdstrike.com/") || !strings.Contains(d.Link, shown.AID) {
		t.Errorf("the detection is %+v", d)
	}
	return shown
}

// TestDemo is the guide's Step 5 from the Deployment to the detection, and that nothing of it stays behind.
func TestDemo(t *testing.T) {
	l := shared()
	l.install(t)
	t.Cleanup(func() { l.falcon(t, "demo", "clean") })
	api, env := falconAPI(t, nil)

	t.Run("from end to end", func(t *testing.T) {
		r := l.falconWith(t, env, "demo", "--image", shellImage, "-o", "json")
		wantCode(t, r, 0)
		if shown := wantDetected(t, r.stdout, "falcon-demo"); !shown.Removed {
			t.Error("it is still there after its detection")
		}
		wantContains(t, "the stages on screen", r.stderr, "2/2 Running", "in namespace falcon-demo handled successfully!", "namespace/falcon-demo deleted")
		if n := api.Tokens(); n != 0 {
			t.Errorf("%d tokens are good after the end", n)
		}
		l.noDemo(t)
	})
	t.Run("in a namespace that is there, for people", func(t *testing.T) {
		ns := l.namespace(t, "demo-given")
		r := l.falconWith(t, env, "demo", "-n", ns, "--image", shellImage, "--keep")
		wantCode(t, r, 0)
		wantContains(t, "demo", r.stdout, "has the agent id", "detected:  RootkitInstall, Critical (90)", "link:      https://falcon.crowdstrike.com/")
		wantContains(t, "status", l.mustFalcon(t, "demo", "status").stdout, "demo-given", "2/2 running", "in 2")
		// Another run is another pod, so another agent and another detection.
		again := l.falconWith(t, env, "demo", "-n", ns, "--image", shellImage, "-o", "json")
		wantCode(t, again, 0)
		if shown := wantDetected(t, again.stdout, ns); strings.Contains(r.stdout, shown.AID) {
			t.Errorf("the second run shows the first run's agent %s", shown.AID)
		}
		l.noDemo(t)
	})
	t.Run("without credentials", func(t *testing.T) {
		r := l.falcon(t, "demo", "--image", shellImage)
		wantCode(t, r, 0)
		wantContains(t, "what is not claimed", r.stderr, "not shown: detected", "kubectl falcon demo clean")
		wantNone(t, "what is not claimed", r.stdout, "detected:")
		wantContains(t, "clean", l.mustFalcon(t, "demo", "clean").stdout,
			"deployment/detection-single deleted in namespace falcon-demo", "namespace/falcon-demo deleted")
		l.noDemo(t)
	})
	t.Run("bad credentials make nothing", func(t *testing.T) {
		defer l.unchanged(t, "a demo with bad credentials")()
		_, denied := falconAPI(t, func(c *falconapi.Config) { c.Scopes = []string{falconapi.ScopeHosts} })
		r := l.falconWith(t, denied, "demo", "--image", shellImage)
		wantCode(t, r, 3)
		wantContains(t, "the scope", r.stderr, `"Alerts: Read"`)
		open := write(t, "client", "FALCON_CLIENT_ID=client\nFALCON_CLIENT_SECRET="+apiPassword+"\n")
		if err := os.Chmod(open, 0o644); err != nil {
			t.Fatal(err)
		}
		r = l.falconWith(t, env[:1], "demo", "--image", shellImage, "--falcon-credentials", "file:"+open)
		wantCode(t, r, 2)
		wantContains(t, "the file", r.stderr, "chmod 600")
	})
	t.Run("no detection", func(t *testing.T) {
		_, never := falconAPI(t, func(c *falconapi.Config) { c.AlertDelay = time.Hour })
		r := l.falconWith(t, never, "demo", "--image", shellImage, "--detection-timeout", "3s")
		wantCode(t, r, 124)
		wantContains(t, "what is missing", r.stderr, "did not show within 3s", "no alert at all", "namespace/falcon-demo deleted")
		l.noDemo(t)
	})
	t.Run("with the printed rights", func(t *testing.T) {
		l.user(t, "e2e-demo", "demo")
		r := l.falconWith(t, env, "demo", "--image", shellImage, "-o", "json", "--as", "e2e-demo")
		wantCode(t, r, 0)
		wantDetected(t, r.stdout, "falcon-demo")
		wantCode(t, l.falcon(t, "demo", "status", "--as", "e2e-demo"), 0)
		wantCode(t, l.falcon(t, "demo", "clean", "--as", "e2e-demo"), 0)
		l.noDemo(t)
	})
	t.Run("stopped", func(t *testing.T) {
		_, never := falconAPI(t, func(c *falconapi.Config) { c.AlertDelay = time.Hour })
		var out, errs strings.Builder
		cmd := l.withEnv(never, "demo", "--image", shellImage)
		cmd.Stdout, cmd.Stderr = &out, &errs
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the demo's pod", 60*time.Second, func() (bool, string) {
			r := l.tryKubectl(t, "get", "pods", "-n", "falcon-demo", "-l", "run=detection-single", "-o", "name")
			return r.code == 0 && r.stdout != "", r.stderr
		})
		if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		wantCode(t, result{out.String(), errs.String(), cmd.ProcessState.ExitCode()}, 130)
		l.noDemo(t)
	})
}

// user makes a user with the rights that rbac prints for a command.
func (l *lab) user(t *testing.T, name string, command ...string) {
	t.Helper()
	l.apply(t, roleYAML(name, l.roleOf(t, command...)))
	t.Cleanup(func() { l.kubectl(t, "delete", "clusterrole,clusterrolebinding", name) })
}

// TestDemoOnFargate is the same where AWS decides which namespaces may have pods.
func TestDemoOnFargate(t *testing.T) {
	l, err := startLab(fmt.Sprintf("demo-fargate-%d", os.Getpid()), "--fargate")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.stop(); err != nil {
			t.Errorf("lab down: %v", err)
		}
	})
	profile := func(namespace string) {
		l.kubectl(t, "patch", "configmap", "fargate-profiles", "-n", "kube-system", "--type=merge",
			"-p", fmt.Sprintf(`{"data":{"fp-%s":"%[1]s"}}`, namespace))
	}
	profile("falcon-system")
	l.mustFalcon(t, good("--fargate")...)
	_, env := falconAPI(t, nil)
	r := l.falconWith(t, env, "demo", "--image", shellImage)
	wantCode(t, r, 1)
	wantContains(t, "a namespace without a profile", r.stderr, "no Fargate profile selects namespace falcon-demo",
		"make a Fargate profile that selects the namespace falcon-demo", "namespace/falcon-demo deleted")
	wantNone(t, "a namespace without a profile", r.stderr, "created")
	l.noDemo(t)
	profile("falcon-demo")
	r = l.falconWith(t, env, "demo", "--image", shellImage, "-o", "json")
	wantCode(t, r, 0)
	wantDetected(t, r.stdout, "falcon-demo")
	l.noDemo(t)
}
