package standin

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

// Main runs the program that argv names, among those of one binary, with this process's streams and
// environment, and returns its exit code: 2, after usage, if argv names none. SIGTERM and SIGINT end the
// program's context.
func Main(programs map[string]Program, usage string) int {
	program, args := Choose(programs, os.Args)
	if program == nil {
		fmt.Fprintf(os.Stderr, "%s\n\n%s\n", usage, Notice)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	return program(ctx, Process{
		Args: args,
		Env:  ParseEnv(os.Environ()),
		Out:  os.Stdout,
		Err:  os.Stderr,
	})
}

// Choose finds the program that argv is about, by the name it was called by or by its first argument, and
// the arguments meant for it; nil if there is none.
func Choose(programs map[string]Program, argv []string) (Program, []string) {
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
