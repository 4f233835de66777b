//go:build e2e

package e2e

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/kubectl-falcon/kubectl-falcon/test/fakes/falconapi"
)

// registryPort is where this machine reaches the lab's registry, which containerd knows by another address.
func (l *lab) registryPort(t *testing.T) int {
	t.Helper()
	var record struct{ RegistryPort int }
	content, err := os.ReadFile(filepath.Join(filepath.Dir(l.kubeconfig), "lab.json"))
	if err == nil {
		err = json.Unmarshal(content, &record)
	}
	if err != nil || record.RegistryPort == 0 {
		t.Fatalf("the lab's registry is not known: %v", err)
	}
	return record.RegistryPort
}

// TestPushedImageIsPulledByOthers pushes the stand-in's tarball to the lab's registry, from a file and as the
// Falcon API gives it. skopeo reads it, byte by byte, and the lab's containerd runs it as the injector and beside
// a pod.
func TestPushedImageIsPulledByOthers(t *testing.T) {
	l := shared()
	const repository = "pushed/falcon-sensor"
	near := fmt.Sprintf("127.0.0.1:%d/%s", l.registryPort(t), repository)
	file := filepath.Join(root, "bin", "images", "falcon-sensor-standin.tar")
	r := l.falconWith(t, []string{"DOCKER_CONFIG=" + t.TempDir()}, "sensor", "push", file, near+":7", "--any-image")
	wantCode(t, r, 0)
	reference := strings.TrimSpace(r.stdout)
	digest, found := strings.CutPrefix(reference, near+"@")
	if !found {
		t.Fatalf("it printed %q", r.stdout)
	}

	t.Run("by the Falcon API", func(t *testing.T) {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, env := falconAPI(t, func(c *falconapi.Config) {
			c.Tarballs = []falconapi.Tarball{{Name: "falcon-sensor-7.40.0-1.container.x86_64.tar", Version: "7.40.0-1", Content: content}}
		})
		temporary := t.TempDir()
		r := l.falconWith(t, append(env, "DOCKER_CONFIG="+t.TempDir(), "TMPDIR="+temporary), "sensor", "push", "falcon-api:7.40", near+":api", "--any-image")
		wantCode(t, r, 0)
		if strings.TrimSpace(r.stdout) != reference {
			t.Errorf("it printed %s, and the file is %s", r.stdout, reference)
		}
		if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	})
	t.Run("skopeo", func(t *testing.T) { skopeoReads(t, near+":7", digest) })
	t.Run("containerd", func(t *testing.T) {
		image := registry + "/" + repository + "@" + digest
		l.uninstallAtEnd(t)
		l.mustFalcon(t, "install", "--cid", cid, "--image", image)
		ns := l.namespace(t, "pushed")
		l.pod(t, ns, "one")
		// Where another image of the lab has the same content, the name before the digest may be that one's.
		running := l.kubectl(t, "get", "pods", "-n", ns, "-o", `jsonpath={range .items[*].status.containerStatuses[*]}{.ready} {.image} {.imageID}{"\n"}{end}`)
		if !regexp.MustCompile(`(?m)^true \S+ \S+@` + regexp.QuoteMeta(digest) + `$`).MatchString(running) {
			t.Errorf("no container that is ready has the digest %s:\n%s", digest, running)
		}
		asked := l.kubectl(t, "get", "pods", "-n", ns, "-o", "jsonpath={.items[*].spec.containers[*].image}")
		wantContains(t, "the images that the pod asks for", asked, image)
	})
}

// skopeoReads has skopeo look at an image and copy it, and compares what came with what was said.
func skopeoReads(t *testing.T, image, digest string) {
	t.Helper()
	skopeo, err := exec.LookPath("skopeo")
	if err != nil {
		t.Fatalf("%v: hack/packages.sh installs it", err)
	}
	looked := finish(t, exec.Command(skopeo, "inspect", "--tls-verify=false", "docker://"+image))
	wantCode(t, looked, 0)
	if shown := read[struct{ Digest, Os, Architecture string }](t, looked.stdout); shown.Digest != digest || shown.Os != "linux" || shown.Architecture == "" {
		t.Errorf("skopeo inspect says %+v, want %s", shown, digest)
	}
	dir := filepath.Join(t.TempDir(), "copy")
	wantCode(t, finish(t, exec.Command(skopeo, "--insecure-policy", "copy", "--src-tls-verify=false", "docker://"+image, "dir:"+dir)), 0)
	raw, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(raw); "sha256:"+hex.EncodeToString(sum[:]) != digest {
		t.Errorf("the manifest that came is not %s", digest)
	}
	m := read[struct {
		Config struct{ Digest string }
		Layers []struct{ Digest string }
	}](t, string(raw))
	blob := func(digest string) string { return filepath.Join(dir, strings.TrimPrefix(digest, "sha256:")) }
	text, err := os.ReadFile(blob(m.Config.Digest))
	if err != nil {
		t.Fatal(err)
	}
	config := read[struct {
		Rootfs struct {
			Diff []string `json:"diff_ids"`
		}
	}](t, string(text))
	if len(m.Layers) == 0 || len(m.Layers) != len(config.Rootfs.Diff) {
		t.Fatalf("%d layers, and the config names %d", len(m.Layers), len(config.Rootfs.Diff))
	}
	for n, l := range m.Layers {
		if got := unzippedSum(t, blob(l.Digest)); got != config.Rootfs.Diff[n] {
			t.Errorf("layer %d has the content %s, and the config says %s", n, got, config.Rootfs.Diff[n])
		}
	}
}

// unzippedSum is the digest of what is in a compressed layer.
func unzippedSum(t *testing.T, name string) string {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	content, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, content); err != nil {
		t.Fatal(err)
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil))
}
