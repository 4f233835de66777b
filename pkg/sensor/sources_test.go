package sensor

import (
	"io"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// wholeImage is an image for a platform whose config is true.
func wholeImage(t *testing.T, p v1.Platform) v1.Image {
	t.Helper()
	image, err := random.Image(64, 2)
	if err != nil {
		t.Fatal(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config.OS, config.Architecture, config.Variant = p.OS, p.Architecture, p.Variant
	if image, err = mutate.ConfigFile(image, config); err != nil {
		t.Fatal(err)
	}
	return image
}

// index puts an index of images for two platforms, and an attestation, in a registry.
func index(t *testing.T, ref string) v1.ImageIndex {
	t.Helper()
	all := v1.ImageIndex(empty.Index)
	for _, p := range []v1.Platform{{OS: "linux", Architecture: "amd64"}, {OS: "linux", Architecture: "arm64"}, {OS: "unknown", Architecture: "unknown"}} {
		all = mutate.AppendManifests(all, mutate.IndexAddendum{Add: wholeImage(t, p), Descriptor: v1.Descriptor{Platform: &p}})
	}
	parsed, err := name.ParseReference(ref)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.WriteIndex(parsed, all); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestPushFromARegistry(t *testing.T) {
	from, to := watchedRegistry(t), watchedRegistry(t)
	source := from.host + "/falcon-container/release/falcon-container:7.40.0-1"
	all := index(t, source)
	want, err := all.Digest()
	if err != nil {
		t.Fatal(err)
	}
	got, err := Push(t.Context(), source, to.host+"/mirror/falcon", Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got.Digest != want.String() || got.Tag != to.host+"/mirror/falcon:7.40.0-1" || !slices.Equal(got.Platforms, []string{"linux/amd64", "linux/arm64"}) {
		t.Errorf("got %+v, want %s", got, want)
	}
	pulled(t, got.Tag)
	to.forget()
	if again, err := Push(t.Context(), source, to.host+"/mirror/falcon", Options{}); err != nil || !again.AlreadyThere || to.asked("HEAD ")+to.asked("PUT ") != 0 {
		t.Errorf("again: %+v, %v", again, err)
	}

	one, err := Push(t.Context(), source, to.host+"/mirror/falcon:arm", Options{Platform: "linux/arm64"})
	if err != nil || !slices.Equal(one.Platforms, []string{"linux/arm64"}) {
		t.Fatalf("got %+v, %v", one, err)
	}
	if config, err := pulled(t, one.Tag).ConfigFile(); err != nil || config.Architecture != "arm64" {
		t.Errorf("got %+v, %v", config, err)
	}
	_, err = Push(t.Context(), source, to.host+"/mirror/falcon:s390x", Options{Platform: "linux/s390x"})
	wantProblem(t, err, problem.BadInput, "has no image for linux/s390x; it has: linux/amd64, linux/arm64")
	_, err = Push(t.Context(), from.host+"/falcon-container:none", to.host+"/x:1", Options{})
	wantProblem(t, err, problem.BadInput, "the registry has no")
}

// layout is an OCI layout of an index in a registry.
func layout(t *testing.T, all v1.ImageIndex, without string) []file {
	t.Helper()
	blobs := map[string][]byte{}
	put := func(raw []byte, err error) {
		if err != nil {
			t.Fatal(err)
		}
		blobs["blobs/sha256/"+sumOf(raw).Hex] = raw
	}
	raw, err := all.RawManifest()
	put(raw, err)
	manifests, err := all.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range manifests.Manifests {
		if d.Platform.Architecture == without {
			continue
		}
		image, err := all.Image(d.Digest)
		if err != nil {
			t.Fatal(err)
		}
		put(image.RawManifest())
		put(image.RawConfigFile())
		layers, err := image.Layers()
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range layers {
			r, err := l.Compressed()
			if err != nil {
				t.Fatal(err)
			}
			put(io.ReadAll(r))
		}
	}
	top := v1.IndexManifest{SchemaVersion: 2, Manifests: []v1.Descriptor{{MediaType: manifests.MediaType, Digest: sumOf(raw), Size: int64(len(raw)),
		Annotations: map[string]string{containerdName: "registry.example.com/falcon-container:7"}}}}
	files := []file{{name: "oci-layout", content: []byte(`{"imageLayoutVersion":"1.0.0"}`)}, {name: ociIndex, content: marshal(t, top)}}
	for _, name := range slices.Sorted(maps.Keys(blobs)) {
		files = append(files, file{name: name, content: blobs[name]})
	}
	return files
}

func TestPushOfALayout(t *testing.T) {
	r := watchedRegistry(t)
	all := index(t, r.host+"/there:1")
	want, err := all.Digest()
	if err != nil {
		t.Fatal(err)
	}
	whole, partly := tarOf(t, layout(t, all, "")...), tarOf(t, layout(t, all, "arm64")...)
	for file, content := range map[string][]byte{"layout.tar": whole, "layout.tar.gz": compressed(t, gzipped, whole)} {
		got, err := Push(t.Context(), inFile(t, file, content), r.host+"/"+file, Options{})
		if err != nil || got.Digest != want.String() || got.Tag != r.host+"/"+file+":7" {
			t.Errorf("%s: %+v, %v", file, got, err)
		}
	}
	_, err = Push(t.Context(), inFile(t, "layout.tar", partly), r.host+"/partly", Options{})
	wantProblem(t, err, problem.BadInput, "names images for several platforms, and has that for linux/amd64")
	got, err := Push(t.Context(), inFile(t, "layout.tar", partly), r.host+"/partly", Options{Platform: "linux/amd64"})
	if err != nil || !slices.Equal(got.Platforms, []string{"linux/amd64"}) {
		t.Errorf("got %+v, %v", got, err)
	}
}
