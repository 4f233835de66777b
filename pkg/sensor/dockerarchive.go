package sensor

import (
	"encoding/json"
	"fmt"
	"path"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// What docker save writes (moby, image/spec/v1.2.md); newer versions put an OCI layout beside it.
const dockerList = "manifest.json"

type dockerImage struct {
	Config   string
	RepoTags []string
	Layers   []string
}

// artifactOf finds the image in a tarball, in either form.
func (t *tarball) artifactOf() (*artifact, error) {
	_, docker := t.files[dockerList]
	_, oci := t.files[ociIndex]
	var a *artifact
	var err error
	switch {
	case oci:
		a, err = t.ociLayout()
		if docker && err == nil && a.uncompressed() {
			// Its manifests are of layers that nobody would send so.
			a, err = t.dockerArchive()
		}
	case docker:
		a, err = t.dockerArchive()
	default:
		return nil, fmt.Errorf("%w: it has neither %s nor %s", errNoImage, dockerList, ociIndex)
	}
	if err != nil {
		return nil, err
	}
	a.from, a.tarball = t.name, t
	if docker && len(a.names) == 0 {
		if list, err := t.dockerList(); err == nil && len(list) == 1 {
			a.names = list[0].RepoTags
		}
	}
	return a, nil
}

func (t *tarball) dockerList() (list []dockerImage, err error) {
	raw, err := t.text(dockerList)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", errNoImage, dockerList, err)
	}
	return list, nil
}

func (t *tarball) dockerArchive() (*artifact, error) {
	list, err := t.dockerList()
	if err != nil {
		return nil, err
	}
	if len(list) != 1 {
		return nil, severalImages(t.name, len(list))
	}
	raw, err := t.text(list[0].Config)
	if err != nil {
		return nil, err
	}
	if want, ok := namedSum(list[0].Config); ok && want != sumOf(raw) {
		return nil, fmt.Errorf("%w of the config %s", errSum, list[0].Config)
	}
	i := &image{configKind: types.DockerConfigJSON}
	for _, name := range list[0].Layers {
		m, err := t.find(name)
		if err != nil {
			return nil, err
		}
		i.layers = append(i.layers, &layer{kind: types.DockerLayer, size: m.size, member: m, bound: t.left})
	}
	if err := i.setConfig(raw); err != nil {
		return nil, err
	}
	return &artifact{names: list[0].RepoTags, images: []*image{i}}, nil
}

func severalImages(name string, n int) error {
	return problem.New(problem.BadInput, "save the one image alone: docker save IMAGE", "%s holds %d images, and one can be pushed", name, n)
}

// namedSum is the checksum in the name of a config: HEX.json, sha256:HEX or blobs/sha256/HEX.
func namedSum(name string) (v1.Hash, bool) {
	text := strings.TrimPrefix(strings.TrimSuffix(path.Base(name), ".json"), "sha256:")
	h, err := v1.NewHash("sha256:" + text)
	return h, err == nil
}
