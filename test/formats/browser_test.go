package formats

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify/report"
)

var shots = flag.String("shots", "", "leave pictures of the page in this directory")

// browser starts Chromium, for all the tests that want it.
func browser(t *testing.T) context.Context {
	t.Helper()
	ctx, stop := chromedp.NewExecAllocator(t.Context(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))...)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx)
	t.Cleanup(stop)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("Chromium does not start: %v", err)
	}
	return ctx
}

// tab is a report's page in a window of its own, and all that it did wrong.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu    sync.Mutex
	wrong []string
}

// open shows a report in a window of a width. The test fails for whatever the page does wrong until it ends.
func open(t *testing.T, in context.Context, r *verify.Report, width int64) *tab {
	t.Helper()
	b := blank(t, in)
	if err := chromedp.Listen(b.ctx, b.event); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, w := range b.wrong {
			t.Errorf("the page: %s", w)
		}
	})
	send(b, network.Enable, network.EnableParams{})
	send(b, log.Enable, cdp.Empty{})
	send(b, runtime.Enable, cdp.Empty{})
	send(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 900, DeviceScaleFactor: 1, Mobile: width < 500})
	b.load(r)
	return b
}

// blank is a window with nothing in it.
func blank(t *testing.T, in context.Context) *tab {
	t.Helper()
	// Each has its own storage, where the page keeps the theme.
	ctx, stop := chromedp.NewContext(in, chromedp.WithNewBrowserContext())
	t.Cleanup(stop)
	// The first call makes the window, which ends with the context of that call.
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	ctx, stop = context.WithTimeout(ctx, 5*time.Minute)
	t.Cleanup(stop)
	return &tab{t: t, ctx: ctx}
}

func (b *tab) load(r *verify.Report) {
	b.t.Helper()
	file := filepath.Join(b.t.TempDir(), "report.html")
	f, err := os.Create(file)
	if err != nil {
		b.t.Fatal(err)
	}
	defer f.Close()
	if err := report.HTML(f, r); err != nil {
		b.t.Fatal(err)
	}
	b.do(chromedp.Navigate("file://"+file), chromedp.WaitReady(chromedp.CSS("footer")))
}

// event notes requests, errors and exceptions.
func (b *tab) event(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if !strings.HasPrefix(e.Request.URL, "file://") || !strings.HasSuffix(e.Request.URL, "/report.html") {
			b.wrong = append(b.wrong, "it asks for "+e.Request.URL)
		}
	case *log.EventEntryAdded:
		b.wrong = append(b.wrong, "log: "+e.Entry.Text)
	case *runtime.EventConsoleAPICalled:
		b.wrong = append(b.wrong, "it writes to the console")
	case *runtime.EventExceptionThrown:
		b.wrong = append(b.wrong, "exception: "+e.ExceptionDetails.Text)
	}
}

func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// get runs an action that returns something.
func get[T any](b *tab, a chromedp.Action[T]) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, a)
	if err != nil {
		b.t.Fatal(err)
	}
	return v
}

// send gives the browser a command of its protocol.
func send[P, R any](b *tab, command cdp.Command[P, R], with P) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, command, with); err != nil {
		b.t.Fatal(err)
	}
}

// value is what an expression of JavaScript comes to.
func value[T any](b *tab, expression string) T {
	b.t.Helper()
	return get(b, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// script runs JavaScript for what it does.
func (b *tab) script(text string) { b.t.Helper(); value[bool](b, "(() => {"+text+"; return true})()") }

// is fails the test unless an expression comes to a value.
func is[T comparable](b *tab, expression string, want T) {
	b.t.Helper()
	if got := value[T](b, expression); got != want {
		b.t.Errorf("%s is %v, want %v", expression, got, want)
	}
}

func (b *tab) click(id string) { b.t.Helper(); b.do(chromedp.Click(chromedp.CSS("#" + id))) }

// pick chooses in one of the filters.
func (b *tab) pick(id, choice string) {
	b.t.Helper()
	b.script("const s = document.getElementById('" + id + "'); s.value = '" + choice + "'; s.dispatchEvent(new Event('change'))")
}

// search types into the search field and waits until the page has searched.
func (b *tab) search(text string) {
	b.t.Helper()
	b.script("document.getElementById('q').value = ''; document.getElementById('found').textContent = 'searching'")
	b.do(chromedp.SendKeys(chromedp.CSS("#q"), text))
	for range 100 {
		if value[string](b, "document.getElementById('found').textContent") != "searching" {
			break
		}
		b.do(chromedp.Sleep(50 * time.Millisecond))
	}
	// The last key may come after the first search.
	b.do(chromedp.Sleep(200 * time.Millisecond))
}

// shot leaves a picture of the whole page.
func (b *tab) shot(name string) {
	b.t.Helper()
	if *shots == "" {
		return
	}
	b.leave(name+".png", get(b, chromedp.FullScreenshot(100)))
}

func (b *tab) leave(name string, content []byte) {
	b.t.Helper()
	if *shots == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(*shots, name), content, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// scheme is what the reader's system prefers.
func (b *tab) scheme(name string) {
	b.t.Helper()
	send(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}}})
}

// seen counts the elements of a selector that are shown.
func seen(selector string) string {
	return "[...document.querySelectorAll('" + selector + "')].filter(e => e.checkVisibility()).length"
}
