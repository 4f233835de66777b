package build

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
)

// watch returns a Compiler that shows every package, and what it writes to.
func watch(terminal bool) (*Compiler, *bytes.Buffer) {
	var out bytes.Buffer
	p := NewProgress(&out, terminal)
	p.Step("1/2 kube")
	c := p.Compiler()
	c.every = 0
	return c, &out
}

const verbose = `go: downloading k8s.io/api v0.37.2
internal/goarch
k8s.io/api/core/v1
# k8s.io/kubernetes/cmd/kubelet
cmd/kubelet/app/server.go:12:2: undefined: nothing
	have (int)
github.com/opencontainers/runc
`

const verboseTrouble = `# k8s.io/kubernetes/cmd/kubelet
cmd/kubelet/app/server.go:12:2: undefined: nothing
	have (int)`

// The compiler's output comes in pieces of any size; the pieces must not show in what is made of it.
func TestCompilerAtEverySizeOfPiece(t *testing.T) {
	for size := 1; size <= len(verbose); size++ {
		c, _ := watch(false)
		for rest := []byte(verbose); len(rest) > 0; {
			piece := rest[:min(size, len(rest))]
			if n, err := c.Write(piece); n != len(piece) || err != nil {
				t.Fatalf("Write of %d bytes: %d, %v", len(piece), n, err)
			}
			rest = rest[len(piece):]
		}
		if c.count != 3 || c.Trouble() != verboseTrouble {
			t.Fatalf("in pieces of %d: %d packages, trouble\n%s", size, c.count, c.Trouble())
		}
	}
}

// Write must not keep the caller's buffer, which os/exec uses again for the next piece.
func TestCompilerKeepsNoBuffer(t *testing.T) {
	c, _ := watch(false)
	buffer := []byte("a.go:1: first")
	for _, piece := range []string{"a.go:1: first", " part\nb.go:2", ": other\n"} {
		n := copy(buffer, piece)
		if _, err := c.Write(buffer[:n]); err != nil {
			t.Fatal(err)
		}
	}
	if want := "a.go:1: first part\nb.go:2: other"; c.Trouble() != want {
		t.Errorf("trouble %q, want %q", c.Trouble(), want)
	}
}

// A compiler that is killed does not end its last line.
func TestTroubleWithoutALastNewline(t *testing.T) {
	c, _ := watch(false)
	fmt.Fprint(c, "a/b\nsignal: killed")
	if c.Trouble() != "signal: killed" {
		t.Errorf("got %q", c.Trouble())
	}
}

func TestTroubleIsTheLastLines(t *testing.T) {
	c, _ := watch(false)
	if c.Trouble() != "" {
		t.Errorf("trouble before there is any: %q", c.Trouble())
	}
	for i := range 25 {
		fmt.Fprintf(c, "x.go:%d: wrong\n", i)
	}
	lines := strings.Split(c.Trouble(), "\n")
	if len(lines) != 20 || lines[0] != "x.go:5: wrong" || lines[19] != "x.go:24: wrong" {
		t.Errorf("%d lines, from %q to %q", len(lines), lines[0], lines[len(lines)-1])
	}
}

func TestProgressInALog(t *testing.T) {
	c, out := watch(false)
	fmt.Fprint(c, "a/b\nc/d\n")
	c.Done()
	want := " 0:00  compiling 1/2 kube\n 0:00  compiling 1/2 kube: 1 packages\n 0:00  compiling 1/2 kube: 2 packages\n"
	if out.String() != want {
		t.Errorf("got  %q\nwant %q", out, want)
	}
}

func TestProgressOnATerminal(t *testing.T) {
	const clear = "\r\x1b[K"
	c, out := watch(true)
	long := strings.Repeat("x", 60)
	fmt.Fprintf(c, "a/b\n%s\n", long)
	c.Done()
	want := clear + " 0:00  compiling 1/2 kube" +
		clear + " 0:00  compiling 1/2 kube: 1 packages, now a/b" +
		clear + " 0:00  compiling 1/2 kube: 2 packages, now " + long[:40] + clear
	if out.String() != want {
		t.Errorf("got  %q\nwant %q", out, want)
	}
}

// Linking Kubernetes takes a minute in which the compiler names nothing.
func TestProgressWhileNothingIsNamed(t *testing.T) {
	var out bytes.Buffer
	c := NewProgress(&out, false).Compiler()
	fmt.Fprint(c, "a/b\n")
	c.beat()
	if out.Len() != 0 {
		t.Errorf("before it is time: %q", &out)
	}
	c.shown = c.shown.Add(-c.every)
	c.beat()
	if want := " 0:00  compiling : 1 packages, linking\n"; out.String() != want {
		t.Errorf("got %q, want %q", &out, want)
	}
}

// A line for each of some thousand packages would bury everything else in a CI log.
func TestProgressIsSparing(t *testing.T) {
	for terminal, every := range map[bool]time.Duration{false: 20 * time.Second, true: 200 * time.Millisecond} {
		var out bytes.Buffer
		c := NewProgress(&out, terminal).Compiler()
		fmt.Fprint(c, "a/b\nc/d\n")
		if out.Len() != 0 || c.count != 2 {
			t.Errorf("terminal %v: %d packages, and at once %q", terminal, c.count, &out)
		}
		c.shown = c.shown.Add(-every)
		fmt.Fprint(c, "e/f\ng/h\n")
		if n := strings.Count(out.String(), "packages"); n != 1 || !strings.Contains(out.String(), ": 3 packages") {
			t.Errorf("terminal %v: %q after %s", terminal, &out, every)
		}
	}
}

func TestElapsed(t *testing.T) {
	for past, want := range map[time.Duration]string{0: " 0:00", 65 * time.Second: " 1:05", 17*time.Minute + 9*time.Second: "17:09"} {
		p := NewProgress(nil, false)
		p.start = p.start.Add(-past)
		if got := p.elapsed(); got != want {
			t.Errorf("after %s: %q, want %q", past, got, want)
		}
	}
}
