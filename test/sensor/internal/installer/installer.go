// Package installer is the stand-in's installer: it prints the six objects that
// make an injector, as YAML for kubectl apply, with a fresh certificate each
// run. It is rebuilt from public facts about the real installer's output and
// touches no cluster itself.
package installer

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/standin"
)

// exitUsage is what Go's flag package ends a program with.
const exitUsage = 2

// Run is the installer program.
func Run(_ context.Context, p standin.Process) int {
	options, err := parse(p.Args, p.Err)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		return exitUsage
	}
	objects, err := options.objects(time.Now())
	if err == nil {
		err = writeYAML(p.Out, objects)
	}
	if err != nil {
		fmt.Fprintln(p.Err, "installer:", err)
		return 1
	}
	return 0
}
