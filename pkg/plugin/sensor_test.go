package plugin

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	// The tests of this package have a function empty.
	none "github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/sensor"
	"github.com/kubectl-falcon/kubectl-falcon/test/fakes/falconapi"
	"github.com/kubectl-falcon/kubectl-falcon/test/fakes/vendorregistry"
)

const registryPassword = "sesame-0f-the-registry"

// standInVendor serves the stand-ins of the API and of the vendor's registry, with credentials for both in the
// environment, and returns the registry's host.
func standInVendor(t *testing.T, tarballs ...falconapi.Tarball) (host string) {
	t.Helper()
	r := vendorregistry.New(cid, registryPassword)
	door, inside := httptest.NewServer(r), httptest.NewServer(r.Inside())
	t.Cleanup(door.Close)
	t.Cleanup(inside.Close)
	both := v1.ImageIndex(none.Index)
	for _, arch := range []string{"amd64", "arm64"} {
		p := v1.Platform{OS: "linux", Architecture: arch}
		both = mutate.AppendManifests(both, mutate.IndexAddendum{Add: someImage(t, p), Descriptor: v1.Descriptor{Platform: &p}})
	}
	within := strings.TrimPrefix(inside.URL, "http://") + "/"
	for _, tag := range []string{"7.9.0-1", "7.40.0-8000"} {
		put(t, within+vendorregistry.Unified+":"+tag, both)
	}
	put(t, within+"falcon-container/us-1/release/falcon-sensor:7.10.0-2.container.x86_64.Release.US-1", someImage(t, v1.Platform{OS: "linux", Architecture: "amd64"}))
	standInAPI(t, func(c *falconapi.Config) { c.RegistryToken, c.Tarballs = registryPassword, tarballs })
	host = strings.TrimPrefix(door.URL, "http://")
	t.Setenv(varRegistry, host)
	t.Setenv(varClientID, "client")
	t.Setenv(varClientSecret, apiPassword)
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	return host
}

func put(t *testing.T, ref string, image remote.Taggable) {
	t.Helper()
	tag, err := name.NewTag(ref)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Push(tag, image); err != nil {
		t.Fatal(err)
	}
}

func someImage(t *testing.T, p v1.Platform) v1.Image {
	t.Helper()
	image, err := random.Image(1000, 2)
	if err != nil {
		t.Fatal(err)
	}
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config.OS, config.Architecture = p.OS, p.Architecture
	if image, err = mutate.ConfigFile(image, config); err != nil {
		t.Fatal(err)
	}
	return image
}

// ownRegistry is a registry that anybody may push to.
func ownRegistry(t *testing.T) (host string) {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// hides fails the test if a secret is shown.
func (o outcome) hides(t *testing.T) {
	t.Helper()
	for _, secret := range []string{apiPassword, registryPassword} {
		if strings.Contains(o.out+o.err, secret) {
			t.Errorf("it shows a secret:\n%s%s", o.out, o.err)
		}
	}
}

func TestSensorTags(t *testing.T) {
	host := standInVendor(t)
	o := falcon(t, "sensor", "tags")
	o.must(t, 0)
	o.hides(t)
	var versions []string
	for line := range strings.Lines(o.out) {
		versions = append(versions, strings.Join(strings.Fields(line)[:3], " "))
	}
	want := "VERSION REPOSITORY PLATFORMS|7.9.0-1 unified linux/amd64,linux/arm64|7.10.0-2 regional linux/amd64|7.40.0-8000 unified linux/amd64,linux/arm64"
	if got := strings.Join(versions, "|"); got != want {
		t.Errorf("got %s", got)
	}
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"--latest"}, "7.40.0-8000"}, {[]string{"--latest", "--version", "7.10"}, "7.10.0-2"}, {[]string{"--version", "7.10"}, "7.10.0-2"},
	} {
		o := falcon(t, append([]string{"sensor", "tags", "-o", "json"}, test.args...)...)
		o.must(t, 0)
		var got struct{ Images []sensor.Image }
		if err := json.Unmarshal([]byte(o.out), &got); err != nil || len(got.Images) != 1 || got.Images[0].Version != test.want || got.Images[0].Digest == "" {
			t.Errorf("%v: got %+v, %v", test.args, got, err)
		}
	}
	falcon(t, "sensor", "tags", "--version", "8").must(t, ExitUsage, "has no version 8")
	falcon(t, "sensor", "image", "--version", "7.10", "--platform", "linux/arm64").must(t, ExitUsage, "has no version 7.10 for linux/arm64")
	one := falcon(t, "sensor", "image")
	one.must(t, 0)
	if !strings.HasPrefix(one.out, host+"/"+vendorregistry.Unified+":7.40.0-8000@sha256:") || strings.Count(one.out, "\n") != 1 {
		t.Errorf("got %q", one.out)
	}
	if o := falcon(t, "sensor", "cid"); o.code != 0 || strings.TrimSpace(o.out) != cid {
		t.Errorf("got %+v", o)
	}
	t.Setenv(varClientSecret, "")
	falcon(t, "sensor", "tags").must(t, ExitUsage, "the credentials of the Falcon API are missing")
}

func TestSensorPush(t *testing.T) {
	standInVendor(t)
	own := ownRegistry(t)
	from := strings.TrimSpace(falcon(t, "sensor", "image").out)
	o := falcon(t, "sensor", "push", from, own+"/falcon:7.40")
	o.must(t, 0, "pushed "+own+"/falcon:7.40 (linux/amd64, linux/arm64)", "layer 1 of 4 sent")
	o.hides(t)
	_, digest, _ := strings.Cut(from, "@")
	if o.out != own+"/falcon@"+digest+"\n" {
		t.Errorf("got %q", o.out)
	}
	again := falcon(t, "sensor", "push", from, own+"/falcon:7.40", "-o", "json")
	again.must(t, 0, "has this image already")
	var result sensor.Result
	if err := json.Unmarshal([]byte(again.out), &result); err != nil || !result.AlreadyThere || result.Digest != digest {
		t.Errorf("got %s, %v", again.out, err)
	}
	falcon(t, "sensor", "push", from, own+"/falcon:arm", "--platform", "linux/arm64").must(t, 0, "(linux/arm64)")
	falcon(t, "sensor", "push", from).must(t, ExitUsage, "DEST is missing")
	falcon(t, "sensor", "push", "/nowhere.tar", own+"/falcon:1").must(t, ExitUsage, "cannot be read", "next: ")
	falcon(t, "sensor", "push", t.TempDir(), own+"/falcon:1").must(t, ExitUsage, "is a folder")

	other := filepath.Join(t.TempDir(), "shop.tar")
	tag, err := name.NewTag("shop:1")
	if err != nil {
		t.Fatal(err)
	}
	if err := tarball.WriteToFile(other, tag, someImage(t, v1.Platform{OS: "linux", Architecture: "amd64"})); err != nil {
		t.Fatal(err)
	}
	falcon(t, "sensor", "push", other, own+"/shop:1").must(t, ExitUsage, "is not the Falcon Container sensor", "--any-image")
	falcon(t, "sensor", "push", other, own+"/shop:1", "--any-image").must(t, 0, "pushed "+own+"/shop:1 (linux/amd64)")

	// Without an API client it is docker's login that counts, and there is none.
	t.Setenv(varClientID, "")
	t.Setenv(varClientSecret, "")
	falcon(t, "sensor", "push", from, own+"/falcon:none").must(t, ExitNoAccess, "docker login")
}

func TestSensorDownload(t *testing.T) {
	var content bytes.Buffer
	if err := tar.NewWriter(&content).Close(); err != nil {
		t.Fatal(err)
	}
	standInVendor(t, falconapi.Tarball{Name: "../../falcon-sensor-7.40.0-1.container.x86_64.tar.bz2", Version: "7.40.0-1", Content: content.Bytes(), Released: time.Now()})
	dir := t.TempDir()
	want := filepath.Join(dir, "falcon-sensor-7.40.0-1.container.x86_64.tar.bz2")
	o := falcon(t, "sensor", "download", "--to", dir)
	o.must(t, 0, "downloaded: version 7.40.0-1")
	o.hides(t)
	if o.out != want+"\n" {
		t.Errorf("got %q", o.out)
	}
	if got, err := os.ReadFile(want); err != nil || !bytes.Equal(got, content.Bytes()) {
		t.Errorf("the file has %d bytes (%v)", len(got), err)
	}
	falcon(t, "sensor", "download", "--to", dir).must(t, 0, "is there already")
	falcon(t, "sensor", "download", "--to", dir, "--version", "6").must(t, ExitUsage, "has no tarball of version 6", "sensor tags")
}

// What the Falcon API gives is pushed on its way, and no file of it stays anywhere.
func TestSensorPushOfATarballOfTheFalconAPI(t *testing.T) {
	bzip, err := os.ReadFile("../sensor/testdata/image.tar.bz2")
	if err != nil {
		t.Fatal(err)
	}
	standInVendor(t, falconapi.Tarball{Name: "falcon-sensor-7.40.0-1.container.x86_64.tar.bz2", Version: "7.40.0-1", Content: bzip})
	own := ownRegistry(t)
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	for _, source := range []string{"falcon-api:7.40", "falcon-api"} {
		o := falcon(t, "sensor", "push", source, own+"/falcon")
		o.must(t, 0, "falcon-sensor-7.40.0-1.container.x86_64.tar.bz2 downloaded, ", own+"/falcon:7.40.0-1.container.x86_64.Release.US-1")
		o.hides(t)
		if !strings.HasPrefix(o.out, own+"/falcon@sha256:") {
			t.Errorf("got %q", o.out)
		}
	}
	falcon(t, "sensor", "push", "falcon-api:8", own+"/falcon").must(t, ExitUsage, "has no tarball of version 8", "sensor tags")
	if left, err := filepath.Glob(filepath.Join(temporary, "kubectl-falcon*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	t.Setenv(varClientSecret, "")
	falcon(t, "sensor", "push", "falcon-api", own+"/falcon").must(t, ExitUsage, "the credentials of the Falcon API are missing")
}

func TestSensorPullSecret(t *testing.T) {
	host := standInVendor(t)
	o := falcon(t, "sensor", "pull-secret", "--namespaces", "team-a,team-b", "-o", "json")
	o.must(t, 0)
	var list struct {
		Items []struct {
			Type     string
			Metadata struct{ Name, Namespace string }
			Data     map[string][]byte
		}
	}
	if err := json.Unmarshal([]byte(o.out), &list); err != nil || len(list.Items) != 2 {
		t.Fatalf("got %s, %v", o.out, err)
	}
	for n, namespace := range []string{"team-a", "team-b"} {
		one := list.Items[n]
		if one.Metadata.Namespace != namespace || one.Metadata.Name != "crowdstrike-falcon-pull-secret" || one.Type != "kubernetes.io/dockerconfigjson" {
			t.Errorf("got %+v", one)
		}
		var config struct {
			Auths map[string]struct{ Auth []byte }
		}
		user := "fc-" + strings.Split(cid, "-")[0] + ":" + registryPassword
		if err := json.Unmarshal(one.Data[".dockerconfigjson"], &config); err != nil || string(config.Auths[host].Auth) != user {
			t.Errorf("it has %s, %v", one.Data[".dockerconfigjson"], err)
		}
	}
	yaml := falcon(t, "sensor", "pull-secret", "-n", "team-c")
	yaml.must(t, 0)
	if !strings.Contains(yaml.out, "kind: Secret") || !strings.Contains(yaml.out, "namespace: team-c") {
		t.Errorf("got %s", yaml.out)
	}
	created := falcon(t, "sensor", "pull-secret", "--create")
	created.must(t, ExitNoAccess)
	created.hides(t)
}

// The cluster gets the secret and nobody sees the password; one that others made stays.
func TestSensorPullSecretIsCreated(t *testing.T) {
	for name, test := range map[string]struct {
		there any
		code  int
		says  string
		out   string
	}{
		"anew":          {nil, 0, "", "secret/crowdstrike-falcon-pull-secret created in namespace team-a\n"},
		"another's":     {map[string]any{"metadata": map[string]any{"name": "x"}}, ExitUsage, "was not made by kubectl falcon", ""},
		"no namespaces": {"none", ExitUsage, "there is no namespace team-a", ""},
	} {
		t.Run(name, func(t *testing.T) {
			standInVendor(t)
			patched := ""
			host := server(t, func(w http.ResponseWriter, r *http.Request) {
				content, _ := io.ReadAll(r.Body)
				object, is := test.there.(map[string]any)
				switch {
				case r.Method == http.MethodPatch && test.there == nil:
					patched = string(content)
					var o map[string]any
					_ = json.Unmarshal(content, &o)
					reply(w, http.StatusCreated, o)
				case is && r.Method == http.MethodGet:
					object["apiVersion"], object["kind"] = "v1", "Secret"
					reply(w, http.StatusOK, object)
				default:
					reply(w, http.StatusNotFound, metav1.Status{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"},
						Status: metav1.StatusFailure, Code: http.StatusNotFound, Reason: metav1.StatusReasonNotFound, Message: "not found"})
				}
			})
			o := falcon(t, "sensor", "pull-secret", "--create", "-n", "team-a", "--server", host)
			o.must(t, test.code, test.says)
			o.hides(t)
			if o.out != test.out || (patched != "") != (test.there == nil) {
				t.Errorf("got %q, sent %q", o.out, patched)
			}
		})
	}
}

func TestProgressOf(t *testing.T) {
	for _, test := range []struct {
		done, total, since int64
		elapsed            time.Duration
		want               string
	}{
		{0, 0, 0, 0, "0 B"}, {1536, 0, 1536, 0, "1.5 KiB"}, {30 << 20, 90 << 20, 30 << 20, 3 * time.Second, "30.0 MiB of 90.0 MiB, 10.0 MiB/s, 6s left"},
		{30 << 20, 90 << 20, 0, time.Minute, "30.0 MiB of 90.0 MiB"}, {3 << 30, 3 << 30, 3 << 30, 3 * time.Second, "3.0 GiB of 3.0 GiB, 1.0 GiB/s"},
	} {
		if got := progressOf(test.done, test.total, test.since, test.elapsed); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}
