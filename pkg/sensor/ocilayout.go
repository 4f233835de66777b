package sensor

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// ociIndex is where an OCI image layout begins (OCI image specification, image-layout.md).
const ociIndex = "index.json"

// refName is the annotation of an image's tag in a layout, and containerd's of its whole name.
const (
	refName        = "org.opencontainers.image.ref.name"
	containerdName = "io.containerd.image.name"
)

func (t *tarball) ociLayout() (*artifact, error) {
	raw, err := t.text(ociIndex)
	if err != nil {
		return nil, err
	}
	top, err := readIndex(raw)
	if err != nil {
		return nil, err
	}
	if len(top.Manifests) != 1 {
		return nil, severalImages(t.name, len(top.Manifests))
	}
	one := top.Manifests[0]
	a := &artifact{}
	if name := one.Annotations[containerdName]; name != "" {
		a.names = []string{name}
	} else if name := one.Annotations[refName]; name != "" {
		// A tag alone has no repository in front.
		a.names = []string{strings.TrimPrefix(":"+name, ":")}
	}
	if !one.MediaType.IsIndex() {
		i, err := t.ociImage(one)
		if err != nil {
			return nil, err
		}
		a.images = []*image{i}
		return a, nil
	}
	if raw, err = t.blob(one); err != nil {
		return nil, err
	}
	inner, err := readIndex(raw)
	if err != nil {
		return nil, err
	}
	a.index, a.list = &manifest{raw, one.MediaType}, inner
	for _, d := range inner.Manifests {
		i, err := t.ociImage(d)
		if err != nil {
			return nil, err
		}
		i.child = true
		a.images = append(a.images, i)
	}
	return a, nil
}

func readIndex(raw []byte) (*v1.IndexManifest, error) {
	index := &v1.IndexManifest{}
	if err := json.Unmarshal(raw, index); err != nil || len(index.Manifests) == 0 {
		return nil, fmt.Errorf("%w: its index names nothing", errNoImage)
	}
	return index, nil
}

// ociImage reads an image of a layout. One whose files are not there is left without layers: docker saves the
// index of all platforms with the files of one.
func (t *tarball) ociImage(d v1.Descriptor) (*image, error) {
	if !d.MediaType.IsImage() {
		return nil, fmt.Errorf("%w: it holds a %s", errNoImage, d.MediaType)
	}
	i := &image{}
	if d.Platform != nil {
		i.platform = *d.Platform
	}
	if _, err := t.find(blobName(d.Digest)); err != nil {
		return i, nil
	}
	raw, err := t.blob(d)
	if err != nil {
		return nil, err
	}
	return i, t.fillImage(i, &manifest{raw, d.MediaType})
}

func (t *tarball) fillImage(i *image, m *manifest) error {
	read := v1.Manifest{}
	if err := json.Unmarshal(m.raw, &read); err != nil {
		return fmt.Errorf("%w: a manifest: %w", errNoImage, err)
	}
	i.ready, i.configKind = m, read.Config.MediaType
	for _, d := range read.Layers {
		file, err := t.find(blobName(d.Digest))
		if err != nil {
			return err
		}
		l := &layer{kind: d.MediaType, digest: d.Digest, size: d.Size, member: file, bound: t.left}
		if uncompressedKind(d.MediaType) {
			// It is sent compressed, so the manifest becomes another.
			l.kind, l.digest, i.ready = types.OCILayer, v1.Hash{}, nil
		} else if file.packed == nil && file.size != d.Size {
			return fmt.Errorf("%w of %s: it has %d bytes, and its manifest says %d", errSum, d.Digest, file.size, d.Size)
		}
		i.layers = append(i.layers, l)
	}
	raw, err := t.blob(read.Config)
	if err != nil {
		return err
	}
	if i.ready != nil && !i.runs() && !read.Config.MediaType.IsConfig() {
		// An attestation's config is empty.
		i.raw = raw
		return nil
	}
	return i.setConfig(raw)
}

// uncompressedKind says that a layer is a plain tarball by its media type.
func uncompressedKind(kind types.MediaType) bool {
	return kind == types.OCIUncompressedLayer || kind == types.DockerUncompressedLayer
}

// uncompressed says whether any image's layers must be compressed.
func (a *artifact) uncompressed() bool {
	for _, i := range a.images {
		if i.ready == nil && len(i.layers) > 0 {
			return true
		}
	}
	return false
}

// whole checks that all images of an index are there.
func (a *artifact) whole() error {
	if a.remade() {
		a.leaveImages()
	}
	for _, i := range a.images {
		if i.raw == nil {
			has := []string{}
			for _, other := range a.images {
				if other.raw != nil && other.runs() {
					has = append(has, texts(other.platform)...)
				}
			}
			if len(has) == 0 {
				return fmt.Errorf("%w: its files are missing", errIncomplete)
			}
			return problem.New(problem.BadInput, "choose the one that is there with --platform "+has[0],
				"%s names images for several platforms, and has that for %s", a.from, strings.Join(has, ", "))
		}
	}
	return nil
}

func blobName(h v1.Hash) string { return "blobs/" + h.Algorithm + "/" + h.Hex }

// blob reads a small blob of a layout and checks it.
func (t *tarball) blob(d v1.Descriptor) ([]byte, error) {
	raw, err := t.text(blobName(d.Digest))
	if err != nil {
		return nil, err
	}
	if sumOf(raw) != d.Digest {
		return nil, fmt.Errorf("%w of %s", errSum, d.Digest)
	}
	return raw, nil
}

// content opens a layer as the source has it.
func (l *layer) content() (io.ReadCloser, error) {
	if l.open != nil {
		return l.open()
	}
	return l.member.open()
}
