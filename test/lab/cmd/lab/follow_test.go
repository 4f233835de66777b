package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/test/lab/internal/node"
	"github.com/kubectl-falcon/kubectl-falcon/test/lab/internal/state"
)

// following runs follow on the events given, after which the lab's end of the pipe is closed.
func following(t *testing.T, tarballs []string, events ...node.Event) (string, error) {
	t.Helper()
	var stream, progress bytes.Buffer
	for _, e := range events {
		if err := json.NewEncoder(&stream).Encode(e); err != nil {
			t.Fatal(err)
		}
	}
	r := &running{record: state.Lab{Registry: startRegistry(t)}, events: io.NopCloser(&stream)}
	err := r.follow(t.Context(), tarballs, &progress)
	return progress.String(), err
}

func TestFollow(t *testing.T) {
	image := packed(t, "team/app:1")
	out, err := following(t, []string{image}, node.Event{Component: "etcd", Took: 1234 * time.Millisecond},
		node.Event{Component: "registry", Took: time.Second}, node.Event{Ready: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"  etcd                       1.2 s\n", "  registry                   1.0 s\n", "  image 10.244.0.1:5000/team/app:1\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
}

func TestFollowAFailure(t *testing.T) {
	_, err := following(t, nil, node.Event{Component: "etcd"}, node.Event{Failed: "kubelet", Cause: "it ended", Tail: "one\ntwo"})
	if want := "kubelet did not start: it ended\n  one\n  two"; err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	_, err = following(t, nil, node.Event{Component: "etcd"})
	if err == nil || !strings.Contains(err.Error(), "the lab ended before it was ready") {
		t.Errorf("of a lab that just ends: %v", err)
	}
}

// A lab without the images that were asked for is not what was asked for.
func TestFollowWithABadImage(t *testing.T) {
	bad := writeFile(t, "bad.tar", "x")
	_, err := following(t, []string{bad}, node.Event{Component: "registry"}, node.Event{Ready: true})
	if err == nil || !strings.HasPrefix(err.Error(), "load "+bad+": ") {
		t.Errorf("error %v", err)
	}
}

func TestFollowEndsWithItsContext(t *testing.T) {
	read, write := io.Pipe()
	defer write.Close()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- (&running{events: read}).follow(ctx, nil, io.Discard) }()
	// Once this is through, follow waits for the next.
	if err := json.NewEncoder(write).Encode(node.Event{Component: "etcd"}); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := receive(t, done); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestStay(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	over := make(chan error, 1)
	over <- nil
	open, write := io.Pipe()
	defer write.Close()
	for what, c := range map[string]struct {
		ctx   context.Context
		ended chan error
		in    io.Reader
	}{
		"a signal":                  {ended, nil, open},
		"the end of standard input": {t.Context(), nil, strings.NewReader("typed\n")},
		"the end of the lab's own":  {t.Context(), over, open},
	} {
		back := make(chan struct{})
		go func() {
			(&running{ended: c.ended}).stay(c.ctx, c.in)
			close(back)
		}()
		select {
		case <-back:
		case <-time.After(30 * time.Second):
			t.Errorf("%s does not end it", what)
		}
	}
}

func TestIndent(t *testing.T) {
	for text, want := range map[string]string{"": "", "one": "  one", "one\ntwo": "  one\n  two"} {
		if got := indent(text); got != want {
			t.Errorf("%q becomes %q", text, got)
		}
	}
}
