package sensor

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// registrySource reads images of a registry.
type registrySource struct {
	puller *remote.Puller
	ref    name.Reference
}

// fromRegistry reads what an image in a registry is made of; its layers stay there until they are sent on.
func fromRegistry(ctx context.Context, ref name.Reference, platform string, o ...remote.Option) (*artifact, error) {
	puller, err := remote.NewPuller(o...)
	if err != nil {
		return nil, err
	}
	r := &registrySource{puller, ref}
	found, err := puller.Get(ctx, ref)
	if err != nil {
		return nil, refused(ctx, ref, "read", err)
	}
	a := &artifact{from: ref.String(), names: []string{ref.String()}}
	switch {
	case found.MediaType.IsImage():
		i := &image{}
		if err := r.fill(ctx, i, &manifest{found.Manifest, found.MediaType}); err != nil {
			return nil, refused(ctx, ref, "read", err)
		}
		a.images = []*image{i}
		return a, nil
	case !found.MediaType.IsIndex():
		return nil, problem.New(problem.BadInput, "name an image", "%s is a %s, which is no image", ref, found.MediaType)
	}
	index, err := readIndex(found.Manifest)
	if err != nil {
		return nil, problem.New(problem.BadInput, "name an image", "%s: %w", ref, err)
	}
	a.index = &manifest{found.Manifest, found.MediaType}
	if err := r.children(ctx, a, index, platform); err != nil {
		return nil, refused(ctx, ref, "read", err)
	}
	return a, nil
}

// children reads the images of an index: those that --platform leaves out are not asked for.
func (r *registrySource) children(ctx context.Context, a *artifact, index *v1.IndexManifest, platform string) error {
	for _, d := range index.Manifests {
		i := &image{child: true}
		if d.Platform != nil {
			i.platform = *d.Platform
		}
		a.images = append(a.images, i)
	}
	chosen := a.images
	all := *a
	if platform != "" {
		if err := all.choose(platform); err != nil {
			return err
		}
		chosen = all.images
	}
	for n, d := range index.Manifests {
		i := a.images[n]
		if len(chosen) == 1 && platform != "" && i != chosen[0] {
			continue
		}
		if !d.MediaType.IsImage() {
			return fmt.Errorf("it holds a %s, which is no image", d.MediaType)
		}
		found, err := r.puller.Get(ctx, r.ref.Context().Digest(d.Digest.String()))
		if err != nil {
			return err
		}
		if err := r.fill(ctx, i, &manifest{found.Manifest, found.MediaType}); err != nil {
			return err
		}
	}
	*a = all
	return nil
}

func (r *registrySource) fill(ctx context.Context, i *image, m *manifest) error {
	read := v1.Manifest{}
	if err := json.Unmarshal(m.raw, &read); err != nil {
		return err
	}
	i.ready, i.configKind = m, read.Config.MediaType
	for _, d := range read.Layers {
		i.layers = append(i.layers, &layer{kind: d.MediaType, digest: d.Digest, size: d.Size, trusted: true, open: r.opener(ctx, d.Digest)})
	}
	config, err := r.opener(ctx, read.Config.Digest)()
	if err != nil {
		return err
	}
	defer config.Close()
	raw, err := io.ReadAll(io.LimitReader(config, mostText))
	if err != nil {
		return err
	}
	if !read.Config.MediaType.IsConfig() || i.platform.OS == "unknown" {
		i.raw = raw
		return nil
	}
	return i.setConfig(raw)
}

// opener opens a blob; the library checks its digest while it is read.
func (r *registrySource) opener(ctx context.Context, digest v1.Hash) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) {
		l, err := r.puller.Layer(ctx, r.ref.Context().Digest(digest.String()))
		if err != nil {
			return nil, err
		}
		return l.Compressed()
	}
}
