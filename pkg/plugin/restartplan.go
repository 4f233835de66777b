package plugin

import (
	"fmt"
	"io"
	"strings"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/restart"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
)

// printPlan prints what a restart would do, wave by wave, and then what it leaves alone.
func (s *session) printPlan(w io.Writer, p *restart.Plan) error {
	var b strings.Builder
	for _, blocked := range p.Blocked {
		b.WriteString(folded("", "nothing is restarted: ", "in namespace "+blocked.Namespace+" "+blocked.Why))
	}
	if p.Steps() == 0 && len(p.Left) == 0 {
		b.WriteString("nothing needs a restart\n")
	}
	for n, wave := range p.Waves {
		fmt.Fprintf(&b, "wave %d\n", n+1)
		for _, step := range wave {
			b.WriteString(folded("  ", fmt.Sprintf("%s: ", step.Name), fmt.Sprintf("%s, %s", ofPods(step.Pods, step.Replicas), step.Why)))
			b.WriteString(folded("      ", "", step.Effect))
			for _, note := range step.Notes {
				b.WriteString(folded("      ", "", note))
			}
		}
	}
	if len(p.Left) > 0 {
		b.WriteString("left alone\n")
	}
	for _, left := range p.Left {
		b.WriteString(folded("  ", fmt.Sprintf("%s: ", left.Name), fmt.Sprintf("%s, %s", count(left.Pods, "pod"), left.Why)))
		b.WriteString(folded("      ", "", left.Text))
	}
	_, err := io.WriteString(w, term.Fold(w, b.String(), "        "))
	return err
}

// ofPods counts the pods that need a restart among those that get one.
func ofPods(pods, replicas int) string {
	if pods >= replicas {
		return count(pods, "pod")
	}
	return fmt.Sprintf("%d of %s", pods, count(replicas, "pod"))
}

// printResult says what became of each workload, so that also after a failure or Ctrl-C it is known what
// state the cluster is in.
func (s *session) printResult(r *restart.Result, dryRun bool) {
	touched := len(r.Done) + len(r.Failed) + len(r.UnderWay) + len(r.Untouched)
	if touched == 0 && len(r.Left) == 0 && len(r.Unneeded) == 0 {
		s.remark("nothing needs a restart")
		return
	}
	done := "came through"
	if dryRun {
		done = "would be restarted"
	}
	for _, left := range r.Left {
		s.remark("left alone: %s: %s", left.Name, left.Text)
	}
	for _, group := range []struct {
		what  string
		names []restart.Name
	}{
		{done, r.Done},
		{"needed no restart any more", r.Unneeded},
		{"did not come through", r.Failed},
		{"restarted, and the cluster goes on with it", r.UnderWay},
		{"not touched", r.Untouched},
	} {
		if n := len(group.names); n > 0 {
			s.remark("%s: %s", group.what, someNames(group.names))
		}
	}
}

// someNames lists names; of many it counts the rest, since -o json has them all.
func someNames(names []restart.Name) string {
	const most = 8
	var words []string
	for n, name := range names {
		if n == most {
			words = append(words, fmt.Sprintf("and %d more", len(names)-most))
			break
		}
		words = append(words, name.String())
	}
	return strings.Join(words, ", ")
}
