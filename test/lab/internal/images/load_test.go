package images

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// startRegistry returns the address of a registry on loopback.
func startRegistry(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func digestAt(t *testing.T, reference string) v1.Hash {
	t.Helper()
	ref, err := name.ParseReference(reference)
	if err != nil {
		t.Fatal(err)
	}
	image, err := remote.Image(ref)
	if err != nil {
		t.Fatal(err)
	}
	return digest(t, image)
}

func TestSaveAndLoad(t *testing.T) {
	address := startRegistry(t)
	image := build(t, full(t))
	for tag, want := range map[string]string{
		"shell:lab":                        "shell:lab",
		"shell":                            "shell:latest",
		"library/busybox:1":                "busybox:1",
		"falcon/falcon-sensor:7.40.0":      "falcon/falcon-sensor:7.40.0",
		"localhost:5000/team/app:v1":       "team/app:v1",
		"docker.io/library/nginx:1":        "nginx:1",
		"registry.example.com/a/b/c:other": "a/b/c:other",
	} {
		file := filepath.Join(t.TempDir(), "image.tar")
		if err := Save(file, tag, image); err != nil {
			t.Fatal(err)
		}
		loaded, err := Load(t.Context(), file, address)
		if err != nil || !slices.Equal(loaded, []string{want}) {
			t.Errorf("%s: loaded %q, %v; want %s", tag, loaded, err, want)
			continue
		}
		if got := digestAt(t, address+"/"+want); got != digest(t, image) {
			t.Errorf("%s: the registry has %s, not %s", tag, got, digest(t, image))
		}
	}
}

func TestSaveIsByRename(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "image.tar")
	for _, content := range []string{"first", "second"} {
		if err := Save(file, "x:1", build(t, Contents{Texts: map[string]string{"/text": content}})); err != nil {
			t.Fatal(err)
		}
		saved, err := tarball.ImageFromPath(file, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := entries(t, saved); got["text"].content != content {
			t.Errorf("the tarball holds %q, not %q", got["text"].content, content)
		}
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("in the folder: %v, %v", left, err)
	}
	if err := Save(filepath.Join(dir, "bad.tar"), "UPPER case", build(t, Contents{})); err == nil {
		t.Error("a name that no registry takes is accepted")
	}
}

// One archive may hold several images, and one image several tags (docker save a:1 b:1).
func TestLoadSeveral(t *testing.T) {
	address := startRegistry(t)
	one, two := build(t, Contents{Texts: map[string]string{"/one": "1"}}), build(t, Contents{Texts: map[string]string{"/two": "2"}})
	want := map[string]v1.Image{"one:1": one, "one:latest": one, "team/two:2": two}
	tags := map[name.Tag]v1.Image{}
	for tag, image := range want {
		ref, err := name.NewTag(tag)
		if err != nil {
			t.Fatal(err)
		}
		tags[ref] = image
	}
	file := filepath.Join(t.TempDir(), "several.tar")
	if err := tarball.MultiWriteToFile(file, tags); err != nil {
		t.Fatal(err)
	}
	loaded, err := Load(t.Context(), file, address)
	slices.Sort(loaded)
	if err != nil || !slices.Equal(loaded, []string{"one:1", "one:latest", "team/two:2"}) {
		t.Fatalf("loaded %q, %v", loaded, err)
	}
	for tag, image := range want {
		if got := digestAt(t, address+"/"+tag); got != digest(t, image) {
			t.Errorf("%s is %s, not %s", tag, got, digest(t, image))
		}
	}
}

func TestLoadOfWhatIsNoArchive(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	if err := os.WriteFile(text, []byte("not a tarball"), 0o600); err != nil {
		t.Fatal(err)
	}
	other := writeTar(t, filepath.Join(dir, "other.tar"), "some/file", "content")
	for _, file := range []string{text, other} {
		loaded, err := Load(t.Context(), file, "127.0.0.1:1")
		if err == nil || len(loaded) != 0 || !strings.Contains(err.Error(), file+" is not a docker-archive tarball") {
			t.Errorf("%s: loaded %q, %v", file, loaded, err)
		}
	}
	// A file that is not there is not of the wrong kind.
	_, err := Load(t.Context(), filepath.Join(dir, "absent"), "127.0.0.1:1")
	if !errors.Is(err, fs.ErrNotExist) || strings.Contains(err.Error(), "docker-archive") {
		t.Errorf("of an absent file it says %v", err)
	}
}

// docker save of an image id gives an archive without a tag.
func TestLoadWithoutTags(t *testing.T) {
	for what, manifest := range map[string]string{
		"no tag":   `[{"Config": "c.json", "RepoTags": null, "Layers": []}]`,
		"no image": `[]`,
	} {
		file := writeTar(t, filepath.Join(t.TempDir(), "image.tar"), "manifest.json", manifest)
		loaded, err := Load(t.Context(), file, "127.0.0.1:1")
		if err == nil || len(loaded) != 0 || !strings.Contains(err.Error(), file+" has no image with a tag") {
			t.Errorf("%s: loaded %q, %v", what, loaded, err)
		}
	}
}

func TestLoadIntoWhatIsNoRegistry(t *testing.T) {
	file := filepath.Join(t.TempDir(), "image.tar")
	if err := Save(file, "x:1", build(t, Contents{})); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	if loaded, err := Load(t.Context(), file, strings.TrimPrefix(server.URL, "http://")); err == nil || len(loaded) != 0 {
		t.Errorf("loaded %q, %v", loaded, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Load(ended, file, startRegistry(t)); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: %v", err)
	}
}

func writeTar(t *testing.T, file, entry, content string) string {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(f)
	if err := w.WriteHeader(&tar.Header{Name: entry, Mode: 0o644, Size: int64(len(content))}); err != nil {
		t.Fatal(err)
	}
	_, err = io.WriteString(w, content)
	if err := errors.Join(err, w.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	return file
}
