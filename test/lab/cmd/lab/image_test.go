package main

import (
	"archive/tar"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/kubectl-falcon/kubectl-falcon/test/lab/internal/state"
)

func TestPairs(t *testing.T) {
	for _, c := range []struct {
		args []string
		want map[string]string
	}{
		{nil, map[string]string{}},
		{[]string{"a=1", "b="}, map[string]string{"a": "1", "b": ""}},
		// Labels and file contents hold the sign themselves.
		{[]string{"a=x=y", "t=line\nline=\n"}, map[string]string{"a": "x=y", "t": "line\nline=\n"}},
	} {
		if got, err := pairs(c.args); !maps.Equal(got, c.want) || err != nil {
			t.Errorf("%q: %v, %v", c.args, got, err)
		}
	}
	for _, bad := range []string{"", "a", "=b", "="} {
		if got, err := pairs([]string{"good=1", bad}); err == nil || !strings.Contains(err.Error(), "KEY=VALUE") {
			t.Errorf("%q: %v, %v", bad, got, err)
		}
	}
}

type entry struct {
	kind    byte
	mode    int64
	link    string
	content string
}

func contents(t *testing.T, image v1.Image) map[string]entry {
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
	found := map[string]entry{}
	for archive := tar.NewReader(r); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		found[h.Name] = entry{h.Typeflag, h.Mode, h.Linkname, string(content)}
	}
}

func TestPackImage(t *testing.T) {
	first, second := writeFile(t, "first", "one"), writeFile(t, "second", "two")
	output := filepath.Join(t.TempDir(), "new", "folder", "image.tar")
	_, err := run(t, "pack-image", "-o", output, "--tag", "tools:1", "--label", "title=a, b=c", "--env", "PATH=/bin",
		"--dir", "/tmp=1777", "--link", "/bin/other=first", "--text", "/etc/passwd=root:x:0:0\n",
		"--entrypoint", "/bin/first", "--entrypoint", "run, it", first+"=/bin/first", second+"=/opt/second")
	if err != nil {
		t.Fatal(err)
	}
	image, err := tarball.ImageFromPath(output, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]entry{
		"bin":        {kind: tar.TypeDir, mode: 0o755},
		"bin/first":  {kind: tar.TypeReg, mode: 0o755, content: "one"},
		"bin/other":  {kind: tar.TypeSymlink, mode: 0o777, link: "first"},
		"etc":        {kind: tar.TypeDir, mode: 0o755},
		"etc/passwd": {kind: tar.TypeReg, mode: 0o644, content: "root:x:0:0\n"},
		"opt":        {kind: tar.TypeDir, mode: 0o755},
		"opt/second": {kind: tar.TypeReg, mode: 0o755, content: "two"},
		"tmp":        {kind: tar.TypeDir, mode: 0o1777},
	}
	if got := contents(t, image); !maps.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	file, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	c := file.Config
	if !slices.Equal(c.Entrypoint, []string{"/bin/first", "run, it"}) || !slices.Equal(c.Env, []string{"PATH=/bin"}) ||
		!maps.Equal(c.Labels, map[string]string{"title": "a, b=c"}) {
		t.Errorf("config %+v", c)
	}
	manifest, err := tarball.LoadManifest(func() (io.ReadCloser, error) { return os.Open(output) })
	if err != nil || len(manifest) != 1 || !slices.Equal(manifest[0].RepoTags, []string{"tools:1"}) {
		t.Errorf("manifest %+v, %v", manifest, err)
	}
}

func TestPackImageRefuses(t *testing.T) {
	program := writeFile(t, "program", "x") + "=/bin/program"
	for what, c := range map[string]struct {
		args []string
		want string
	}{
		"no output":      {[]string{"--tag", "x:1", program}, `"output" not set`},
		"no tag":         {[]string{"-o", "OUT", program}, `"tag" not set`},
		"nothing in it":  {[]string{"-o", "OUT", "--tag", "x:1"}, "requires at least 1 arg"},
		"no mode":        {[]string{"-o", "OUT", "--tag", "x:1", "--dir", "/tmp", program}, `"/tmp": write it as KEY=VALUE`},
		"an odd mode":    {[]string{"-o", "OUT", "--tag", "x:1", "--dir", "/tmp=999", program}, `mode "999" of /tmp: use an octal number`},
		"a bad link":     {[]string{"-o", "OUT", "--tag", "x:1", "--link", "/a", program}, `"/a": write it as KEY=VALUE`},
		"a bad tag":      {[]string{"-o", "OUT", "--tag", "UPPER CASE", program}, "repository can only contain"},
		"no such source": {[]string{"-o", "OUT", "--tag", "x:1", "/no/such/file=/bin/x"}, "/no/such/file: no such file"},
	} {
		output := filepath.Join(t.TempDir(), "image.tar")
		args := append([]string{"pack-image"}, c.args...)
		if i := slices.Index(args, "OUT"); i > 0 {
			args[i] = output
		}
		if _, err := run(t, args...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", what, err, c.want)
		}
		if _, err := os.Stat(output); err == nil {
			t.Errorf("%s: it wrote the tarball", what)
		}
	}
}

func TestLoadImage(t *testing.T) {
	dir := newLab(t, "ut-load")
	one, two := packed(t, "one:1"), packed(t, "team/two:2")
	if _, err := run(t, "load-image", "--name", "ut-load", one); err == nil || !strings.Contains(err.Error(), "lab up --name ut-load") {
		t.Errorf("into no lab: %v", err)
	}
	port := startRegistry(t)
	record(t, dir, os.Getpid(), func(l *state.Lab) { l.Registry = port })
	out, err := run(t, "load-image", "--name", "ut-load", one, two)
	// What is printed is what a pod in the lab says.
	if want := "10.244.0.1:5000/one:1\n10.244.0.1:5000/team/two:2\n"; out != want || err != nil {
		t.Errorf("it prints %q, %v", out, err)
	}
	if _, err := run(t, "load-image", "--name", "ut-load", writeFile(t, "text", "x")); err == nil || !strings.Contains(err.Error(), "docker-archive") {
		t.Errorf("of a text: %v", err)
	}
}

func packed(t *testing.T, tag string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "image.tar")
	if _, err := run(t, "pack-image", "-o", file, "--tag", tag, writeFile(t, "program", tag)+"=/program"); err != nil {
		t.Fatal(err)
	}
	return file
}
