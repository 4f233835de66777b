package term

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"testing"
)

// plain returns a Progress on two pipes.
func plain() (p *Progress, out, err *bytes.Buffer) {
	out, err = &bytes.Buffer{}, &bytes.Buffer{}
	// A painter that is on must make no difference.
	return NewProgress(Streams{Out: out, Err: err}, false, Painter{On: true}), out, err
}

func same(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got\n%s\nwant\n%s", what, got, want)
	}
}

func TestPlain(t *testing.T) {
	p, out, err := plain()
	p.Remark("installing\n  next: wait")
	p.Done("namespace/falcon", "created")
	p.Done("deployment/injector", "configured")
	for range 3 {
		p.State("deployment/injector", "0 of 2 replicas available")
		p.Trouble("deployment/injector", "ErrImagePull: denied")
		p.State("daemonset/b", "0 of 9")
		p.Remark("still waiting")
	}
	p.State("deployment/injector", "1 of 2 replicas available")
	p.Trouble("deployment/injector", "")
	p.State("deployment/injector", "")
	p.State("deployment/injector", "0 of 2 replicas available")
	p.Close()
	p.Close()
	same(t, "out", out.String(), "namespace/falcon created\ndeployment/injector configured\n")
	same(t, "err", err.String(), "installing\n  next: wait\n"+
		"deployment/injector: 0 of 2 replicas available\n"+
		"deployment/injector: ErrImagePull: denied\n"+
		"daemonset/b: 0 of 9\n"+
		"still waiting\n"+
		"deployment/injector: 1 of 2 replicas available\n"+
		"deployment/injector: 0 of 2 replicas available\n")
}

// A state and a trouble that read alike are one line.
func TestPlainRepeatsNoLine(t *testing.T) {
	p, _, err := plain()
	p.State("a", "it waits")
	p.State("b", "it waits")
	p.Trouble("a", "it waits")
	p.Done("a", "created")
	p.Done("a", "created")
	same(t, "err", err.String(), "a: it waits\nb: it waits\n")
}

// A container that crashes alternates between having ended and waiting to be started again.
func TestPlainSaysEachTroubleOnce(t *testing.T) {
	p, _, err := plain()
	for range 3 {
		p.Trouble("a", "it ended")
		p.Trouble("a", "it waits")
		p.Trouble("a", "")
		p.Trouble("b", "it ended")
	}
	same(t, "err", err.String(), "a: it ended\na: it waits\nb: it ended\n")
}

func TestPlainKeepsLongLinesWhole(t *testing.T) {
	p, _, err := plain()
	long := strings.TrimSpace(strings.Repeat("word ", 100))
	p.Trouble("a", long)
	same(t, "err", err.String(), "a: "+long+"\n")
}

const hostile = "\x1b[2Jx\x1b]0;title\a\x9b31m\u009b31m\r\n\x00\b\x7fy\u202ez\u2028\xffü\t1"

func TestNoControlCharacterGetsOut(t *testing.T) {
	for _, live := range []bool{false, true} {
		var out, err bytes.Buffer
		p := NewProgress(Streams{Out: &out, Err: &err}, live, Painter{})
		p.size = func() (int, int) { return 80, 24 }
		p.Done("key"+hostile, hostile)
		p.State("key", hostile)
		p.Trouble("key", hostile)
		p.Remark(hostile)
		p.Close()
		got := out.String() + err.String()
		for _, own := range []string{"\x1b[J", "\x1b[K", "\x1b[1A", "\x1b[2A", "\x1b[3A", "\x1b[4A", "\r"} {
			if live {
				got = strings.ReplaceAll(got, own, "")
			}
		}
		if bad := strings.IndexFunc(strings.ReplaceAll(got, "\n", ""), func(r rune) bool { return r < ' ' || 0x7f <= r && r < 0xa0 || r == 0x202e || r == 0x2028 }); bad >= 0 {
			t.Errorf("live %v: got %q", live, got)
		}
		if !strings.Contains(got, "ü") || !strings.Contains(got, "�") {
			t.Errorf("live %v: got %q", live, got)
		}
	}
}

func TestClean(t *testing.T) {
	for text, want := range map[string]string{
		"a\r\nb\n":           "a b",
		"\x1b[31mred\x1b[0m": "�[31mred�[0m",
		"wäb\tx":             "wäb x",
		"a\xffb":             "a�b",
		"a\u2066b":           "a�b",
	} {
		same(t, fmt.Sprintf("%q", text), clean(text), want)
	}
	same(t, "lines", cleanLines("a\r\n  next: b\x1b \n\n"), "a\n  next: b�")
}

func TestWrap(t *testing.T) {
	for name, tt := range map[string]struct{ line, want string }{
		"short":        {"ab", "ab"},
		"at the width": {"abcde", "abcde"},
		"at a space":   {"ab cd ef", "ab cd|ef"},
		"a long word":  {"abcdefgh", "abcde|fgh"},
		"by character": {"äöüäöüäö", "äöüäö|üäö"},
		"words, long":  {"a bcdefgh", "a|bcdef|gh"},
		"spaces":       {"ab      cd", "ab   |  cd"},
	} {
		same(t, name, strings.Join(wrap(tt.line, 5), "|"), tt.want)
	}
}

// whole is a writer that takes note of writes that are not whole lines.
type whole struct {
	*bytes.Buffer
	torn bool
}

func (w *whole) Write(b []byte) (int, error) {
	w.torn = w.torn || !bytes.HasSuffix(b, []byte("\n"))
	return w.Buffer.Write(b)
}

func TestPlainConcurrently(t *testing.T) {
	out := &whole{Buffer: &bytes.Buffer{}}
	p := NewProgress(Streams{Out: out, Err: out}, false, Painter{})
	busy(p, 8, 20)
	if out.torn {
		t.Error("a line was written in pieces")
	}
	if got, want := strings.Count(out.String(), "\n"), 8*20*3; got != want {
		t.Errorf("got %d lines, want %d", got, want)
	}
}

// busy has workers report on objects of their own, all of which end finished.
func busy(p *Progress, workers, objects int) {
	var wait sync.WaitGroup
	for w := range workers {
		wait.Go(func() {
			for i := range objects {
				key := fmt.Sprintf("pod/%d-%d", w, i)
				p.State(key, "waiting")
				p.Trouble(key, "no node")
				p.Trouble(key, "")
				p.State(key, "")
				p.Done(key, "created")
			}
		})
	}
	wait.Wait()
}
