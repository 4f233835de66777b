package sensor

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// file is a file in a tarball of the tests.
type file struct {
	name    string
	content []byte
	// link makes it a symbolic link.
	link string
	// size, if set, is said in place of the content's.
	size int64
}

func tarOf(t *testing.T, files ...file) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, f := range files {
		h := &tar.Header{Name: f.name, Mode: 0o755, Size: int64(len(f.content)), Typeflag: tar.TypeReg, Format: tar.FormatUSTAR}
		if f.link != "" {
			h.Typeflag, h.Linkname = tar.TypeSymlink, f.link
		}
		if f.size != 0 {
			h.Size = f.size
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(f.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil && files[len(files)-1].size == 0 {
		t.Fatal(err)
	}
	_ = w.Close()
	return b.Bytes()
}

// text is content that can be compressed, the same on each run.
func text(n int, seed uint32) []byte {
	words := []string{"sensor", "injector", "falconctl", "container", "webhook", "admission", "registry", "digest"}
	var b bytes.Buffer
	for b.Len() < n {
		seed = seed*1664525 + 1013904223
		b.WriteString(words[seed>>29] + "\n")
	}
	return b.Bytes()[:n]
}

// saved is the image that a test saves.
type saved struct {
	layers [][]byte
	tag    string
	arch   string
	// configName is how the config's file is called.
	configName string
	// change, if set, alters the config after the layers were entered.
	change func(*v1.ConfigFile)
}

func (s saved) config(t *testing.T) []byte {
	t.Helper()
	arch := s.arch
	if arch == "" {
		arch = "amd64"
	}
	c := v1.ConfigFile{OS: "linux", Architecture: arch, RootFS: v1.RootFS{Type: "layers"}}
	for _, l := range s.layers {
		if sniffed(l) == gzipped {
			r, err := gzip.NewReader(bytes.NewReader(l))
			if err != nil {
				t.Fatal(err)
			}
			if l, err = io.ReadAll(r); err != nil {
				t.Fatal(err)
			}
		}
		c.RootFS.DiffIDs = append(c.RootFS.DiffIDs, sumOf(l))
	}
	if s.change != nil {
		s.change(&c)
	}
	return marshal(t, c)
}

func marshal(t *testing.T, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// files are those of docker save.
func (s saved) files(t *testing.T) []file {
	t.Helper()
	config := s.config(t)
	name := s.configName
	if name == "" {
		name = sumOf(config).Hex + ".json"
	}
	list := dockerImage{Config: name, RepoTags: []string{s.tag}}
	if s.tag == "" {
		list.RepoTags = nil
	}
	all := []file{{name: name, content: config}}
	seen := map[v1.Hash]string{}
	for n, l := range s.layers {
		path := fmt.Sprintf("%064d/layer.tar", n)
		list.Layers = append(list.Layers, path)
		one := file{name: path, content: l}
		if before := seen[sumOf(l)]; before != "" {
			one = file{name: path, link: "../" + before}
		}
		seen[sumOf(l)] = path
		all = append(all, one)
	}
	return append(all, file{name: "manifest.json", content: marshal(t, []dockerImage{list})})
}

func (s saved) archive(t *testing.T) []byte {
	t.Helper()
	return tarOf(t, s.files(t)...)
}

// containerTag is a name by which the container sensor is known.
const containerTag = "falcon-sensor:7.40.0-1.container.x86_64.Release.US-1"

// sensorImage is an image of two layers and one of them again.
func sensorImage(t *testing.T) saved {
	t.Helper()
	first := tarOf(t, file{name: "bin/injector", content: text(700_000, 1)}, file{name: "bin/falconctl", content: text(900_000, 2)})
	second := tarOf(t, file{name: "etc/version", content: []byte("7.40.0\n")})
	return saved{layers: [][]byte{first, second, first}, tag: containerTag}
}

func inFile(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func compressed(t *testing.T, how compression, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	var err error
	switch how {
	case gzipped:
		w = gzip.NewWriter(&b)
	case zstded:
		w, err = zstd.NewWriter(&b)
	case xzipped:
		w, err = xz.NewWriter(&b)
	default:
		t.Fatalf("no writer for %s", how)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
