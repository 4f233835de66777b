package plugin

import (
	"bufio"
	"context"
	"fmt"
	"strings"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
)

// interactive says whether there is somebody to ask.
func (s *session) interactive() bool { return term.Interactive(s.Streams) }

// ask asks a question on the terminal and says whether the answer is yes. The caller knows that there is one.
func (s *session) ask(ctx context.Context, question string) (bool, error) {
	word, err := s.line(ctx, question+" [y/N]")
	word = strings.ToLower(word)
	return word == "y" || word == "yes", err
}

// line asks a question on the terminal and returns the answer.
func (s *session) line(ctx context.Context, question string) (string, error) {
	fmt.Fprintf(s.Err, "%s ", question)
	answer := make(chan string, 1)
	go func() {
		// An end of input is no answer.
		line, _ := bufio.NewReader(s.In).ReadString('\n')
		answer <- strings.TrimSpace(line)
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(s.Err)
		return "", ctx.Err()
	case word := <-answer:
		return word, nil
	}
}
