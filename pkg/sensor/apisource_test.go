package sensor

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/falcon"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

func TestAPISource(t *testing.T) {
	for source, want := range map[string]string{"falcon-api": "", "falcon-api:latest": "", "falcon-api:7.40": "7.40", "falcon-api:7.40.0-1": "7.40.0-1"} {
		if got, is := APISource(source); !is || got != want {
			t.Errorf("%s: %q, %v", source, got, is)
		}
	}
	for _, source := range []string{"", "./falcon-api", "falcon-api.tar", "registry.example.com/falcon-api:7", "falcon-api/sensor:7"} {
		if _, is := APISource(source); is {
			t.Errorf("%q is one", source)
		}
	}
}

// The tarball comes, goes on where a connection broke, is checked and pushed, and nothing of it stays.
func TestPushOfWhatTheFalconAPIGives(t *testing.T) {
	bzip, err := os.ReadFile("testdata/image.tar.bz2")
	if err != nil {
		t.Fatal(err)
	}
	for name, packed := range map[string][]byte{"bzip2": bzip, "a plain tarball": sensorImage(t).archive(t)} {
		t.Run(name, func(t *testing.T) {
			r := watchedRegistry(t)
			api := &breaking{Tarballs: tarballs(t, packed), after: int64(len(packed))/3 + 1}
			scratch := t.TempDir()
			var states []State
			got, err := Push(t.Context(), "falcon-api:latest", r.host+"/falcon", Options{Tarballs: api, Scratch: scratch, Report: func(e Event) {
				if len(states) == 0 || states[len(states)-1] != e.State {
					states = append(states, e.State)
				}
				if strings.Contains(e.Blob, scratch) || strings.HasSuffix(string(e.State), "loading") && e.Total != int64(len(packed)) {
					t.Errorf("it tells %+v", e)
				}
			}})
			if err != nil || got.Digest != knownDigest || got.Kind != ContainerSensor || got.Tag != r.host+"/falcon:"+strings.TrimPrefix(containerTag, "falcon-sensor:") {
				t.Fatalf("got %+v, %v", got, err)
			}
			if !slices.Equal(states[:2], []State{Downloading, Fetched}) {
				t.Errorf("the states are %v", states)
			}
			if third := int64(len(packed))/3 + 1; !slices.Equal(api.asked, []int64{0, third, 2 * third}) {
				t.Errorf("it asked from %d", api.asked)
			}
			pulled(t, got.Tag)
			wantEmpty(t, scratch)
		})
	}
}

func wantEmpty(t *testing.T, dir string) {
	t.Helper()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// claiming is an API that says of its tarballs what is not so.
type claiming struct {
	Tarballs
	change func(*falcon.Installer)
}

// ContainerTarballs gives the changed list.
func (c claiming) ContainerTarballs(ctx context.Context) ([]falcon.Installer, error) {
	all, err := c.Tarballs.ContainerTarballs(ctx)
	for n := range all {
		c.change(&all[n])
	}
	return all, err
}

func TestPushOfWhatTheFalconAPIDoesNotGive(t *testing.T) {
	good := tarballs(t, sensorImage(t).archive(t))
	for name, test := range map[string]struct {
		source string
		api    Tarballs
		kind   problem.Kind
		says   string
	}{
		"no such version":       {"falcon-api:8", good, problem.BadInput, "the Falcon API has no tarball of version 8 of the container sensor"},
		"changed on the way":    {"falcon-api", &breaking{Tarballs: good, change: true}, problem.Failed, "container.x86_64.tar.bz2 has the checksum"},
		"not an image":          {"falcon-api:6.18", good, problem.BadInput, "falcon-sensor-6.18.0-106.container.x86_64.tar.bz2 is no tarball of an image: it has only 3 bytes"},
		"no way to the API":     {"falcon-api", nil, problem.BadInput, "falcon-api: there is no way to the Falcon API"},
		"larger than any image": {"falcon-api", claiming{good, func(i *falcon.Installer) { i.Size = 1 << 40 }}, problem.Failed, "it would have 1099511627776 bytes, and no image has"},
		"longer than it says":   {"falcon-api", claiming{good, func(i *falcon.Installer) { i.Size = 1000 }}, problem.Failed, "has the checksum"},
		"always cut":            {"falcon-api", &breaking{Tarballs: good, after: 1, forgetful: true}, problem.Failed, "the download broke at byte 1 of"},
		"a name with a path":    {"falcon-api:6.18", claiming{good, func(i *falcon.Installer) { i.Name = "../../../etc/x" }}, problem.BadInput, "x is no tarball of an image"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := watchedRegistry(t)
			scratch := t.TempDir()
			_, err := Push(t.Context(), test.source, r.host+"/falcon:7", Options{Tarballs: test.api, Scratch: scratch})
			wantProblem(t, err, test.kind, test.says)
			if err != nil && strings.Contains(err.Error(), scratch) {
				t.Errorf("it names a file that is gone: %v", err)
			}
			wantEmpty(t, scratch)
			if len(r.seen) != 0 {
				t.Errorf("the registry was asked %v", r.seen)
			}
		})
	}
}

// Whenever it is stopped, nothing stays.
func TestPushOfWhatTheFalconAPIGivesThatIsStopped(t *testing.T) {
	for _, at := range []State{Downloading, Fetched, Packing, Sending} {
		r := watchedRegistry(t)
		scratch := t.TempDir()
		ctx, cancel := context.WithCancel(t.Context())
		_, err := Push(ctx, "falcon-api", r.host+"/falcon:7", Options{Tarballs: tarballs(t, sensorImage(t).archive(t)), Scratch: scratch, Report: func(e Event) {
			if e.State == at {
				cancel()
			}
		}})
		cancel()
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", at, err)
		}
		wantEmpty(t, scratch)
		if n := r.asked("PUT /v2/falcon/manifests/"); n != 0 {
			t.Errorf("%s: a manifest was written", at)
		}
	}
	// A folder that is not there is told as what it is.
	_, err := Push(t.Context(), "falcon-api", "127.0.0.1:1/falcon:7", Options{Tarballs: tarballs(t, nil), Scratch: filepath.Join(t.TempDir(), "none")})
	if err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("got %v", err)
	}
}
