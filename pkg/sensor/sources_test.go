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
	"github.com/google/go-containerregistry/pkg/v1/types"

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

// What is called like a file is never looked up as a host, whatever the platform.
func TestWhatIsCalledLikeAFile(t *testing.T) {
	for source, want := range map[string]bool{
		`C:\Users\me\falcon.tar.bz2`:            true,
		`C:\Users\me\falcon`:                    true,
		`c:/Users/me/falcon`:                    true,
		`..\falcon`:                             true,
		`images\falcon`:                         true,
		`\\server\share\falcon`:                 true,
		"/images/falcon":                        true,
		"./falcon":                              true,
		"falcon.tar.bz2":                        true,
		"FALCON.TAR.BZ2":                        true,
		"falcon.tgz":                            true,
		"falcon-sensor":                         false,
		"falcon-sensor:7.40.0":                  false,
		"a/b:1":                                 false,
		"c:5000/falcon-sensor":                  false,
		"registry.example.com/falcon:7.40.0.x":  false,
		"registry.example.com:5000/falcon:7.40": false,
	} {
		if got := calledFile(source); got != want {
			t.Errorf("%s: %v", source, got)
		}
	}
}

func TestPushRefusesAFileThatIsNotThere(t *testing.T) {
	for _, source := range []string{`C:\nowhere\falcon`, "C:/nowhere/falcon", `C:\nowhere\falcon.tar.bz2`} {
		_, err := Push(t.Context(), source, "registry.invalid/falcon-sensor:1", Options{})
		wantProblem(t, err, problem.BadInput, source+" cannot be read")
	}
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

	both, err := Push(t.Context(), source+"@"+want.String(), to.host+"/mirror/both", Options{})
	if err != nil || both.Tag != to.host+"/mirror/both:7.40.0-1" || both.Digest != want.String() {
		t.Errorf("by tag and digest: %+v, %v", both, err)
	}
	_, err = Push(t.Context(), from.host+"/falcon-container/release/falcon-container@"+want.String(), to.host+"/mirror/none", Options{})
	wantProblem(t, err, problem.BadInput, "has no tag to take over")

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
	manifests, err := all.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := all.RawManifest()
	if err != nil {
		t.Fatal(err)
	}
	blobs := map[string][]byte{}
	put := func(raw []byte, err error) {
		if err != nil {
			t.Fatal(err)
		}
		blobs["blobs/sha256/"+sumOf(raw).Hex] = raw
	}
	put(raw, nil)
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
	return layoutOf(t, manifests.MediaType, raw, blobs)
}

// layoutOf is an OCI layout of an index and its blobs.
func layoutOf(t *testing.T, kind types.MediaType, raw []byte, blobs map[string][]byte) []file {
	t.Helper()
	top := v1.IndexManifest{SchemaVersion: 2, Manifests: []v1.Descriptor{{MediaType: kind, Digest: sumOf(raw), Size: int64(len(raw)),
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

// plainLayout is a layout of an index whose layers are plain tarballs, with an attestation beside the images.
func plainLayout(t *testing.T) (content []byte, images []saved) {
	t.Helper()
	blobs := map[string][]byte{}
	put := func(kind types.MediaType, raw []byte) v1.Descriptor {
		blobs["blobs/sha256/"+sumOf(raw).Hex] = raw
		return v1.Descriptor{MediaType: kind, Digest: sumOf(raw), Size: int64(len(raw))}
	}
	top := v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex, Annotations: map[string]string{"kept": "yes"}}
	for _, arch := range []string{"amd64", "arm64", "unknown"} {
		s := sensorImage(t)
		s.arch = arch
		m := v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Config: put(types.OCIConfigJSON, s.config(t))}
		for _, l := range s.layers {
			m.Layers = append(m.Layers, put(types.OCIUncompressedLayer, l))
		}
		if arch == "unknown" {
			m.Layers = []v1.Descriptor{put("application/vnd.in-toto+json", []byte("{}"))}
			m.Config = put("application/vnd.oci.empty.v1+json", []byte("{}"))
		} else {
			images = append(images, s)
		}
		d := put(types.OCIManifestSchema1, marshal(t, m))
		d.Platform = &v1.Platform{OS: "linux", Architecture: arch}
		if arch == "unknown" {
			d.Platform.OS = arch
		}
		top.Manifests = append(top.Manifests, d)
	}
	raw := marshal(t, top)
	put(types.OCIImageIndex, raw)
	return tarOf(t, layoutOf(t, types.OCIImageIndex, raw, blobs)...), images
}

// knownIndex is the digest of the index of plainLayout as it is sent.
const knownIndex = "sha256:60c1e0f708b04adefc49c49f38bb869cce049e996420afe6325b36533b626453"

// An index of images whose layers are compressed here is made anew, and always the same.
func TestPushOfALayoutWithPlainLayers(t *testing.T) {
	r := watchedRegistry(t)
	content, images := plainLayout(t)
	for file, content := range map[string][]byte{"plain.tar": content, "plain.tar.gz": compressed(t, gzipped, content)} {
		path := inFile(t, file, content)
		got, err := Push(t.Context(), path, r.host+"/"+file, Options{})
		if err != nil || got.Digest != knownIndex || !slices.Equal(got.Platforms, []string{"linux/amd64", "linux/arm64"}) {
			t.Fatalf("%s: %+v, %v", file, got, err)
		}
		parsed, err := name.ParseReference(got.Reference)
		if err != nil {
			t.Fatal(err)
		}
		all, err := remote.Index(parsed)
		if err != nil {
			t.Fatal(err)
		}
		list, err := all.IndexManifest()
		if err != nil || len(list.Manifests) != 2 || list.Annotations["kept"] != "yes" {
			t.Fatalf("%s: it is %+v, %v", file, list, err)
		}
		for n, d := range list.Manifests {
			if config, err := pulled(t, parsed.Context().Digest(d.Digest.String()).String()).RawConfigFile(); err != nil || string(config) != string(images[n].config(t)) {
				t.Errorf("%s: image %d is another, %v", file, n, err)
			}
		}
		r.forget()
		again, err := Push(t.Context(), path, r.host+"/"+file, Options{})
		if err != nil || !again.AlreadyThere || again.Digest != got.Digest || r.asked("HEAD ")+r.asked("POST ")+r.asked("PUT ") != 0 {
			t.Errorf("again: %+v, %v, asked %v", again, err, r.seen)
		}
		one, err := Push(t.Context(), path, r.host+"/"+file+":arm", Options{Platform: "linux/arm64"})
		if err != nil || !slices.Equal(one.Platforms, []string{"linux/arm64"}) || one.Sent != 0 {
			t.Errorf("one of them: %+v, %v", one, err)
		}
	}
}
