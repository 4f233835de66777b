package formats

import (
	"context"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify"
	"github.com/kubectl-falcon/kubectl-falcon/test/reports"
)

func TestBrowser(t *testing.T) {
	in := browser(t)
	t.Run("search and filter", func(t *testing.T) { searchAndFilter(t, in) })
	t.Run("several clusters", func(t *testing.T) { severalClusters(t, in) })
	t.Run("dark", func(t *testing.T) { dark(t, in) })
	t.Run("phone", func(t *testing.T) { phone(t, in) })
	t.Run("print", func(t *testing.T) { onPaper(t, in) })
	t.Run("large", func(t *testing.T) { large(t, in) })
	t.Run("hostile", func(t *testing.T) { hostile(t, in) })
	t.Run("without script", func(t *testing.T) { withoutScript(t, in) })
	t.Run("no network", func(t *testing.T) { noNetwork(t, in) })
}

func searchAndFilter(t *testing.T, in context.Context) {
	b := open(t, in, reports.Fixed(), 1280)
	b.shot("light-1280")
	is(b, seen(".cluster > .check"), 4)
	b.search("nightly")
	is(b, seen(".check"), 1)
	is(b, seen(".findings > li"), 1)
	is(b, "[...document.querySelectorAll('.ns:not([hidden])')].map(e => e.dataset.ns).join()", "team-b")
	is(b, "document.getElementById('found').textContent", "1 of 8 checks, 1 workload")
	is(b, "document.querySelectorAll('.ns[open]').length", 1)
	b.shot("search")
	// What is in the fold of passed checks is found too.
	b.search("FC303")
	is(b, seen(".check"), 1)
	b.search("nothing has this")
	is(b, seen("#nothing"), 1)
	b.click("reset")
	is(b, seen(".cluster > .check"), 4)
	is(b, "document.querySelectorAll('.ns[open], .rest[open]').length", 0)
	is(b, "document.activeElement.id", "q")
	b.pick("verdict", "warn")
	is(b, "[...document.querySelectorAll('.check:not([hidden])')].map(e => e.id).join()", "c0-FC207")
	b.pick("verdict", "")
	b.pick("severity", "error")
	is(b, "[...document.querySelectorAll('.check:not([hidden])')].every(e => e.dataset.s === 'error')", true)
	b.pick("severity", "")
	b.pick("namespace", "team-a")
	is(b, "[...document.querySelectorAll('.ns:not([hidden])')].map(e => e.dataset.ns).join()", "team-a")
	b.pick("pods", "drifted")
	is(b, "[...document.querySelectorAll('tbody tr:not([hidden]) th')].map(e => e.textContent).join()", "deployment/cache")
	b.pick("pods", "")
	b.pick("namespace", "")
	b.click("open")
	is(b, "document.querySelectorAll('.check:not([open]), .ns:not([open])').length", 0)
	b.click("close")
	is(b, "document.querySelectorAll('.check[open], .ns[open]').length", 0)
	b.script("document.activeElement.blur()")
	is(b, "document.body.dispatchEvent(new KeyboardEvent('keydown', {key: '/', bubbles: true, cancelable: true}))", false)
	is(b, "document.activeElement.id", "q")
	is(b, "JSON.parse(document.getElementById('report').textContent).clusters[0].context", "lab")
	// A link to a check opens what it is in, also where a filter has hidden it.
	b.search("nightly")
	b.script("location.hash = 'c0-FC406'")
	b.do(chromedp.Sleep(200 * time.Millisecond))
	is(b, "document.getElementById('c0-FC406').checkVisibility()", true)
}

func severalClusters(t *testing.T, in context.Context) {
	b := open(t, in, reports.Several(), 1280)
	b.shot("several-1280")
	is(b, seen(".cluster"), 3)
	b.pick("cluster", "1")
	is(b, seen(".cluster"), 1)
	is(b, seen(".card"), 1)
}

func dark(t *testing.T, in context.Context) {
	b := open(t, in, reports.Fixed(), 1280)
	const back = "getComputedStyle(document.body).backgroundColor"
	light := value[string](b, back)
	b.scheme("dark")
	night := value[string](b, back)
	if light == night {
		t.Errorf("dark is %s as light is", night)
	}
	b.shot("dark-1280")
	contrast(b)
	b.click("theme")
	is(b, back, light)
	contrast(b)
	b.scheme("light")
	b.click("theme")
	is(b, back, night)
}

// contrast fails the test where a text has less than 4.5 to 1 against what is behind it (WCAG 2.2, AA).
func contrast(b *tab) {
	b.t.Helper()
	bad := value[[]string](b, `(() => {
		const parse = (c) => c.match(/[\d.]+/g).map(Number);
		const light = (c) => { const [r, g, b] = parse(c).map((v) => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126*r + .7152*g + .0722*b; };
		const behind = (e) => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (parse(c)[3] !== 0) return c; } return 'rgb(255,255,255)'; };
		const bad = new Set();
		for (const e of document.querySelectorAll('body *')) {
			if (![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) || !e.checkVisibility() || e.closest('svg, script')) continue;
			const [a, b] = [light(getComputedStyle(e).color), light(behind(e))];
			const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
			if (ratio < 4.5) bad.add(e.tagName + '.' + e.className + ' ' + ratio.toFixed(2));
		}
		return [...bad];
	})()`)
	for _, one := range bad {
		b.t.Errorf("too little contrast: %s", one)
	}
}

func phone(t *testing.T, in context.Context) {
	for name, r := range map[string]*verify.Report{"several": reports.Several(), "hostile": reports.Hostile()} {
		b := open(t, in, r, 375)
		b.shot("phone-folded-" + name)
		b.script("document.querySelectorAll('details').forEach(e => e.open = true)")
		// Not innerWidth: a phone's window becomes as wide as what overflows it.
		is(b, "document.documentElement.scrollWidth", 375)
		b.shot("phone-" + name)
		// A finger needs room (WCAG 2.2: 24 pixels at least).
		is(b, "[...document.querySelectorAll('button, select, input, .check > summary, .ns > summary')].filter(e => e.checkVisibility() && e.getBoundingClientRect().height < 24).length", 0)
	}
}

func onPaper(t *testing.T, in context.Context) {
	b := open(t, in, reports.Fixed(), 1280)
	send(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"})
	is(b, seen(".tools"), 0)
	// Folded or not, everything is on paper, also where no script has unfolded it.
	is(b, "[...document.querySelectorAll('.body')].filter(e => e.getBoundingClientRect().height === 0).length", 0)
	pdf := get(b, chromedp.PrintToPDF())
	if len(pdf) < 10_000 {
		t.Errorf("the PDF has %d bytes", len(pdf))
	}
	b.leave("print.pdf", pdf)
}

func large(t *testing.T, in context.Context) {
	begin := time.Now()
	b := open(t, in, reports.Large(10_000, 200), 1280)
	t.Logf("10,000 pods: ready after %s", time.Since(begin).Round(time.Millisecond))
	b.shot("large-1280")
	if n := value[int](b, "document.documentElement.scrollHeight"); n > 6000 {
		t.Errorf("folded, the page is %d pixels high", n)
	}
	took := value[float64](b, `(() => { const q = document.getElementById('pods'), begin = performance.now(); q.value = 'stale';
		q.dispatchEvent(new Event('change')); document.body.offsetHeight; return performance.now() - begin; })()`)
	t.Logf("10,000 pods: a filter takes %.0f ms", took)
	if took > 2000 {
		t.Errorf("a filter takes %.0f ms", took)
	}
	is(b, "[...document.querySelectorAll('tbody tr:not([hidden])')].every(e => e.dataset.v === 'stale')", true)
	b.pick("pods", "")
	b.search("team-199 service-009")
	is(b, "document.querySelectorAll('.ns:not([hidden])').length", 1)
}

func hostile(t *testing.T, in context.Context) {
	b := open(t, in, reports.Hostile(), 1280)
	is(b, "document.title === 'evil'", false)
	is(b, "document.querySelectorAll('img, script').length", 2)
	is(b, "JSON.parse(document.getElementById('report').textContent).clusters[0].context.includes('</script>')", true)
}

func withoutScript(t *testing.T, in context.Context) {
	b := blank(t, in)
	send(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	b.load(reports.Fixed())
	is(b, seen(".donut"), 1)
	is(b, seen(".bar"), 4)
	is(b, seen(".cluster > .check"), 4)
	// What needs the script is not there, rather than there and dead.
	is(b, seen("button, select, input"), 0)
}

// Even a script that got in could tell nobody.
func noNetwork(t *testing.T, in context.Context) {
	b := open(t, in, reports.Fixed(), 1280)
	refused := value[string](b, `new Promise((tell) => {
		document.addEventListener('securitypolicyviolation', (e) => tell(e.effectiveDirective));
		const i = new Image(); i.src = 'http://127.0.0.1:1/x';
		setTimeout(() => tell('nothing'), 5000);
	})`)
	if refused != "img-src" {
		t.Errorf("an image from elsewhere is refused by %s", refused)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.wrong = nil
}
