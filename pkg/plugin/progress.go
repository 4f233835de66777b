package plugin

import (
	"context"
	"fmt"
	"os"
	"sync"

	"k8s.io/client-go/rest"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
)

// live says whether the screen may be updated in place.
func (s *session) live() bool { return term.Live(s.Streams, os.Getenv) }

// painter colours what goes to stdout, as --color says.
func (s *session) painter() term.Painter {
	return term.Painter{On: s.color.Enabled(s.Out, os.Getenv)}
}

// progress makes the display of an operation. Whoever makes it closes it before an error is printed.
func (s *session) progress() *term.Progress { return s.progressOn(s.Streams) }

// quietProgress is progress that leaves stdout to the data that comes after it.
func (s *session) quietProgress() *term.Progress {
	return s.progressOn(term.Streams{In: s.In, Out: s.Err, Err: s.Err})
}

func (s *session) progressOn(streams term.Streams) *term.Progress {
	on := s.color.Enabled(streams.Out, os.Getenv)
	s.display = term.NewProgress(streams, term.Live(streams, os.Getenv), term.Painter{On: on})
	return s.display
}

// endProgress leaves the display as it is, for what is said below it.
func (s *session) endProgress() {
	if s.display != nil {
		s.display.Close()
		s.display = nil
	}
}

// arrived is the state in which package inject leaves a Deployment that it waited for.
const arrived = "available"

// reporter shows the events of an operation.
func reporter(p *term.Progress) inject.Reporter {
	return func(e inject.Event) {
		switch {
		case e.Remark != "":
			p.Remark(e.Remark)
		case e.Change != "":
			p.Done(e.Object, string(e.Change))
			if e.Change == kube.Deleted {
				// Whatever was awaited of it has come.
				p.State(e.Object, "")
			}
		case e.State != "":
			p.State(e.Object, e.State)
			// Nobody reports that a trouble is over, and on a live screen it would stay.
			if e.State == arrived {
				p.Trouble(e.Object, "")
			}
		default:
			p.Trouble(e.Object, e.Trouble)
		}
	}
}

// remark writes a sentence for people. While a display is up, only it may write to the screen.
func (s *session) remark(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if s.display != nil {
		s.display.Remark(text)
		return
	}
	fmt.Fprintln(s.Err, term.Fold(s.Err, text, "        "))
}

// warnings passes on each warning of the API server once. Requests may be answered at the same time.
type warnings struct {
	mu   sync.Mutex
	say  func(format string, args ...any)
	said map[string]bool
}

// HandleWarningHeaderWithContext implements rest.WarningHandlerWithContext.
func (w *warnings) HandleWarningHeaderWithContext(_ context.Context, code int, _ string, text string) {
	// 299 is the one code that the API server uses (kubernetes/enhancements KEP-1693).
	if code != 299 || text == "" {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.said[text] {
		return
	}
	w.said[text] = true
	w.say("the cluster warns: %s", text)
}

var _ rest.WarningHandlerWithContext = &warnings{}
