package sensor

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// watched is a registry that notes what is asked of it.
type watched struct {
	mu   sync.Mutex
	seen []string
	host string
}

func watchedRegistry(t *testing.T) *watched {
	t.Helper()
	w := &watched{}
	w.host = registryWith(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
			w.mu.Lock()
			w.seen = append(w.seen, r.Method+" "+r.URL.Path)
			w.mu.Unlock()
			next.ServeHTTP(out, r)
		})
	})
	return w
}

// asked are the requests since the last call that begin so.
func (w *watched) asked(begin string) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, one := range w.seen {
		if strings.HasPrefix(one, begin) {
			n++
		}
	}
	return n
}

func (w *watched) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = nil
}

// pulled reads an image back and checks every byte of it.
func pulled(t *testing.T, ref string) v1.Image {
	t.Helper()
	parsed, err := name.ParseReference(ref)
	if err != nil {
		t.Fatal(err)
	}
	image, err := remote.Image(parsed)
	if err != nil {
		t.Fatal(err)
	}
	layers, err := image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	for n, l := range layers {
		r, err := l.Uncompressed()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if sumOf(content) != config.RootFS.DiffIDs[n] {
			t.Errorf("layer %d of %s has another content", n, ref)
		}
	}
	return image
}

// knownDigest is that of the image of sensorImage as it is sent. It changes only if the compressor does, and
// then everybody's digests do.
const knownDigest = "sha256:2a6a0f7a49549dd31f66c1aee62a3225c768af011154e4e258af3d990bc877d5"

func TestPushOfATarball(t *testing.T) {
	content := sensorImage(t).archive(t)
	bzip, err := os.ReadFile("testdata/image.tar.bz2")
	if err != nil {
		t.Fatal(err)
	}
	for file, content := range map[string][]byte{"image.tar": content, "image.tar.gz": compressed(t, gzipped, content),
		"image.tar.zst": compressed(t, zstded, content), "image.tar.xz": compressed(t, xzipped, content), "image.tar.bz2": bzip} {
		t.Run(file, func(t *testing.T) {
			r := watchedRegistry(t)
			path := inFile(t, file, content)
			scratch := t.TempDir()
			events := map[State]int{}
			o := Options{Scratch: scratch, Report: func(e Event) {
				if events[e.State]++; e.Done > e.Total && e.Total != 0 {
					t.Errorf("more than there is: %+v", e)
				}
			}}
			got, err := Push(t.Context(), path, r.host+"/team/falcon:7", o)
			if err != nil {
				t.Fatal(err)
			}
			if got.Digest != knownDigest || got.Reference != r.host+"/team/falcon@"+knownDigest || got.Tag != r.host+"/team/falcon:7" {
				t.Errorf("got %+v", got)
			}
			if got.Kind != ContainerSensor || !slices.Equal(got.Platforms, []string{"linux/amd64"}) || got.AlreadyThere || got.Replaced != "" {
				t.Errorf("got %+v", got)
			}
			pulled(t, got.Tag)
			for _, state := range []State{Packing, Sending, Sent} {
				if events[state] == 0 {
					t.Errorf("no event %q among %v", state, events)
				}
			}
			if left, err := os.ReadDir(scratch); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}

			r.forget()
			again, err := Push(t.Context(), path, r.host+"/team/falcon:7", o)
			if err != nil || !again.AlreadyThere || again.Digest != got.Digest || again.Sent != 0 {
				t.Errorf("again: %+v, %v", again, err)
			}
			if r.asked("GET /v2/team/falcon/manifests/") != 1 || r.asked("HEAD ")+r.asked("POST ")+r.asked("PUT ") != 0 {
				t.Errorf("it asked %v", r.seen)
			}
		})
	}
}

// The blobs are there under another tag.
func TestPushSendsNothingTwice(t *testing.T) {
	r := watchedRegistry(t)
	path := inFile(t, "image.tar", sensorImage(t).archive(t))
	first, err := Push(t.Context(), path, r.host+"/falcon:a", Options{})
	if err != nil {
		t.Fatal(err)
	}
	r.forget()
	second, err := Push(t.Context(), path, r.host+"/falcon:b", Options{})
	if err != nil || second.Digest != first.Digest || second.Sent != 0 || second.Present == 0 {
		t.Errorf("got %+v, %v", second, err)
	}
	if n := r.asked("POST /v2/falcon/blobs/"); n != 0 {
		t.Errorf("%d uploads", n)
	}
}

// A tag that names another image is moved, and that is told.
func TestPushTellsWhatItReplaced(t *testing.T) {
	r := watchedRegistry(t)
	before, err := Push(t.Context(), inFile(t, "a.tar", sensorImage(t).archive(t)), r.host+"/falcon:7", Options{})
	if err != nil {
		t.Fatal(err)
	}
	other := sensorImage(t)
	other.layers = other.layers[:2]
	after, err := Push(t.Context(), inFile(t, "b.tar", other.archive(t)), r.host+"/falcon:7", Options{})
	if err != nil || after.Replaced != before.Digest || after.Digest == before.Digest {
		t.Errorf("got %+v, %v", after, err)
	}
}

func TestPushTakesTheSourcesTag(t *testing.T) {
	r := watchedRegistry(t)
	path := inFile(t, "image.tar", sensorImage(t).archive(t))
	got, err := Push(t.Context(), path, r.host+"/falcon", Options{})
	if want := r.host + "/falcon:" + strings.TrimPrefix(containerTag, "falcon-sensor:"); err != nil || got.Tag != want {
		t.Errorf("got %+v, %v", got, err)
	}
	nameless := sensorImage(t)
	nameless.tag = ""
	_, err = Push(t.Context(), inFile(t, "image.tar", nameless.archive(t)), r.host+"/falcon", Options{})
	wantProblem(t, err, problem.BadInput, "has no tag to take over")
}

// wantProblem checks what a user is told.
func wantProblem(t *testing.T, err error, kind problem.Kind, says string) {
	t.Helper()
	p, ok := errors.AsType[*problem.Error](err)
	if !ok || p.Kind() != kind || !strings.Contains(err.Error(), says) {
		t.Errorf("got %v (%T), want one that says %q", err, err, says)
	}
}

func TestPushThatIsStopped(t *testing.T) {
	r := watchedRegistry(t)
	ctx, cancel := context.WithCancel(t.Context())
	scratch := t.TempDir()
	_, err := Push(ctx, inFile(t, "image.tar", sensorImage(t).archive(t)), r.host+"/falcon:7", Options{Scratch: scratch, Report: func(Event) { cancel() }})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(scratch, "*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if n := r.asked("PUT /v2/falcon/manifests/"); n != 0 {
		t.Error("a manifest was written")
	}
}

// The digest must not hang on how many processors there are, or how the content comes.
func TestPackIsTheSameEverywhere(t *testing.T) {
	content := text(3_000_000, 7)
	s := &scratch{t.TempDir()}
	want, _, err := s.pack(bytes.NewReader(content), func(int64) {})
	if err != nil {
		t.Fatal(err)
	}
	for _, processors := range []int{1, 2, 7} {
		before := runtime.GOMAXPROCS(processors)
		got, diffID, err := s.pack(iotest.HalfReader(bytes.NewReader(content)), func(int64) {})
		runtime.GOMAXPROCS(before)
		if err != nil || got.digest != want.digest || diffID != sumOf(content) {
			t.Errorf("with %d processors: %v, %v, %v", processors, got, diffID, err)
		}
	}
}
