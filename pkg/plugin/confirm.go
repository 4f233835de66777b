package plugin

import (
	"bufio"
	"context"
	"fmt"
	"strings"
)

// ask asks a question on the terminal and says whether the answer is yes. The caller knows that there is one.
func (s *session) ask(ctx context.Context, question string) (bool, error) {
	fmt.Fprintf(s.Err, "%s [y/N] ", question)
	answer := make(chan string, 1)
	go func() {
		// An end of input is a no.
		line, _ := bufio.NewReader(s.In).ReadString('\n')
		answer <- strings.ToLower(strings.TrimSpace(line))
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(s.Err)
		return false, ctx.Err()
	case word := <-answer:
		return word == "y" || word == "yes", nil
	}
}
