package plugin

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"sigs.k8s.io/yaml"
)

func TestBadInputIsToldWithoutACluster(t *testing.T) {
	const image, console = "registry.example.com/falcon:7", "Falcon console"
	tests := map[string]struct {
		args []string
		says []string
	}{
		"an unknown command":       {[]string{"frobnicate"}, []string{`there is no command "frobnicate"`, "next: kubectl falcon --help"}},
		"half a command":           {[]string{"instal"}, []string{`there is no command "instal"`, "did you mean: kubectl falcon install?"}},
		"an unknown flag":          {[]string{"--frob"}, []string{"unknown flag: --frob", "next: kubectl falcon --help"}},
		"an unknown flag of one":   {[]string{"verify", "--zzzz"}, []string{"unknown flag: --zzzz", "next: kubectl falcon verify --help"}},
		"a flag without its value": {[]string{"verify", "-n"}, []string{"flag needs an argument", "kubectl falcon verify --help"}},
		"a missing argument":       {[]string{"explain"}, []string{"name either pods and workloads", "kubectl falcon explain --help"}},
		"an argument for none":     {[]string{"version", "now"}, []string{`one argument too many: "now"`}},
		"an unknown subcommand":    {[]string{"demo", "claen"}, []string{`no command "claen"`, "did you mean: kubectl falcon demo clean?"}},
		"a bad format":             {[]string{"verify", "-o", "xml"}, []string{`"xml"`, "json, yaml, name", "kubectl falcon verify --help"}},
		"a bad duration":           {[]string{"demo", "--timeout", "soon"}, []string{`"soon"`, "kubectl falcon demo --help"}},
		"no CID":                   {[]string{"install", "--image", image}, []string{"--cid", console}},
		"a bad CID":                {[]string{"install", "--image", image, "--cid", cid[:32]}, []string{cid[:32], "32 hexadecimal digits", console}},
		"no image":                 {[]string{"install", "--cid", cid}, []string{"--image", "your own registry"}},
		"a bad image":              {[]string{"install", "--cid", cid, "--image", "Falcon:7"}, []string{`"Falcon:7" is not an image`, "REGISTRY/NAME:TAG"}},
		"not a pod":                {[]string{"aid", "service/web", "--server", "http://127.0.0.1:1"}, []string{`"service/web" is not a pod`, "POD or TYPE/NAME"}},
		"a pod without a name":     {[]string{"aid", "pod/", "--server", "http://127.0.0.1:1"}, []string{`"pod/" is not a pod`}},
		"a bad image for the demo": {[]string{"demo", "--image", "A B", "--server", "http://127.0.0.1:1"}, []string{`"A B" is not an image`}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			o := falcon(t, test.args...)
			o.must(t, 2, append(test.says, "error: ")...)
			if strings.Contains(o.err, "kubectl-falcon") {
				t.Errorf("it calls the program by its file:\n%s", o.err)
			}
		})
	}
}

func TestVersionNeedsNoKubeconfig(t *testing.T) {
	o := falcon(t, "version")
	o.must(t, 0)
	if !strings.HasPrefix(o.out, "kubectl falcon ") || !strings.Contains(o.out, "go1.") || o.err != "" {
		t.Errorf("it printed %q and said %q", o.out, o.err)
	}
	for format, read := range map[string]func([]byte, any) error{
		"json": json.Unmarshal,
		"yaml": func(b []byte, v any) error { return yaml.Unmarshal(b, v) },
	} {
		var v map[string]any
		o := falcon(t, "version", "-o", format)
		if err := read([]byte(o.out), &v); err != nil || v["go"] == nil || v["platform"] == nil {
			t.Errorf("%s: %v in %q", format, err, o.out)
		}
		if _, ok := v["version"]; !ok {
			t.Errorf("%s: there is no version in %q", format, o.out)
		}
	}
}

func TestReleasesSayWhatTheyAreBuiltFrom(t *testing.T) {
	defer func(version, commit string) { releaseVersion, releaseCommit = version, commit }(releaseVersion, releaseCommit)
	releaseVersion, releaseCommit = "v1.2.3", "0123456789abcdef0123"
	if o := falcon(t, "version"); !strings.HasPrefix(o.out, "kubectl falcon v1.2.3 (commit 0123456789ab), go") {
		t.Errorf("it printed %q", o.out)
	}
}

func TestWithoutAKubeconfig(t *testing.T) {
	for name, args := range everyCommand {
		t.Run(name, func(t *testing.T) {
			falcon(t, args...).must(t, 3, "error: there is no kubeconfig", "next: set KUBECONFIG or --kubeconfig")
		})
	}
}

func TestAClusterThatCannotBeReached(t *testing.T) {
	for name, args := range everyCommand {
		t.Run(name, func(t *testing.T) {
			host := closedPort(t)
			falcon(t, append(args, "--server", host)...).must(t, 3,
				"error: the cluster at "+host, "cannot be reached", "connection refused", "next: check the context")
		})
	}
}

func TestAClusterThatRefuses(t *testing.T) {
	for name, args := range everyCommand {
		t.Run(name, func(t *testing.T) {
			host := refusing(t, http.StatusForbidden, "Forbidden", `User "eve" may not`)
			falcon(t, append(args, "--server", host)...).must(t, 3,
				"error: not permitted: ", `User "eve" may not`, "next: ask for this right")

			host = refusing(t, http.StatusUnauthorized, "Unauthorized", "who are you")
			falcon(t, append(args, "--server", host)...).must(t, 3, "does not accept the kubeconfig's credentials", "next: log in again")

			host = refusing(t, http.StatusInternalServerError, "InternalError", "etcd is gone")
			falcon(t, append(args, "--server", host)...).must(t, 1, "error: ", "etcd is gone")
		})
	}
}

// silent is a server that never answers, and tells when it was asked.
func silent(t *testing.T, asked func()) string {
	return server(t, func(_ http.ResponseWriter, r *http.Request) {
		// Until the body is read, a server does not notice that the client has gone.
		_, _ = io.Copy(io.Discard, r.Body)
		asked()
		<-r.Context().Done()
	})
}

func TestASignalEndsTheRunWithItsCode(t *testing.T) {
	for s, want := range map[os.Signal]int{os.Interrupt: 130, syscall.SIGINT: 130, syscall.SIGTERM: 143} {
		for name, args := range everyCommand {
			t.Run(name+" by "+s.String(), func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				host := silent(t, func() { cancel(Interrupted{Signal: s}) })
				o := falconWith(t, ctx, append(args, "--server", host)...)
				o.must(t, want, "error: stopped by "+s.String())
				// It is no fault of the cluster's, and there is nothing to mend. A restart has begun nothing
				// while it reads.
				again := slices.Contains([]string{"install", "uninstall"}, args[0])
				if strings.Contains(o.err, "goes on from where it was") != again {
					t.Errorf("it said\n%s", o.err)
				}
				if strings.Contains(o.err, "removes what is there: kubectl falcon uninstall") != (args[0] == "install") {
					t.Errorf("it said\n%s", o.err)
				}
				if strings.Contains(o.err, "cannot be reached") || strings.Contains(o.err, "next:") {
					t.Errorf("it said\n%s", o.err)
				}
			})
		}
	}
}

func TestADeadlineIsNotAnUnreachableCluster(t *testing.T) {
	for name, args := range everyCommand {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
			defer cancel()
			host := silent(t, func() {})
			falconWith(t, ctx, append(args, "--server", host)...).must(t, 124, "error: ", "deadline exceeded")
		})
	}
}
