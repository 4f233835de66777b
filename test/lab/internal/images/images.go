// Package images makes container images out of static programs, and moves them into the lab's registry.
//
// It must stay reproducible: the same files give the same digest on every machine.
package images

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"runtime"
	"sort"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// Contents says what is in an image. Paths are absolute paths in the image.
type Contents struct {
	// Programs are files of this machine by their path in the image, all with mode 0755.
	Programs map[string]string
	// Texts are small files with their contents, mode 0644.
	Texts map[string]string
	// Links are symbolic links and where they point.
	Links map[string]string
	// Dirs are empty folders with their mode.
	Dirs       map[string]int64
	Entrypoint []string
	Env        []string
	Labels     map[string]string
}

// Build assembles an image of one layer for the machine's architecture.
func Build(c Contents) (v1.Image, error) {
	layerTar, err := layer(c)
	if err != nil {
		return nil, err
	}
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(layerTar)), nil
	})
	if err != nil {
		return nil, err
	}
	image, err := mutate.AppendLayers(empty.Image, l)
	if err != nil {
		return nil, err
	}
	file, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	// containerd refuses an image without a platform.
	file.OS, file.Architecture = "linux", runtime.GOARCH
	file.Config = v1.Config{Entrypoint: c.Entrypoint, Env: c.Env, Labels: c.Labels}
	return mutate.ConfigFile(image, file)
}

// layer writes the files in the order of their paths, with no times and no owners.
func layer(c Contents) ([]byte, error) {
	entries := map[string]tar.Header{}
	bodies := map[string][]byte{}
	for p, source := range c.Programs {
		content, err := os.ReadFile(source)
		if err != nil {
			return nil, err
		}
		bodies[p], entries[p] = content, tar.Header{Typeflag: tar.TypeReg, Mode: 0o755}
	}
	for p, text := range c.Texts {
		bodies[p], entries[p] = []byte(text), tar.Header{Typeflag: tar.TypeReg, Mode: 0o644}
	}
	for p, target := range c.Links {
		entries[p] = tar.Header{Typeflag: tar.TypeSymlink, Linkname: target, Mode: 0o777}
	}
	for p, mode := range c.Dirs {
		entries[p] = tar.Header{Typeflag: tar.TypeDir, Mode: mode}
	}
	paths := make([]string, 0, len(entries))
	for p := range entries {
		for dir := path.Dir(p); dir != "/" && dir != "."; dir = path.Dir(dir) {
			if _, named := entries[dir]; !named {
				entries[dir] = tar.Header{Typeflag: tar.TypeDir, Mode: 0o755}
			}
		}
	}
	for p := range entries {
		paths = append(paths, p)
	}
	sort.Strings(paths)
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, p := range paths {
		h := entries[p]
		h.Name, h.Size = strings.TrimPrefix(p, "/"), int64(len(bodies[p]))
		if err := w.WriteHeader(&h); err != nil {
			return nil, fmt.Errorf("%s: %w", p, err)
		}
		if _, err := w.Write(bodies[p]); err != nil {
			return nil, fmt.Errorf("%s: %w", p, err)
		}
	}
	return b.Bytes(), w.Close()
}

// Pause is the sandbox image, of the pause program at the path given.
func Pause(program string) (v1.Image, error) {
	return Build(Contents{Programs: map[string]string{"/pause": program}, Entrypoint: []string{"/pause"}})
}

// Push sends an image to the reference. Loopback and private addresses are spoken to in plain HTTP.
func Push(ctx context.Context, image v1.Image, reference string) error {
	ref, err := name.ParseReference(reference)
	if err != nil {
		return err
	}
	return remote.Write(ref, image, remote.WithContext(ctx))
}

// Save writes the image as a docker-archive tarball under the tag given, by rename.
func Save(file, tag string, image v1.Image) error {
	ref, err := name.NewTag(tag, name.WithDefaultRegistry(""))
	if err != nil {
		return err
	}
	if err := tarball.WriteToFile(file+".new", ref, image); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// Load sends every image of a docker-archive tarball to the registry at address, under the name and tag
// that it has in the archive (the registry's part of the name left out), and returns those names.
func Load(ctx context.Context, file, address string) ([]string, error) {
	if _, err := os.Stat(file); err != nil {
		return nil, err
	}
	opener := func() (io.ReadCloser, error) { return os.Open(file) }
	manifest, err := tarball.LoadManifest(opener)
	if err != nil {
		return nil, fmt.Errorf("%s is not a docker-archive tarball (docker save, skopeo docker-archive:): %w", file, err)
	}
	var loaded []string
	for _, entry := range manifest {
		for _, tag := range entry.RepoTags {
			ref, err := name.NewTag(tag)
			if err != nil {
				return loaded, err
			}
			image, err := tarball.Image(opener, &ref)
			if err != nil {
				return loaded, err
			}
			target := strings.TrimPrefix(ref.RepositoryStr(), "library/") + ":" + ref.TagStr()
			if err := Push(ctx, image, address+"/"+target); err != nil {
				return loaded, err
			}
			loaded = append(loaded, target)
		}
	}
	if len(loaded) == 0 {
		return nil, errors.New(file + " has no image with a tag; the lab needs one to name it by")
	}
	return loaded, nil
}
