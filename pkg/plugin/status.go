package plugin

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
)

func newStatus(s *session) *cobra.Command {
	var watch bool
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the injector and how many pods it protects",
		Long: "Show on one screen what is installed, what the webhook covers, how long the\n" +
			"certificates last and how many pods carry the sensor; what is wrong comes first.\n\n" +
			"The exit code is 1 if something is wrong that keeps pods from starting or from\nbeing protected.",
		Args: arguments(),
	}
	format := formatFlag(cmd)
	cmd.Flags().BoolVarP(&watch, "watch", "w", false, "show it again whenever it changes, until stopped")
	cmd.RunE = s.onCluster(func(ctx context.Context, c *kube.Cluster, _ []string) error {
		if watch {
			s.endless = true
			w := s.watcher(*format)
			return w.run(ctx, watchEvery, func(ctx context.Context) (*inject.State, error) { return inject.Status(ctx, c) })
		}
		state, err := inject.Status(ctx, c)
		if err != nil {
			return err
		}
		if err := printState(s.Out, *format, state); err != nil {
			return err
		}
		return broken(state)
	})
	return cmd
}

// broken ends the command of a state that is worse than a warning; what is wrong has been printed.
func broken(state *inject.State) error {
	for _, f := range state.Faults {
		if !f.Warning {
			return exitWith{code: ExitFailed}
		}
	}
	return nil
}

// labelWidth is where the second column begins, textWidth what it may take of 80 columns.
const (
	labelWidth = 13
	textWidth  = 80 - labelWidth
	// leastText is what the second column takes on the narrowest screen.
	leastText = 20
)

func printState(w io.Writer, format term.Format, state *inject.State) error {
	if format != term.Table {
		return term.Structured(w, format, state)
	}
	for _, f := range state.Faults {
		word := "wrong"
		if f.Warning {
			word = "warning"
		}
		if err := line(w, word, f.What); err != nil {
			return err
		}
		if err := line(w, "  next", f.Next); err != nil {
			return err
		}
	}
	if !state.Installed && !state.Webhook {
		return printNone(w, state)
	}
	for _, row := range [][2]string{
		{"injector", injectorLine(state)},
		{"image", orDash(shortImage(state.Image))},
		{"webhook", webhookLine(state)},
		{"covered", strings.Join(state.Covered, ", ")},
		{"certificate", certificateLine(state)},
		{"coverage", coverageLine(state)},
	} {
		if err := line(w, row[0], row[1]); err != nil {
			return err
		}
	}
	if len(state.Faults) == 0 {
		return line(w, "  next", "kubectl falcon verify")
	}
	return nil
}

// printNone is the screen of a cluster without an injector of this tool: it may have one of another.
func printNone(w io.Writer, state *inject.State) error {
	if len(state.Others) == 0 {
		if err := line(w, "injector", "not installed"); err != nil {
			return err
		}
		return line(w, "  next", "kubectl falcon install --cid CID --image IMAGE")
	}
	for _, other := range state.Others {
		if err := line(w, "injector", other); err != nil {
			return err
		}
	}
	return line(w, "  next", "kubectl falcon verify; change it with the tool that made it")
}

func injectorLine(s *inject.State) string {
	if !s.Installed {
		return "not installed"
	}
	made := s.Owner
	if s.Version != "" {
		made += " " + s.Version
	}
	return fmt.Sprintf("%d of %d replicas ready, by %s", s.Ready, s.Replicas, orDash(made))
}

func webhookLine(s *inject.State) string {
	if !s.Webhook {
		return "none, so new pods do not get the sensor"
	}
	means := "without an injector pods are refused"
	if s.FailurePolicy != "Fail" {
		means = "without an injector pods start without the sensor"
	}
	return fmt.Sprintf("covers %d of %d namespaces; %s: %s", len(s.Covered), len(s.Covered)+len(s.Left), s.FailurePolicy, means)
}

func certificateLine(s *inject.State) string {
	trust := "trusted by the webhook"
	switch {
	case s.CertificateDays < 0:
		return "none"
	case !s.Webhook:
		trust = "there is no webhook to trust it"
	case !s.Trusted:
		trust = "NOT trusted by the webhook"
	}
	return fmt.Sprintf("%d days left, %s", s.CertificateDays, trust)
}

func coverageLine(s *inject.State) string {
	text := fmt.Sprintf("%d of %d running pods in scope carry a ready sensor", s.Protected, s.Pods)
	if s.OptedOut > 0 {
		text += fmt.Sprintf("; %d opted out", s.OptedOut)
	}
	return text
}

// shortDigits are enough of a digest to tell two images apart; -o json has all of it.
const shortDigits = 12

// shortImage leaves the beginning of an image's digest.
func shortImage(image string) string {
	const algorithm = "@sha256:"
	if n := strings.Index(image, algorithm); n >= 0 && len(image) > n+len(algorithm)+shortDigits {
		return image[:n+len(algorithm)+shortDigits] + "..."
	}
	return image
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// mostLines is how many lines one row may take before it is cut.
const mostLines = 3

// line prints one row, folded to the second column, at need within a word; a long list is cut, since -o json
// has all of it.
func line(w io.Writer, label, text string) error {
	if text == "" {
		text = "-"
	}
	room := textWidth
	if width := term.Width(w); width > 0 {
		room = min(room, max(width-labelWidth, leastText))
	}
	lines := foldWords(text, room)
	if len(lines) > mostLines && label == "covered" {
		lines = lines[:mostLines]
		lines[mostLines-1] = strings.TrimRight(lines[mostLines-1], ",") + " ..."
	}
	for n, part := range lines {
		if n > 0 {
			label = ""
		}
		if _, err := fmt.Fprintf(w, "%-*s%s\n", labelWidth, label, part); err != nil {
			return err
		}
	}
	return nil
}
