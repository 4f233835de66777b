package images

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

func program(t *testing.T, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(file, []byte(content), 0o700); err != nil {
		t.Fatal(err)
	}
	return file
}

func build(t *testing.T, c Contents) v1.Image {
	t.Helper()
	image, err := Build(c)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

func digest(t *testing.T, image v1.Image) v1.Hash {
	t.Helper()
	d, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// full has something of every kind, in enough numbers that the order of a map would show.
func full(t *testing.T) Contents {
	c := Contents{
		Programs:   map[string]string{"/usr/bin/tool": program(t, "tool")},
		Texts:      map[string]string{"/etc/passwd": "root:x:0:0::/:/bin/sh\n", "/etc/deep/er/file": ""},
		Links:      map[string]string{"/bin": "usr/bin"},
		Dirs:       map[string]int64{"/tmp": 0o1777, "/var/lib/data": 0o700, "/etc/deep": 0o750},
		Entrypoint: []string{"/usr/bin/tool", "run"},
		Env:        []string{"PATH=/usr/bin"},
		Labels:     map[string]string{"a": "1", "b": "2", "c": "3"},
	}
	for i := range 20 {
		c.Links[fmt.Sprintf("/usr/bin/link%d", i)] = "tool"
	}
	return c
}

func TestBuildIsReproducible(t *testing.T) {
	first := build(t, full(t))
	// The second tool is another file of another time with the same content.
	again := full(t)
	past := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	if err := os.Chtimes(again.Programs["/usr/bin/tool"], past, past); err != nil {
		t.Fatal(err)
	}
	second := build(t, again)
	if a, b := digest(t, first), digest(t, second); a != b {
		t.Errorf("the same files gave %s and %s", a, b)
	}
	again.Texts["/etc/passwd"] += "other"
	if a, b := digest(t, first), digest(t, build(t, again)); a == b {
		t.Error("another file gave the same digest")
	}
}

type entry struct {
	kind    byte
	mode    int64
	link    string
	content string
}

// entries returns what the image's one layer holds, and in which order.
func entries(t *testing.T, image v1.Image) (map[string]entry, []string) {
	t.Helper()
	layers, err := image.Layers()
	if err != nil || len(layers) != 1 {
		t.Fatalf("%d layers, %v", len(layers), err)
	}
	r, err := layers[0].Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	found, order := map[string]entry{}, []string(nil)
	for archive := tar.NewReader(r); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return found, order
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		if _, twice := found[h.Name]; twice {
			t.Errorf("%s is there twice", h.Name)
		}
		if h.ModTime.Unix() != 0 || h.Uid != 0 || h.Gid != 0 || h.Uname != "" || h.Gname != "" {
			t.Errorf("%s has a time or an owner: %+v", h.Name, h)
		}
		found[h.Name], order = entry{h.Typeflag, h.Mode, h.Linkname, string(content)}, append(order, h.Name)
	}
}

func TestLayer(t *testing.T) {
	got, order := entries(t, build(t, full(t)))
	dir := func(mode int64) entry { return entry{kind: tar.TypeDir, mode: mode} }
	want := map[string]entry{
		"bin":              {kind: tar.TypeSymlink, mode: 0o777, link: "usr/bin"},
		"etc":              dir(0o755),
		"etc/passwd":       {kind: tar.TypeReg, mode: 0o644, content: "root:x:0:0::/:/bin/sh\n"},
		"etc/deep":         dir(0o750),
		"etc/deep/er":      dir(0o755),
		"etc/deep/er/file": {kind: tar.TypeReg, mode: 0o644},
		"tmp":              dir(0o1777),
		"usr":              dir(0o755),
		"usr/bin":          dir(0o755),
		"usr/bin/tool":     {kind: tar.TypeReg, mode: 0o755, content: "tool"},
		"var":              dir(0o755),
		"var/lib":          dir(0o755),
		"var/lib/data":     dir(0o700),
	}
	for i := range 20 {
		want[fmt.Sprintf("usr/bin/link%d", i)] = entry{kind: tar.TypeSymlink, mode: 0o777, link: "tool"}
	}
	if !maps.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	for i, name := range order {
		if parent := path.Dir(name); parent != "." && !slices.Contains(order[:i], parent) {
			t.Errorf("%s comes before %s", name, parent)
		}
	}
}

func TestConfig(t *testing.T) {
	image := build(t, full(t))
	file, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if file.OS != "linux" || file.Architecture != runtime.GOARCH {
		t.Errorf("platform %s/%s", file.OS, file.Architecture)
	}
	if c := file.Config; !slices.Equal(c.Entrypoint, []string{"/usr/bin/tool", "run"}) ||
		!slices.Equal(c.Env, []string{"PATH=/usr/bin"}) || !maps.Equal(c.Labels, map[string]string{"a": "1", "b": "2", "c": "3"}) {
		t.Errorf("config %+v", c)
	}
	if !file.Created.IsZero() {
		t.Errorf("it was made at %s", file.Created)
	}
}

func TestBuildWithoutItsProgram(t *testing.T) {
	absent := filepath.Join(t.TempDir(), "absent")
	if _, err := Build(Contents{Programs: map[string]string{"/a": absent}}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}

func TestPause(t *testing.T) {
	image, err := Pause(program(t, "waits"))
	if err != nil {
		t.Fatal(err)
	}
	got, _ := entries(t, image)
	if want := (entry{kind: tar.TypeReg, mode: 0o755, content: "waits"}); len(got) != 1 || got["pause"] != want {
		t.Errorf("it holds %v", got)
	}
	if file, err := image.ConfigFile(); err != nil || !slices.Equal(file.Config.Entrypoint, []string{"/pause"}) {
		t.Errorf("entrypoint %q, %v", file.Config.Entrypoint, err)
	}
}
