package plugin

import (
	"bytes"
	"context"
	"io"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
)

// watchEvery is how often --watch asks again.
const watchEvery = 2 * time.Second

// watcher shows the state whenever it differs from what is shown; on a terminal in place.
type watcher struct {
	out    io.Writer
	format term.Format
	// clear empties the screen; it is empty itself where that cannot be done.
	clear string
	// say tells people what is no state: that it cannot be read.
	say func(format string, args ...any)
	// explain gives an error its advice.
	explain func(error) error

	// shown is what is on the screen, said the error that was told last.
	shown, said string
	began       bool
}

func (s *session) watcher(format term.Format) *watcher {
	w := &watcher{out: s.Out, format: format, say: s.remark,
		explain: func(err error) error { return kube.Explain(err, s.connected) }}
	if format == term.Table && s.live() {
		w.clear = "\x1b[H\x1b[2J"
	}
	return w
}

// run looks until the context ends. An error at the first look ends it; later ones are told and pass, since
// a cluster in trouble is what one watches for.
func (w *watcher) run(ctx context.Context, every time.Duration, look func(context.Context) (*inject.State, error)) error {
	for {
		state, err := look(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && !w.began:
			return err
		case err != nil:
			w.failed(err)
		default:
			if err := w.show(state); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(every):
		}
	}
}

func (w *watcher) failed(err error) {
	if text := w.explain(err).Error(); text != w.said {
		w.said = text
		w.say("cannot be read now, trying again: %s", text)
	}
}

func (w *watcher) show(state *inject.State) error {
	var screen bytes.Buffer
	if err := printState(&screen, w.format, state); err != nil {
		return err
	}
	now := screen.String()
	// After an error the screen is shown anew, so that it does not look as if that still were so.
	if now == w.shown && w.said == "" {
		return nil
	}
	between := ""
	switch {
	case !w.began:
	case w.format == term.YAML:
		between = "---\n"
	case w.format == term.Table && w.clear == "":
		between = "\n"
	}
	w.began, w.shown, w.said = true, now, ""
	_, err := io.WriteString(w.out, w.clear+between+now)
	return err
}
