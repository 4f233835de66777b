package plugin

import (
	"context"
	"fmt"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
)

// waitForKey leaves what was printed on the screen until somebody has pressed a key, for programs such as k9s,
// which show their own screen again as soon as a command ends. It says whether there was somebody: not in a
// pipe, and not after a signal.
func (s *session) waitForKey(ctx context.Context) bool {
	if !s.interactive() || ctx.Err() != nil {
		return false
	}
	fmt.Fprint(s.Err, "\npress any key to go on ")
	err := term.Key(ctx, s.In)
	fmt.Fprintln(s.Err)
	return err == nil
}
