package sensor

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// artifact is what a source holds: one image, or an index of several.
type artifact struct {
	// from is the source in words, names what it calls the image.
	from  string
	names []string
	// index is nil for one image, and list what it says.
	index  *manifest
	list   *v1.IndexManifest
	images []*image
	// tarball is where they are, unless it is a registry.
	tarball *tarball
}

func (a *artifact) close() error {
	if a.tarball == nil {
		return nil
	}
	return a.tarball.close()
}

// manifest is a manifest or an index as a registry keeps it.
type manifest struct {
	raw  []byte
	kind types.MediaType
}

// RawManifest implements remote.Taggable.
func (m *manifest) RawManifest() ([]byte, error) { return m.raw, nil }

// MediaType tells the registry which kind of manifest it is.
func (m *manifest) MediaType() (types.MediaType, error) { return m.kind, nil }

// image is one image: what is run, or an attestation about one.
type image struct {
	// ready is the manifest as the source has it; nil if layers are compressed first.
	ready  *manifest
	raw    []byte
	config *v1.ConfigFile
	// configKind is the config's media type.
	configKind types.MediaType
	layers     []*layer
	// platform is what the index, or the config without one, calls it.
	platform v1.Platform
	// child says that it is listed in an index.
	child bool
}

// layer is a blob of an image in its source.
type layer struct {
	kind types.MediaType
	// digest and size are what the manifest says; without one the layer is compressed first.
	digest v1.Hash
	size   int64
	// diffID is what the config says of the unpacked content.
	diffID v1.Hash
	open   func() (io.ReadCloser, error)
	// member is where it is in a tarball, bound what may be unpacked from it.
	member *member
	bound  *allowance
	// trusted says that the source checks the digest by itself, as the registry's client does.
	trusted bool
}

// configDigest is the digest of an image's config, which stands for the image: it names the layers' content.
func (i *image) configDigest() v1.Hash { return sumOf(i.raw) }

// runs says whether an image is for a platform, and not something that is kept beside one.
func (i *image) runs() bool { return i.platform.OS != "" && i.platform.OS != "unknown" }

// platforms are those of the images, sorted.
func (a *artifact) platforms() (all []string) {
	for _, i := range a.images {
		if i.runs() {
			all = append(all, texts(i.platform)...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// choose leaves the one image that is for a platform, such as linux/arm64; any variant fits that.
func (a *artifact) choose(platform string) error {
	if platform == "" {
		return nil
	}
	wanted, err := v1.ParsePlatform(platform)
	if err != nil || wanted.OS == "" || wanted.Architecture == "" {
		return problem.New(problem.BadInput, "write it as linux/amd64 or linux/arm64", "--platform: %q is no platform", platform)
	}
	for _, i := range a.images {
		p := i.platform
		if i.runs() && p.OS == wanted.OS && p.Architecture == wanted.Architecture && (wanted.Variant == "" || wanted.Variant == p.Variant) {
			a.images, a.index = []*image{i}, nil
			i.child = false
			return nil
		}
	}
	has := strings.Join(a.platforms(), ", ")
	if has == "" {
		has = "none that it names"
	}
	return problem.New(problem.BadInput, "choose one of those, or leave --platform out", "%s has no image for %s; it has: %s", a.from, platform, has)
}

// readConfig understands an image's config and checks that it is one.
func readConfig(raw []byte, layers int) (*v1.ConfigFile, error) {
	config := &v1.ConfigFile{}
	if err := json.Unmarshal(raw, config); err != nil {
		return nil, fmt.Errorf("%w: its config: %w", errNoImage, err)
	}
	if len(config.RootFS.DiffIDs) != layers {
		return nil, fmt.Errorf("%w: %d layers, and its config names %d", errIncomplete, layers, len(config.RootFS.DiffIDs))
	}
	return config, nil
}

// setConfig gives an image its config, and the layers the checksums in it.
func (i *image) setConfig(raw []byte) (err error) {
	if i.config, err = readConfig(raw, len(i.layers)); err != nil {
		return err
	}
	i.raw = raw
	for n, l := range i.layers {
		l.diffID = i.config.RootFS.DiffIDs[n]
	}
	if i.platform.OS == "" {
		i.platform = v1.Platform{OS: i.config.OS, Architecture: i.config.Architecture, Variant: i.config.Variant}
	}
	return nil
}

// made is the manifest of an image whose layers have been compressed here. It is marshalled in the order of
// the fields, so the same image always gets the same digest.
func (i *image) made(blobs []*stored) (*manifest, error) {
	kind := types.DockerManifestSchema2
	if i.configKind == types.OCIConfigJSON {
		kind = types.OCIManifestSchema1
	}
	m := v1.Manifest{SchemaVersion: 2, MediaType: kind,
		Config: v1.Descriptor{MediaType: i.configKind, Size: int64(len(i.raw)), Digest: i.configDigest()}}
	for n, b := range blobs {
		m.Layers = append(m.Layers, v1.Descriptor{MediaType: i.layers[n].kind, Size: b.size, Digest: b.digest})
	}
	raw, err := json.Marshal(m)
	return &manifest{raw, kind}, err
}
