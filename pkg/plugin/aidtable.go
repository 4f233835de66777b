package plugin

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aid"
	api "github.com/kubectl-falcon/kubectl-falcon/pkg/falcon"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
)

// askAll asks pods, prints what comes and sums it up.
func (s *session) askAll(ctx context.Context, c *kube.Cluster, f *aidFlags, pods []aid.Pod, missing []aid.Result, client *api.Client) error {
	show := s.aidDisplay(f, pods, missing)
	// Hosts are asked for together, when all ids are there: until then there are no rows.
	for n := range missing {
		if !f.hosts {
			show.row(&missing[n])
		}
	}
	f.o.Tell = func(r aid.Result) {
		if show.done++; !f.hosts {
			show.row(&r)
		}
		show.progress(time.Now())
	}
	report := aid.Run(ctx, c, pods, f.o)
	report.Add(missing)
	var unjoined error
	if f.hosts {
		if unjoined = joinHosts(ctx, report, client); unjoined != nil {
			unjoined = fmt.Errorf("ask the Falcon API for the hosts: %w", unjoined)
		}
		for n := range report.Pods {
			show.row(&report.Pods[n])
		}
	}
	show.end()
	if show.err != nil {
		return show.err
	}
	if err := s.printAIDs(f, report); err != nil {
		return err
	}
	s.sumUp(report)
	if err := ctx.Err(); err != nil {
		return err
	}
	if unjoined != nil {
		return unjoined
	}
	return failure(report)
}

// joinHosts adds what the Falcon console knows of the ids, with the links of the customer's own cloud.
func joinHosts(ctx context.Context, r *aid.Report, client *api.Client) error {
	var link func(string) string
	if cloud, err := client.Cloud(ctx); err == nil && cloud.Console != "" {
		link = cloud.HostLink
	}
	return r.Join(ctx, client, link)
}

// aidDisplay shows results as they come, and on a terminal how far it is.
type aidDisplay struct {
	s       *session
	f       *aidFlags
	columns *term.Columns
	// live is the progress, on a terminal; over says that rows go through it, to the same screen.
	live *term.Progress
	over bool

	begun, said time.Time
	total, done int
	err         error
}

const idLength = 32

func (s *session) aidDisplay(f *aidFlags, pods []aid.Pod, missing []aid.Result) *aidDisplay {
	d := &aidDisplay{s: s, f: f, begun: time.Now(), total: len(pods)}
	if s.live() && f.format.people() {
		d.live, d.over = s.progress(), true
	} else if p := (term.Streams{In: s.In, Out: s.Err, Err: s.Err}); term.Live(p, os.Getenv) && term.Width(s.Out) == 0 {
		d.live = s.quietProgress()
	}
	if !f.format.people() {
		return d
	}
	var header []string
	var widths []int
	column := func(name string, width int) {
		header, widths = append(header, name), append(widths, width)
	}
	space, name, node, container, owner := 0, 0, 0, 0, 0
	for n := range pods {
		p := &pods[n]
		space, name, node = max(space, len(p.Namespace)), max(name, len(p.Name)), max(node, len(p.NodeName))
		container, owner = max(container, len(p.Container())), max(owner, len(p.Owner.String()))
	}
	for n := range missing {
		space, name = max(space, len(missing[n].Namespace)), max(name, len(missing[n].Pod))
	}
	if f.spaces() {
		column("NAMESPACE", space)
	}
	column("POD", name)
	column("AID", idLength)
	if f.o.Details {
		for _, detail := range []struct {
			name  string
			width int
		}{{"VERSION", 13}, {"CID", 7}, {"TAGS", 12}, {"PROXY", 16}, {"TRACE", 5}, {"RFM", 5}} {
			column(detail.name, detail.width)
		}
	}
	if f.hosts {
		for _, host := range []struct {
			name  string
			width int
		}{{"HOST", name}, {"LAST SEEN", 20}, {"ONLINE", 7}, {"SENSOR", 13}, {"POLICY", idLength}, {"REDUCED", 7}} {
			column(host.name, host.width)
		}
	}
	if f.format == "wide" {
		if f.hosts {
			column("LINK", 0)
		}
		column("NODE", node)
		column("CONTAINER", container)
		column("OWNER", owner)
	}
	column("REASON", 0)
	d.columns = term.NewColumns(header, widths)
	d.line(d.columns.Header())
	return d
}

// spaces says whether pods may be of several namespaces.
func (f *aidFlags) spaces() bool {
	if f.everyNS {
		return true
	}
	for _, t := range f.targets {
		if t.Namespace != "" {
			return true
		}
	}
	return false
}

// row shows one result.
func (d *aidDisplay) row(r *aid.Result) {
	if d.columns == nil || r.Reason == aid.Canceled {
		return
	}
	var cells []string
	if d.f.spaces() {
		cells = append(cells, r.Namespace)
	}
	cells = append(cells, r.Pod, orDash(r.AID))
	if d.f.o.Details {
		cells = append(cells, detailCells(r, "-")...)
	}
	if d.f.hosts {
		cells = append(cells, hostCells(r, "-")[:hostColumns]...)
	}
	if d.f.format == "wide" {
		if d.f.hosts {
			cells = append(cells, hostCells(r, "-")[hostColumns])
		}
		cells = append(cells, orDash(r.Node), orDash(r.Container), orDash(ownerOf(r)))
	}
	why := flagsOf(r)
	if r.Reason != "" {
		why = fmt.Sprintf("%s: it %s", r.Reason, r.Message)
		if d.f.format != "wide" {
			why = shortened(why, d.room(cells, len(r.Reason)))
		}
	}
	d.line(d.columns.Row(append(cells, why)...))
}

// mostReason is how much of a reason a row has: many pods have the same long one, which is said in full below.
const mostReason = 80

func shortened(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return strings.TrimRight(string(runes[:most-1]), " :") + "…"
	}
	return text
}

// room is how much of a reason fits behind the other cells on this screen. Its first word always has room.
func (d *aidDisplay) room(cells []string, word int) int {
	width := term.Width(d.s.Out)
	if width == 0 {
		return mostReason
	}
	before := len(d.columns.Row(append(slices.Clone(cells), "x")...)) - 1
	return min(max(width-before, word+1), mostReason)
}

func (d *aidDisplay) line(text string) {
	if d.over {
		d.live.Line(text)
		return
	}
	if _, err := fmt.Fprintln(d.s.Out, text); err != nil && d.err == nil {
		d.err = err
	}
}

// sayEvery is how often the progress is drawn anew: more often costs more than it tells.
const sayEvery = 200 * time.Millisecond

// progress says how far it is, how fast, and how long it will take.
func (d *aidDisplay) progress(now time.Time) {
	if d.live == nil || now.Sub(d.said) < sayEvery {
		return
	}
	d.said = now
	d.live.State("sensors", pace(d.done, d.total, now.Sub(d.begun)))
}

func pace(done, total int, took time.Duration) string {
	text := fmt.Sprintf("%d of %d asked", done, total)
	if took < time.Second || done == 0 || done >= total {
		return text
	}
	rate := float64(done) / took.Seconds()
	left := time.Duration(float64(total-done) / rate * float64(time.Second)).Round(time.Second)
	return fmt.Sprintf("%s, %.0f/s, %s left", text, rate, left)
}

func (d *aidDisplay) end() {
	if d.live != nil {
		d.live.State("sensors", "")
		d.s.endProgress()
	}
}
