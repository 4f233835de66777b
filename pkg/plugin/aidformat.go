package plugin

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aid"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/query"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
)

// aidFormat is how agent ids are printed: the name of a format, or jsonpath with its template. The empty one
// is the id alone of one pod, and else the table.
type aidFormat string

// aidFormats are the values of -o.
var aidFormats = []string{"table", "wide", "json", "yaml", "csv", "name", jsonPath}

// String returns the format as it was given.
func (f *aidFormat) String() string { return string(*f) }

// Type is what help shows for the value.
func (f *aidFormat) Type() string { return "format" }

// Set reads a format from a flag's value and refuses one that is not known.
func (f *aidFormat) Set(text string) error {
	if !strings.HasPrefix(text, jsonPath) && !slices.Contains(aidFormats, text) {
		known := strings.Join(aidFormats, ", ")
		return fmt.Errorf("it is not a format; use %s", strings.Replace(known, jsonPath, jsonPath+"'{...}'", 1))
	}
	*f = aidFormat(text)
	return nil
}

// people says whether rows are printed as they come.
func (f aidFormat) people() bool { return f == "" || f == "table" || f == "wide" }

// printAIDs prints a whole report in a format for programs; rows for people are printed already.
func (s *session) printAIDs(f *aidFlags, r *aid.Report) error {
	if template, is := strings.CutPrefix(string(f.format), jsonPath); is {
		return query.JSONPath(s.Out, query.Data{Value: r, Name: "the answer", Example: "{.pods[*].aid}",
			Keys: func(key string) bool { return slices.Contains(aid.Reasons, aid.Reason(key)) }}, template)
	}
	switch f.format {
	case "json":
		return term.Structured(s.Out, term.JSON, r)
	case "yaml":
		return term.Structured(s.Out, term.YAML, r)
	case "csv":
		return aidCSV(s.Out, r, f)
	case "name":
		return aidNames(s.Out, r, f)
	}
	return nil
}

// aidNames prints the pods that have an id, as kubectl's -o name does, with the namespace before it where
// there are several.
func aidNames(w io.Writer, r *aid.Report, f *aidFlags) error {
	for n := range r.Pods {
		p := &r.Pods[n]
		if p.Reason != "" {
			continue
		}
		name := "pod/" + p.Pod
		if f.everyNS {
			name = p.Namespace + "/" + name
		}
		if _, err := fmt.Fprintln(w, term.Clean(name)); err != nil {
			return err
		}
	}
	return nil
}

func aidCSV(w io.Writer, r *aid.Report, f *aidFlags) error {
	c := csv.NewWriter(w)
	header := []string{"namespace", "pod", "aid", "reason", "message", "flags", "node", "container", "owner"}
	if f.o.Details {
		header = append(header, "version", "cid", "tags", "proxy", "trace", "rfm")
	}
	if f.hosts {
		header = append(header, "host", "last_seen", "online", "sensor", "policy", "reduced", "link")
	}
	if err := c.Write(header); err != nil {
		return err
	}
	for n := range r.Pods {
		p := &r.Pods[n]
		row := []string{p.Namespace, p.Pod, p.AID, string(p.Reason), p.Message, flagsOf(p), p.Node, p.Container, ownerOf(p)}
		if f.o.Details {
			row = append(row, detailCells(p, "")...)
		}
		if f.hosts {
			row = append(row, hostCells(p, "")...)
		}
		for m := range row {
			row[m] = term.Clean(row[m])
		}
		if err := c.Write(row); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

// ownerOf is empty for a result of something that is no pod.
func ownerOf(p *aid.Result) string {
	if p.Owner == (aid.Owner{}) {
		return ""
	}
	return p.Owner.String()
}

func flagsOf(p *aid.Result) string {
	words := make([]string, len(p.Flags))
	for n, flag := range p.Flags {
		words[n] = string(flag)
	}
	return strings.Join(words, " ")
}

// detailCells are the columns of --details; missing stands for what a sensor did not say.
func detailCells(p *aid.Result, missing string) []string {
	cells := make([]string, 6)
	if d := p.Details; d != nil {
		cells = []string{d.Version, string(d.CIDMatch), strings.Join(d.Tags, ","), d.Proxy.String(), d.Trace, d.RFM.State}
	}
	for n := range cells {
		if cells[n] == "" {
			cells[n] = missing
		}
	}
	return cells
}

// hostColumns are the columns of --hosts but the last, which is the link.
const hostColumns = 6

// hostCells are the columns of --hosts; missing stands for what the console does not know.
func hostCells(p *aid.Result, missing string) []string {
	cells := make([]string, hostColumns+1)
	if h := p.Host; h != nil {
		seen := ""
		if !h.LastSeen.IsZero() {
			seen = h.LastSeen.UTC().Format(time.RFC3339)
		}
		cells = []string{h.Name, seen, h.Online, h.Version, h.Policy, h.RFM, h.Link}
	}
	for n := range cells {
		if cells[n] == "" {
			cells[n] = missing
		}
	}
	return cells
}
