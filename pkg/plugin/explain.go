package plugin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/explain"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/match"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify"
)

func newExplain(s *session) *cobra.Command {
	var files []string
	cmd := &cobra.Command{
		Use:   "explain TYPE/NAME ... | -f FILE",
		Short: "Say rule by rule why a pod gets the sensor, or does not",
		Long: "Say rule by rule whether the API server sends a pod to each injector and whether\n" +
			"the injector adds the sensor, and hold that against the server's own answer to a\n" +
			"dry run of that very pod. Nothing is created.\n\n" +
			"A workload stands for a pod of its template; files may be of many documents, and\n" +
			"- is stdin.\n\n" +
			"The exit code is 1 when the API server would refuse a pod, or when the rules and\n" +
			"its answer differ.",
		Args: func(cmd *cobra.Command, args []string) error {
			if (len(args) == 0) == (len(files) == 0) {
				return problem.New(problem.BadInput, cmd.CommandPath()+" --help", "name either pods and workloads, as TYPE/NAME, or files with -f")
			}
			_, err := readTargets(args)
			return err
		},
	}
	cmd.Flags().StringArrayVarP(&files, "filename", "f", nil, "explain the pods of this `FILE`; may be given again")
	format := formatFlag(cmd)
	cmd.RunE = s.onCluster(func(ctx context.Context, c *kube.Cluster, args []string) error {
		report, err := s.explain(ctx, c, args, files)
		if err != nil {
			return err
		}
		if err := s.printExplained(*format, report); err != nil {
			return err
		}
		return report.Error()
	})
	return cmd
}

// readTargets reads arguments of the form TYPE/NAME.
func readTargets(args []string) (all []verify.Target, err error) {
	for _, arg := range args {
		kind, name, err := kube.ParseTarget(arg)
		if err != nil {
			return nil, err
		}
		all = append(all, verify.Target{Kind: kind, Name: name})
	}
	return all, nil
}

func (s *session) explain(ctx context.Context, c *kube.Cluster, args, files []string) (*explain.Report, error) {
	if len(files) == 0 {
		targets, err := readTargets(args)
		if err != nil {
			return nil, err
		}
		subjects, err := explain.Fetch(ctx, c, targets)
		if err != nil {
			return nil, err
		}
		return explain.Explain(ctx, c, subjects, nil)
	}
	all := explain.File{Namespaces: map[string]map[string]string{}}
	for _, name := range files {
		f, err := s.readManifest(name, c.Namespace)
		if err != nil {
			return nil, err
		}
		all.Subjects, all.Skipped = append(all.Subjects, f.Subjects...), append(all.Skipped, f.Skipped...)
		maps.Copy(all.Namespaces, f.Namespaces)
	}
	report, err := explain.Explain(ctx, c, all.Subjects, all.Namespaces)
	if err != nil {
		return nil, err
	}
	report.Skipped = all.Skipped
	return report, nil
}

func (s *session) readManifest(name, namespace string) (*explain.File, error) {
	if name == "-" {
		return explain.Read(s.In, "stdin", namespace)
	}
	file, err := os.Open(name)
	if err != nil {
		// The path is said already.
		if cause, ok := errors.AsType[*fs.PathError](err); ok {
			err = cause.Err
		}
		return nil, problem.New(problem.BadInput, "check the path", "%s cannot be read: %w", name, err)
	}
	defer file.Close()
	return explain.Read(file, name, namespace)
}

func (s *session) printExplained(format term.Format, r *explain.Report) error {
	if format != term.Table {
		return term.Structured(s.Out, format, r)
	}
	for n := range r.Pods {
		if n > 0 {
			fmt.Fprintln(s.Out)
		}
		if err := printExplanation(s.Out, s.painter(), &r.Pods[n]); err != nil {
			return err
		}
	}
	for _, skipped := range r.Skipped {
		s.remark("skipped %s: %s", term.Clean(skipped.Object), term.Clean(skipped.Why))
	}
	return nil
}

// answers are how the outcomes are told, with the style in which.
var answers = map[explain.Outcome]struct {
	text  string
	style term.Style
}{
	explain.Injected: {"gets the sensor", term.Good},
	explain.Plain:    {"does not get the sensor", term.Warn},
	explain.Refused:  {"is refused", term.Bad},
	explain.Unknown:  {"cannot be told", term.Warn},
}

// printExplanation prints the answer first, then the two sides that it comes from.
func printExplanation(w io.Writer, paint term.Painter, e *explain.Explanation) error {
	var b strings.Builder
	row := func(heading, text string) { b.WriteString(folded("  ", fmt.Sprintf("%-14s", heading), text)) }
	answer := answers[e.Outcome]
	subject := fmt.Sprintf("%s/%s in namespace %s: ", strings.ToLower(e.Kind), e.Name, e.Namespace)
	b.WriteString(coloured(paint, answer.style, folded("", subject, answer.text), answer.text))
	about := e.About
	if e.File != "" {
		about += ", from " + e.File
	}
	row("asked about", about)
	row("why", e.Why)
	row("next", e.Next)
	row("by the rules", ruled(e))
	row("API server", served(e))
	agreement := agreements[e.Agreement]
	b.WriteString(coloured(paint, agreement.style, folded("  ", "together      ", agreement.text), agreement.text))
	for _, note := range e.Notes {
		row("note", note)
	}
	for n := range e.Injectors {
		i := &e.Injectors[n]
		b.WriteString("\n" + folded("  ", "injector: ", i.Name))
		b.WriteString(printSteps(paint, "is the pod sent to it?", i.Called))
		if i.FailurePolicy != "" {
			b.WriteString(folded("    ", fmt.Sprintf("%-4s%-22s", "-", "failure policy"), policy(i)))
		}
		b.WriteString(printSteps(paint, "does it add the sensor?", i.Injects))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// coloured colours the first occurrence of a text of this program's own in a line.
func coloured(paint term.Painter, style term.Style, line, text string) string {
	return strings.Replace(line, text, paint.Paint(style, text), 1)
}

func ruled(e *explain.Explanation) string {
	if e.Unread != "" {
		return e.Unread
	}
	return told(e.Rules)
}

func told(o explain.Outcome) string {
	return map[explain.Outcome]string{explain.Injected: "made with the sensor", explain.Plain: "made without the sensor",
		explain.Refused: "refused", explain.Unknown: "only the API server can tell"}[o]
}

func served(e *explain.Explanation) string {
	s := e.Server
	switch {
	case s.Outcome == "":
		return "not asked: " + s.Why
	case s.Outcome == explain.Refused:
		return fmt.Sprintf("refused (%s): %s", s.Class, s.Message)
	case s.Outcome == explain.Injected:
		return told(s.Outcome) + ", the container " + s.Sidecar
	}
	return told(s.Outcome)
}

// agreements are how it is told whether the two sides agree.
var agreements = map[explain.Agreement]struct {
	text  string
	style term.Style
}{
	explain.Agree:    {"the two agree", term.Good},
	explain.Disagree: {"THE TWO DISAGREE", term.Bad},
	explain.Unproved: {"unproved: there are no two answers to compare", term.Warn},
}

func policy(i *explain.Injector) string {
	if i.FailurePolicy == "Ignore" {
		return "Ignore: while no injector answers, pods start without the sensor"
	}
	return i.FailurePolicy + ": while no injector answers, pods are refused"
}

// printSteps prints a question with its answer and below it the rules that it follows from.
func printSteps(paint term.Painter, question string, d match.Decision) string {
	text := fmt.Sprintf("    %s %s\n", question, paint.Paint(markStyles[d.Answer], string(d.Answer)))
	for _, step := range d.Steps {
		mark := marks[step.Answer]
		line := folded("    ", fmt.Sprintf("%-4s%-22s", mark, step.Rule+" "), step.Why)
		text += coloured(paint, markStyles[step.Answer], line, mark)
	}
	return text
}

var (
	marks      = map[match.Answer]string{match.Yes: "yes", match.No: "no", match.Unknown: "?"}
	markStyles = map[match.Answer]term.Style{match.Yes: term.Good, match.No: term.Warn, match.Unknown: term.Dim}
)

// folded is a text behind a heading, in as many lines of 80 columns as it takes; nothing if it is empty.
// What comes from the cluster is made harmless; a word that is too long stays whole.
func folded(indent, heading, text string) string {
	const width = 80
	if text == "" {
		return ""
	}
	// Clean takes the spaces at the end, by which a heading is filled up to its column.
	fill := heading[len(strings.TrimRight(heading, " ")):]
	line, text := indent+term.Clean(heading)+fill, term.Clean(text)
	hang := strings.Repeat(" ", min(len(line), 30))
	var lines []string
	for n, word := range strings.Fields(text) {
		if n > 0 && len(line)+1+len(word) > width {
			lines, line = append(lines, line), hang+word
			continue
		}
		if n > 0 {
			line += " "
		}
		line += word
	}
	return strings.Join(append(lines, line), "\n") + "\n"
}
