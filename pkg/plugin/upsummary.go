package plugin

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/stage"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
)

// leftThing is something that down left.
type leftThing struct {
	// Object is its kind and name.
	Object string `json:"object"`
	// Why it was left.
	Why string `json:"why"`
	// Command takes it away, where one does.
	Command string `json:"command,omitempty"`
}

// others is why most things are left.
const others = "it was not made by kubectl falcon"

// leave takes down that something is left; a plan and the run after it may both say so.
func (u *undertaking) leave(object, why, command string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	same := func(l leftThing) bool { return l.Object == object }
	u.left = append(slices.DeleteFunc(u.left, same), leftThing{object, why, command})
}

// leftWithCluster forgets what was left in a cluster, or for it, that is gone now itself.
func (u *undertaking) leftWithCluster() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.left = slices.DeleteFunc(u.left, func(l leftThing) bool { return !strings.HasPrefix(l.Object, "repository/") })
}

// leaveInside takes down what is left in the cluster.
func (u *undertaking) leaveInside(left *inject.Leftovers) {
	for _, one := range left.Injectors {
		u.leave(one, "it is another injector", "")
	}
	for _, one := range left.Objects {
		u.leave(one, "it was made by others, or by hand", "")
	}
	for _, one := range left.Labelled {
		u.leave("namespace/"+one, "it carries the label "+inject.InjectionKey, "")
	}
	for _, w := range left.Workloads {
		u.leave(fmt.Sprintf("%s/%s in namespace %s", strings.ToLower(w.Kind), w.Name, w.Namespace),
			"the sensor stays in "+count(w.Pods, "pod")+" of it until made anew", w.Restart())
	}
}

// leaveKept takes down an object that the injector's removal keeps.
func (u *undertaking) leaveKept(e inject.Event) {
	if e.Left != "" {
		u.leave(e.Object, e.Left, "")
	}
}

// summarise ends a run of up: with a table of its stages, or their structure.
func (s *session) summarise(f *upFlags, u *undertaking, outcomes []stage.Outcome, failed error) error {
	if *f.eks.format != term.Table {
		printed := term.Structured(s.Out, *f.eks.format, map[string]any{"stages": outcomes, "image": u.image, "demo": u.proved})
		return lasting(outcomes, printed, failed)
	}
	printed := printStages(s.Out, outcomes)
	if u.proved != nil && u.proved.Detection != nil && printed == nil {
		_, printed = fmt.Fprintf(s.Out, "the detection: %s\n", u.proved.Detection.Link)
	}
	return lasting(outcomes, printed, failed)
}

// summariseDown is the same for down, with what it left.
func (s *session) summariseDown(f *upFlags, u *undertaking, outcomes []stage.Outcome, failed error) error {
	u.mu.Lock()
	left := append([]leftThing{}, u.left...)
	u.mu.Unlock()
	slices.SortFunc(left, func(a, b leftThing) int { return strings.Compare(a.Object, b.Object) })
	if *f.eks.format != term.Table {
		printed := term.Structured(s.Out, *f.eks.format, map[string]any{"stages": outcomes, "left": left})
		return lasting(outcomes, printed, failed)
	}
	printed := printStages(s.Out, outcomes)
	if printed == nil {
		printed = printLeft(s.Out, left)
	}
	return lasting(outcomes, printed, failed)
}

// lasting is the error of a run, which says that the same again goes on, or else that of the printing.
func lasting(outcomes []stage.Outcome, printed, failed error) error {
	if failed == nil {
		return printed
	}
	p, ok := errors.AsType[*problem.Error](failed)
	if !ok || leftToDo(outcomes) == "" {
		return failed
	}
	next := p.Next()
	if next != "" {
		next += "; "
	}
	return problem.New(p.Kind(), next+"then run the same again, it goes on from there", "%w", failed)
}

// printStages is the table at the end of a run.
func printStages(w io.Writer, outcomes []stage.Outcome) error {
	rows := make([][]string, 0, len(outcomes))
	for n := range outcomes {
		o := &outcomes[n]
		rows = append(rows, []string{o.Name, string(o.State), seconds(o.Seconds), inBrief(o)})
	}
	return narrow(w, []string{"STAGE", "STATE", "TOOK", "WHAT"}, rows)
}

// inBrief is what became of a stage, without what is printed whole elsewhere.
func inBrief(o *stage.Outcome) string {
	if o.State == stage.Failed {
		return "see below"
	}
	what, _, _ := strings.Cut(o.What, ", https://")
	if name := strings.LastIndexByte(what, ':'); strings.HasPrefix(what, "arn:") {
		what = what[name+1:]
	}
	return shortImage(what)
}

// printLeft lists what down left, each with why, and the command that takes it away whole.
func printLeft(w io.Writer, left []leftThing) error {
	if len(left) == 0 {
		return nil
	}
	text := "left:\n"
	for _, one := range left {
		text += "  - " + strings.Join(foldWords(one.Object+": "+one.Why, tableWidth-4), "\n    ") + "\n"
		if one.Command != "" {
			text += "    $ " + one.Command + "\n"
		}
	}
	_, err := io.WriteString(w, text)
	return err
}

// tableWidth is how wide the tables of up and down are at most, and lastWidth how wide their last column is at
// least.
const tableWidth, lastWidth = 80, 24

// narrow prints a table whose last column is folded.
func narrow(w io.Writer, header []string, rows [][]string) error {
	last, room := len(header)-1, tableWidth
	for n := range last {
		widest := len(header[n])
		for _, row := range rows {
			widest = max(widest, len(row[n]))
		}
		room -= widest + 2
	}
	var folded [][]string
	for _, row := range rows {
		for n, text := range foldWords(row[last], max(room, lastWidth)) {
			cells := make([]string, last, last+1)
			if n == 0 {
				copy(cells, row[:last])
			}
			folded = append(folded, append(cells, text))
		}
	}
	return term.Rows(w, header, folded)
}

// foldWords breaks a text into lines of at most so many characters, at need within a word; there is at least one.
func foldWords(text string, width int) (lines []string) {
	for _, word := range strings.Fields(text) {
		last := len(lines) - 1
		if last >= 0 && len(lines[last])+1+len(word) <= width {
			lines[last] += " " + word
			continue
		}
		letters := []rune(word)
		for len(letters) > width {
			lines = append(lines, string(letters[:width]))
			letters = letters[width:]
		}
		lines = append(lines, string(letters))
	}
	if lines == nil {
		lines = []string{""}
	}
	return lines
}

func seconds(n float64) string {
	return (time.Duration(n * float64(time.Second))).Round(time.Second).String()
}

// leftToDo are the stages that were not done.
func leftToDo(outcomes []stage.Outcome) string {
	var names []string
	for n := range outcomes {
		if state := outcomes[n].State; !slices.Contains([]stage.State{stage.Made, stage.Present}, state) {
			names = append(names, outcomes[n].Name)
		}
	}
	return strings.Join(names, ", ")
}
