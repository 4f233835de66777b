//go:build bench

package bench

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// What pushing an image of 300 MB may take, against others in the same run.
const (
	pushLayers    = 3
	pushLayerSize = 100_000_000
	pushRuns      = 3
	mostOfCrane   = 0.4
	mostOfSkopeo  = 0.8
	mostOfBzip    = 0.5
	// mostAgain is a second push of the same image, mostPushMemory the highest memory of any.
	mostAgain      = 200 * time.Millisecond
	mostPushMemory = 64 << 20
)

// prose fills a layer with what programs and texts are like to a compressor: words of which some come again,
// and between them what cannot be made smaller.
func prose(w io.Writer, size int64, seed uint64) error {
	r := rand.New(rand.NewPCG(seed, 1))
	words := make([][]byte, 4096)
	for n := range words {
		words[n] = make([]byte, 3+r.IntN(10))
		for m := range words[n] {
			words[n][m] = byte('a' + r.IntN(26))
		}
	}
	block := make([]byte, 0, 1<<16)
	for size > 0 {
		block = block[:0]
		for len(block) < 1<<15 {
			block = append(append(block, words[r.IntN(1+r.IntN(len(words)))]...), ' ')
		}
		for range 1 << 10 {
			block = fmt.Appendf(block, "%x", r.Uint64()>>(8*r.IntN(8)))
		}
		block = block[:min(int64(len(block)), size)]
		if _, err := w.Write(block); err != nil {
			return err
		}
		size -= int64(len(block))
	}
	return nil
}

// layerFile writes one layer and returns the digest of it.
func layerFile(b *testing.B, name string, seed uint64) v1.Hash {
	b.Helper()
	f, err := os.Create(name)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	sum := sha256.New()
	w := tar.NewWriter(io.MultiWriter(f, sum))
	if err := w.WriteHeader(&tar.Header{Name: fmt.Sprintf("usr/lib/content-%d", seed), Mode: 0o644, Size: pushLayerSize, Typeflag: tar.TypeReg}); err != nil {
		b.Fatal(err)
	}
	if err := prose(w, pushLayerSize, seed); err != nil {
		b.Fatal(err)
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum.Sum(nil))}
}

// archiveTag is the image's name in the archive.
const archiveTag = "falcon-sensor:7.40.0-1.container.x86_64.Release.US-1"

// dockerArchive writes an image as docker save does.
func dockerArchive(b *testing.B) (name string) {
	b.Helper()
	dir := b.TempDir()
	config := v1.ConfigFile{OS: "linux", Architecture: "amd64", RootFS: v1.RootFS{Type: "layers"}}
	var layers []string
	for n := range pushLayers {
		layers = append(layers, fmt.Sprintf("%064d/layer.tar", n))
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, layerFile(b, filepath.Join(dir, fmt.Sprint(n)), uint64(n)))
	}
	text, err := json.Marshal(config)
	if err != nil {
		b.Fatal(err)
	}
	sum := sha256.Sum256(text)
	configName := hex.EncodeToString(sum[:]) + ".json"
	list, err := json.Marshal([]map[string]any{{"Config": configName, "Layers": layers,
		"RepoTags": []string{archiveTag}}})
	if err != nil {
		b.Fatal(err)
	}
	name = filepath.Join(dir, "image.tar")
	out, err := os.Create(name)
	if err != nil {
		b.Fatal(err)
	}
	defer out.Close()
	w := tar.NewWriter(out)
	add := func(name string, size int64, from io.Reader) {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: size, Typeflag: tar.TypeReg}); err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(w, from); err != nil {
			b.Fatal(err)
		}
	}
	add(configName, int64(len(text)), strings.NewReader(string(text)))
	for n, layer := range layers {
		from, err := os.Open(filepath.Join(dir, fmt.Sprint(n)))
		if err != nil {
			b.Fatal(err)
		}
		info, err := from.Stat()
		if err != nil {
			b.Fatal(err)
		}
		add(layer, info.Size(), from)
		_ = from.Close()
		_ = os.Remove(from.Name())
	}
	add("manifest.json", int64(len(list)), strings.NewReader(string(list)))
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	return name
}

// startRegistry runs the lab's registry, a real one, on the loopback address.
func startRegistry(b *testing.B) (host string) {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	host = l.Addr().String()
	_ = l.Close()
	dir := b.TempDir()
	config := filepath.Join(dir, "registry.yaml")
	text := fmt.Sprintf("version: 0.1\nlog: {level: warn, accesslog: {disabled: true}}\nstorage:\n  filesystem: {rootdirectory: %q}\nhttp: {addr: %q}\n",
		filepath.Join(dir, "store"), host)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(labPrograms(b), "registry"), "serve", config)
	// Without it the registry keeps trying to send traces somewhere.
	cmd.Env = append(os.Environ(), "OTEL_TRACES_EXPORTER=none")
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if answer, err := http.Get("http://" + host + "/v2/"); err == nil {
			_ = answer.Body.Close()
			return host
		}
	}
	b.Fatal("the registry does not come up")
	return ""
}

// buildCrane builds the peer from the version of its module that the plugin uses.
func buildCrane(b *testing.B) string {
	b.Helper()
	crane := filepath.Join(b.TempDir(), "crane")
	build := exec.Command("go", "build", "-trimpath", "-o", crane, "github.com/google/go-containerregistry/cmd/crane")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("build the peer: %v\n%s", err, out)
	}
	return crane
}

// findSkopeo finds the peer that Debian has.
func findSkopeo(b *testing.B) string {
	b.Helper()
	skopeo, err := exec.LookPath("skopeo")
	if err != nil {
		b.Fatalf("%v: hack/packages.sh installs it", err)
	}
	return skopeo
}

// BenchmarkPush pushes an image of 300 MB with `kubectl falcon sensor push`, `crane push` and `skopeo copy`, by
// turns and each to a repository of its own.
func BenchmarkPush(b *testing.B) {
	b.Setenv("DOCKER_CONFIG", b.TempDir())
	host, crane, archive := startRegistry(b), buildCrane(b), dockerArchive(b)
	skopeo := findSkopeo(b)
	var ours, again, theirs, copied []run
	number := 0
	repository := func() string {
		number++
		return fmt.Sprintf("%s/push-%d:1", host, number)
	}
	for b.Loop() {
		for range pushRuns {
			to := repository()
			ours = append(ours, measure(b, "../../bin/kubectl-falcon", "sensor", "push", archive, to))
			again = append(again, measure(b, "../../bin/kubectl-falcon", "sensor", "push", archive, to))
			theirs = append(theirs, measure(b, crane, "push", archive, repository()))
			copied = append(copied, skopeoCopy(b, skopeo, archive))
		}
	}
	b.ReportMetric(seconds(ours)*1000, "wall-ms")
	b.ReportMetric(seconds(again)*1000, "again-ms")
	b.ReportMetric(seconds(theirs)*1000, "crane-ms")
	b.ReportMetric(seconds(copied)*1000, "skopeo-ms")
	bound(b, "wall-of-crane", seconds(ours)/seconds(theirs), mostOfCrane)
	bound(b, "wall-of-skopeo", seconds(ours)/seconds(copied), mostOfSkopeo)
	bound(b, "again-s", seconds(again), mostAgain.Seconds())
	bound(b, "peak-MiB", float64(highest(append(ours, again...)))/(1<<20), mostPushMemory>>20)
}

// BenchmarkPushOfBzip2 pushes the same from a .tar.bz2, as the vendor's tarballs are.
func BenchmarkPushOfBzip2(b *testing.B) {
	b.Setenv("DOCKER_CONFIG", b.TempDir())
	host, archive := startRegistry(b), dockerArchive(b)
	if out, err := exec.Command("bzip2", archive).CombinedOutput(); err != nil {
		b.Fatalf("bzip2: %v\n%s", err, out)
	}
	skopeo := findSkopeo(b)
	var ours, copied []run
	number := 0
	for b.Loop() {
		for range pushRuns {
			number++
			ours = append(ours, measure(b, "../../bin/kubectl-falcon", "sensor", "push", archive+".bz2", fmt.Sprintf("%s/ours-%d:1", host, number)))
			copied = append(copied, skopeoCopy(b, skopeo, archive+".bz2"))
		}
	}
	b.ReportMetric(seconds(ours)*1000, "wall-ms")
	b.ReportMetric(seconds(copied)*1000, "skopeo-ms")
	bound(b, "wall-of-skopeo", seconds(ours)/seconds(copied), mostOfBzip)
	bound(b, "peak-MiB", float64(highest(ours))/(1<<20), mostPushMemory>>20)
}

// skopeoCopy is one run of skopeo to a registry that it does not know yet: it remembers what others have.
func skopeoCopy(b *testing.B, skopeo, archive string) run {
	b.Helper()
	return measure(b, skopeo, "--insecure-policy", "copy", "--dest-tls-verify=false", "docker-archive:"+archive, "docker://"+startRegistry(b)+"/theirs:1")
}

// bound reports a figure, also on a line of its own with what it may be, and fails if it is more.
func bound(b *testing.B, what string, got, most float64) {
	b.Helper()
	b.ReportMetric(got, what)
	fmt.Printf("%s: %s %.3f, at most %.3f\n", b.Name(), what, got, most)
	if got > most {
		b.Errorf("%s: %.2f, more than %.2f", what, got, most)
	}
}
