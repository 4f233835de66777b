package sensor

import (
	"context"
	"encoding/json"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// A layout may have its layers as plain tarballs. They are sent compressed, so the manifests become others, and
// with them the index. What stands beside the images in it, such as an attestation, speaks of manifests by
// digests that nobody can ask for afterwards: it is left out.

// remade says whether the index is to be made anew.
func (a *artifact) remade() bool { return a.index != nil && a.uncompressed() }

// leaveImages leaves what is run.
func (a *artifact) leaveImages() {
	var images []*image
	var list []v1.Descriptor
	for n, i := range a.images {
		if i.runs() {
			images, list = append(images, i), append(list, a.list.Manifests[n])
		}
	}
	a.images, a.list.Manifests = images, list
}

// newIndex is the index of manifests that were made here. Like them it is marshalled in the order of the
// fields, so the same layout always gets the same digest.
func (a *artifact) newIndex(manifests []*manifest) (*manifest, error) {
	list := *a.list
	list.SchemaVersion, list.MediaType, list.Manifests = 2, types.OCIImageIndex, nil
	for n, m := range manifests {
		d := a.list.Manifests[n]
		d.MediaType, d.Digest, d.Size, d.Data = m.kind, sumOf(m.raw), int64(len(m.raw)), nil
		list.Manifests = append(list.Manifests, d)
	}
	raw, err := json.Marshal(list)
	return &manifest{raw, types.OCIImageIndex}, err
}

// hasRemade says whether what was found is the index as it was made here before: the same platforms in the same
// order, each with the image's config.
func (p *push) hasRemade(ctx context.Context, found *remote.Descriptor) bool {
	if !found.MediaType.IsIndex() {
		return false
	}
	there, err := readIndex(found.Manifest)
	if err != nil || len(there.Manifests) != len(p.source.images) {
		return false
	}
	for n, i := range p.source.images {
		d := there.Manifests[n]
		if d.Platform == nil || !d.Platform.Equals(i.platform) {
			return false
		}
		child, err := p.puller.Get(ctx, p.to.Digest(d.Digest.String()))
		// If it cannot be asked for, it is sent, and then it is seen what is wrong.
		if err != nil || !configIs(child, i) {
			return false
		}
	}
	return true
}

// configIs says whether a manifest that was found has an image's config.
func configIs(found *remote.Descriptor, i *image) bool {
	m := v1.Manifest{}
	return found.MediaType.IsImage() && json.Unmarshal(found.Manifest, &m) == nil && m.Config.Digest == i.configDigest()
}
