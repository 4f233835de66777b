package sensor

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
)

// reap collects children that ended, until ctx ends. It takes every child of
// the process, so nothing else in it may wait for children.
func reap(ctx context.Context) {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGCHLD)
	defer signal.Stop(ended)
	for {
		// One signal may stand for many children, and some may have ended
		// before the first signal was asked for.
		for {
			pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
			if errors.Is(err, syscall.EINTR) {
				continue
			}
			if err != nil || pid <= 0 {
				break
			}
		}
		select {
		case <-ended:
		case <-ctx.Done():
			return
		}
	}
}
