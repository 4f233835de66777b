//go:build bench

package bench

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// mostOfEngine is what a push may take of `docker load`, `docker tag` and `docker push`.
const mostOfEngine = 0.35

// docker is an engine of its own: a daemon that nobody else uses, whose images are its own.
type docker struct {
	client, socket string
}

// startDocker starts Debian's dockerd with an empty store. It gets no network: it runs no container. It wants to
// see a runc all the same, and gets the lab's.
func startDocker(b *testing.B) docker {
	b.Helper()
	root, err := filepath.Abs("../../bin/docker/usr")
	if err != nil {
		b.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "sbin", "dockerd")); err != nil {
		b.Skipf("NOT COMPARED with an engine: %v; hack/docker.sh fetches it where apt-get can", err)
	}
	dir := b.TempDir()
	d := docker{client: filepath.Join(root, "bin", "docker"), socket: "unix://" + filepath.Join(dir, "socket")}
	daemon := exec.Command(filepath.Join(root, "sbin", "dockerd"), "--iptables=false", "--ip6tables=false", "--bridge=none",
		"--data-root", filepath.Join(dir, "data"), "--exec-root", filepath.Join(dir, "exec"), "--pidfile", filepath.Join(dir, "pid"), "-H", d.socket)
	daemon.Env = append(os.Environ(), "PATH="+filepath.Join(root, "bin")+":"+labPrograms(b)+":"+os.Getenv("PATH"))
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = log.Close() })
	daemon.Stderr = log
	if err := daemon.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = daemon.Process.Signal(os.Interrupt)
		_ = daemon.Wait()
	})
	for end := time.Now().Add(60 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if exec.Command(d.client, "-H", d.socket, "info").Run() == nil {
			return d
		}
	}
	said, _ := os.ReadFile(log.Name())
	b.Fatalf("dockerd does not come up:\n%s", said[max(0, len(said)-1000):])
	return docker{}
}

// push loads an archive, and pushes the image under another name.
func (d docker) push(b *testing.B, archive, loaded, to string) (all run) {
	b.Helper()
	for _, args := range [][]string{{"load", "-q", "-i", archive}, {"tag", loaded, to}, {"push", "-q", to}} {
		r := measure(b, d.client, append([]string{"-H", d.socket}, args...)...)
		all.wall += r.wall
		all.peak = max(all.peak, r.peak)
	}
	return all
}

// BenchmarkPushBesideDocker pushes an image of 300 MB with `kubectl falcon sensor push`, and by the guide's way: with
// an engine that has not seen it.
func BenchmarkPushBesideDocker(b *testing.B) {
	b.Setenv("DOCKER_CONFIG", b.TempDir())
	archive := dockerArchive(b)
	var ours, theirs []run
	for b.Loop() {
		for n := range pushRuns {
			engine := startDocker(b)
			theirs = append(theirs, engine.push(b, archive, archiveTag, fmt.Sprintf("%s/theirs-%d:1", startRegistry(b), n)))
			ours = append(ours, measure(b, "../../bin/kubectl-falcon", "sensor", "push", archive, fmt.Sprintf("%s/ours-%d:1", startRegistry(b), n)))
		}
	}
	b.ReportMetric(seconds(ours)*1000, "wall-ms")
	b.ReportMetric(seconds(theirs)*1000, "docker-ms")
	bound(b, "wall-of-docker", seconds(ours)/seconds(theirs), mostOfEngine)
}
