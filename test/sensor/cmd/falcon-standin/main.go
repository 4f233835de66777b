// Command falcon-standin is every program of the stand-in sensor image in one
// binary: it acts by the name it is called by, or by its first argument. It
// only maps names to programs, and signals to the end of their context.
//
// It stands in for a container sensor in this project's test lab. It is an
// approximation and not a CrowdStrike product.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/falconctl"
	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/injector"
	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/installer"
	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/launch"
	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/sensor"
	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/standin"
)

const usage = `usage: falcon-standin PROGRAM [arguments]

PROGRAM is one of injector, falconctl, installer, sensor, falcon-init and
falcon-entrypoint; a link of that name to this file runs the program as well.

` + standin.Notice + "\n"

var programs = map[string]standin.Program{
	"injector":          injector.Run,
	"falconctl":         falconctl.Run,
	"installer":         installer.Run,
	"sensor":            sensor.Run,
	"falcon-init":       launch.Init,
	"falcon-entrypoint": launch.Entrypoint,
}

func main() {
	program, args := choose(os.Args)
	if program == nil {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	code := program(ctx, standin.Process{
		Args: args,
		Env:  standin.ParseEnv(os.Environ()),
		Out:  os.Stdout,
		Err:  os.Stderr,
	})
	stop()
	os.Exit(code)
}

// choose finds the program in argv, and the arguments meant for it.
func choose(argv []string) (standin.Program, []string) {
	if len(argv) == 0 {
		return nil, nil
	}
	if program := programs[filepath.Base(argv[0])]; program != nil {
		return program, argv[1:]
	}
	if len(argv) == 1 {
		return nil, nil
	}
	return programs[argv[1]], argv[2:]
}
