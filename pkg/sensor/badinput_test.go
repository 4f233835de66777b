package sensor

import (
	"archive/tar"
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// zeros is a reader of so many zeros.
type zeros struct{ left int64 }

// Read gives zeros.
func (z *zeros) Read(p []byte) (int, error) {
	if z.left <= 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), z.left)
	clear(p[:n])
	z.left -= n
	return int(n), nil
}

// bomb is an image whose one layer has so many zeros, compressed as a whole.
func bomb(t *testing.T, size int64) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "bomb.tar.gz")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s := &scratch{t.TempDir()}
	r, w := io.Pipe()
	go func() {
		out := tar.NewWriter(w)
		_ = out.WriteHeader(&tar.Header{Name: "layer.tar", Size: size, Mode: 0o644, Typeflag: tar.TypeReg})
		_, _ = io.Copy(out, &zeros{size})
		_ = out.Close()
		_ = w.Close()
	}()
	packed, _, err := s.pack(r, func(int64) {})
	if err != nil {
		t.Fatal(err)
	}
	content, err := packed.open()
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	if _, err := io.Copy(f, content); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestPushRefusesWhatIsNoSensorImage(t *testing.T) {
	good := sensorImage(t)
	archive := good.archive(t)
	changed := func(do func(*saved)) []byte {
		s := sensorImage(t)
		do(&s)
		return s.archive(t)
	}
	wrongLayer := bytes.Replace(archive, []byte("sensor\n"), []byte("sensoR\n"), 1)
	other := func(tag string) []byte { return changed(func(s *saved) { s.tag = tag }) }
	without := func(part string) []byte {
		var kept []file
		for _, f := range good.files(t) {
			if !strings.Contains(f.name, part) {
				kept = append(kept, f)
			}
		}
		return tarOf(t, kept...)
	}
	two := tarOf(t, file{name: "manifest.json", content: []byte(`[{"Config":"a"},{"Config":"b"}]`)})
	gz := compressed(t, gzipped, archive)
	damaged := bytes.Clone(gz)
	damaged[len(damaged)/2] ^= 0xff
	plainApp := changed(func(s *saved) {
		s.tag = "registry.example.com/shop:1"
		s.layers = [][]byte{tarOf(t, file{name: "bin/shop", content: []byte("shop")})}
	})
	// The presets' largest, doubled: xz writes what it is told into a header of some bytes, and zstd too.
	wide := func(how compression) []byte {
		var b bytes.Buffer
		var w io.WriteCloser
		var err error
		if how == xzipped {
			w, err = xz.WriterConfig{DictCap: 2 * mostDictionary}.NewWriter(&b)
		} else {
			w, err = zstd.NewWriter(&b, zstd.WithWindowSize(2*mostWindow))
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(archive); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	holes, err := os.ReadFile("testdata/holes.tar.gz")
	if err != nil {
		t.Fatal(err)
	}
	bzip, err := os.ReadFile("testdata/image.tar.bz2")
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		content []byte
		says    string
	}{
		"cut by bzip2":          {bzip[:len(bzip)/2], "is cut: it ends before the image does"},
		"damaged in bzip2":      {slices.Concat(bzip[:40_000], []byte("damaged"), bzip[40_007:]), "is damaged"},
		"cut in a layer":        {archive[:len(archive)/3], "is cut: it ends before the image does"},
		"cut when compressed":   {gz[:len(gz)/2], "is cut: it ends before the image does"},
		"cut by zstd":           {compressed(t, zstded, archive)[:20_000], "is cut: it ends before the image does"},
		"cut by xz":             {compressed(t, xzipped, archive)[:20_000], "is cut: it ends before the image does"},
		"a file of holes":       {holes, "is refused: it unpacks to more than an image can have"},
		"a size that is said":   {compressed(t, gzipped, tarOf(t, file{name: "layer.tar", content: text(20_000, 9), size: 4 << 30})), "is refused: it unpacks to more than an image can have"},
		"too much xz":           {wide(xzipped), "would need too much memory: its compression asks for a dictionary of 128 MiB, and 64 MiB is the most"},
		"too much zstd":         {wide(zstded), "would need too much memory: window size exceeded"},
		"damaged":               {damaged, "is damaged"},
		"a line of text":        {[]byte("hello\n"), "is no tarball of an image: it has only 6 bytes"},
		"empty":                 {nil, "it is no image: it has neither manifest.json nor index.json"},
		"a text":                {[]byte(strings.Repeat("no tarball\n", 100)), "is damaged, or no tarball of an image"},
		"another tarball":       {tarOf(t, file{name: "readme", content: []byte("read me")}), "it is no image"},
		"no JSON":               {tarOf(t, file{name: "manifest.json", content: []byte("no JSON")}), "it is no image: manifest.json"},
		"two images":            {two, "holds 2 images, and one can be pushed"},
		"a missing layer":       {without("0001/layer.tar"), "the image is not whole: it has no"},
		"a missing config":      {without(".json"), "it is no image"},
		"another layer":         {wrongLayer, "is damaged: wrong checksum of a layer"},
		"another layer, packed": {compressed(t, gzipped, wrongLayer), "is damaged: wrong checksum of a layer"},
		"a changed config":      {changed(func(s *saved) { s.configName = strings.Repeat("0", 64) + ".json" }), "wrong checksum of the config"},
		"a config of others":    {changed(func(s *saved) { s.change = func(c *v1.ConfigFile) { c.RootFS.DiffIDs = c.RootFS.DiffIDs[:1] } }), "3 layers, and its config names 1"},
		"the node's sensor":     {other("registry.crowdstrike.com/falcon-sensor/us-1/release/falcon-sensor:7.40.0-1"), "it is a node sensor"},
		"the KAC":               {other("falcon-kac:7.40.0"), "it is a kubernetes admission controller"},
		"an application":        {plainApp, "is not the Falcon Container sensor: it has no program injector"},
	} {
		t.Run(name, func(t *testing.T) {
			r := watchedRegistry(t)
			scratch := t.TempDir()
			_, err := Push(t.Context(), inFile(t, "image.tar", test.content), r.host+"/falcon:7", Options{Scratch: scratch})
			wantProblem(t, err, problem.BadInput, test.says)
			if n := r.asked("PUT /v2/falcon/manifests/"); n != 0 {
				t.Error("a manifest was written")
			}
			if left, err := os.ReadDir(scratch); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
	r := watchedRegistry(t)
	for path, says := range map[string]string{t.TempDir(): "is a folder, not a tarball", "/nowhere/image.tar": "cannot be read: no such file",
		"image.tar.bz2": "cannot be read: no such file", "Not An Image": "is neither a file nor an image's name"} {
		_, err := Push(t.Context(), path, r.host+"/falcon:7", Options{})
		wantProblem(t, err, problem.BadInput, says)
	}
	path := inFile(t, "image.tar", archive)
	for dest, says := range map[string]string{r.host + "/falcon@sha256:" + strings.Repeat("0", 64): "names a digest",
		r.host + "/Falcon:7": "is no place for an image", "": "is no place for an image"} {
		_, err := Push(t.Context(), path, dest, Options{})
		wantProblem(t, err, problem.BadInput, says)
	}
	_, err = Push(t.Context(), path, r.host+"/falcon:7", Options{Platform: "linux/arm64"})
	wantProblem(t, err, problem.BadInput, "has no image for linux/arm64; it has: linux/amd64")
	_, err = Push(t.Context(), path, r.host+"/falcon:7", Options{Platform: "arm64"})
	wantProblem(t, err, problem.BadInput, "is no platform")
	if len(r.seen) != 0 {
		t.Errorf("the registry was asked %v", r.seen)
	}
}

// What unpacks without end is given up long before it fills a disk.
func TestPushRefusesABomb(t *testing.T) {
	r := watchedRegistry(t)
	_, err := Push(t.Context(), bomb(t, 16<<20), r.host+"/falcon:7", Options{most: 8 << 20})
	wantProblem(t, err, problem.BadInput, "unpacks to more than an image can have")
	if len(r.seen) != 0 {
		t.Errorf("the registry was asked %v", r.seen)
	}
}

func TestAllowance(t *testing.T) {
	for size, want := range map[int64]int64{0: bombSize, 1 << 20: bombSize, 10 << 20: 2000 << 20, 300 << 20: mostUnpacked, 1 << 40: mostUnpacked} {
		if got := allowed(size).left; got != want {
			t.Errorf("%d: %d, want %d", size, got, want)
		}
	}
}

func TestPushOfAnyImageIfTold(t *testing.T) {
	r := watchedRegistry(t)
	s := sensorImage(t)
	s.tag = "falcon-kac:7.40.0"
	got, err := Push(t.Context(), inFile(t, "image.tar", s.archive(t)), r.host+"/falcon:7", Options{AnyImage: true})
	if err != nil || got.Kind != KAC {
		t.Errorf("got %+v, %v", got, err)
	}
}

// The name that everybody gives a copy tells nothing, so the content does.
func TestSensorIsKnownByItsInjector(t *testing.T) {
	r := watchedRegistry(t)
	s := sensorImage(t)
	s.tag = "registry.example.com/falcon-sensor:latest"
	archive := s.archive(t)
	for name, content := range map[string][]byte{"image.tar": archive, "image.tar.gz": compressed(t, gzipped, archive)} {
		got, err := Push(t.Context(), inFile(t, name, content), r.host+"/falcon-sensor:latest", Options{})
		if err != nil || got.Kind != ContainerSensor {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	got, err := Push(t.Context(), r.host+"/falcon-sensor:latest", r.host+"/copy/falcon-sensor:latest", Options{})
	if err != nil || got.Kind != ContainerSensor {
		t.Errorf("from a registry: %+v, %v", got, err)
	}
}

// Registries with tags that cannot be moved, and those that let nobody in.
func TestPushThatTheRegistryRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		path   string
		status int
		body   string
		kind   problem.Kind
		says   string
	}{
		// The answers are ECR's (aws/containers-roadmap, and its documentation of the registry API).
		"an immutable tag": {"PUT /v2/falcon/manifests/7", 400, `{"errors":[{"code":"TAG_INVALID","message":"The image tag '7' already exists in the 'falcon' repository and cannot be overwritten because the tag is immutable."}]}`,
			problem.BadInput, "the registry lets no tag be changed"},
		"no repository": {"POST /v2/falcon/blobs/uploads/", 404, `{"errors":[{"code":"NAME_UNKNOWN","message":"The repository with name 'falcon' does not exist in the registry with id '123456789012'"}]}`,
			problem.BadInput, "the registry has no repository falcon"},
		"an old token": {"", 403, `{"errors":[{"code":"DENIED","message":"Your authorization token has expired. Reauthenticate and try again."}]}`,
			problem.NoAccess, "Your authorization token has expired"},
		"no rights": {"POST /v2/falcon/blobs/uploads/", 403, `{"errors":[{"code":"DENIED","message":"User: arn:aws:sts::1:x is not authorized to perform: ecr:InitiateLayerUpload"}]}`,
			problem.NoAccess, "is not authorized to perform"},
	} {
		t.Run(name, func(t *testing.T) {
			wrote := 0
			host := registryWith(t, func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if test.path == "" || r.Method+" "+r.URL.Path == test.path {
						w.Header().Set("Content-Type", "application/json")
						w.WriteHeader(test.status)
						_, _ = io.WriteString(w, test.body)
						return
					}
					if r.Method == http.MethodPut && strings.Contains(r.URL.Path, "/manifests/") {
						wrote++
					}
					next.ServeHTTP(w, r)
				})
			})
			_, err := Push(t.Context(), inFile(t, "image.tar", sensorImage(t).archive(t)), host+"/falcon:7", Options{})
			wantProblem(t, err, test.kind, test.says)
			if wrote != 0 {
				t.Error("a manifest was written")
			}
		})
	}
	_, err := Push(t.Context(), inFile(t, "image.tar", sensorImage(t).archive(t)), "127.0.0.1:1/falcon:7", Options{})
	wantProblem(t, err, problem.NoAccess, "connection refused")
}
