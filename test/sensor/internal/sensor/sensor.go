// Package sensor is the main process of the stand-in's sidecar. It protects and
// reports nothing: it waits a little, gives itself an agent id as if a cloud had
// registered it, and stays until it is told to go.
package sensor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/standin"
)

// never as FALCON_STANDIN_AID keeps the sensor from ever registering.
const never = "never"

const defaultDelay = "3s"

// options is the part of the environment the sensor heeds.
type options struct {
	never bool
	fixed string
	delay time.Duration
}

func parseOptions(env standin.Env) (options, error) {
	o := options{}
	if cid := env.Option("CID"); cid == "" {
		return o, errors.New(standin.EnvCID + " is not set")
	}
	switch aid := env[standin.EnvAID]; {
	case aid == never:
		o.never = true
	case aid != "" && !standin.ValidAID(aid):
		return o, fmt.Errorf("%s=%q: want 32 hex digits or %s", standin.EnvAID, aid, never)
	default:
		o.fixed = strings.ToLower(aid)
	}
	text := env.Get(standin.EnvAIDDelay, defaultDelay)
	delay, err := time.ParseDuration(text)
	if err != nil || delay < 0 {
		return o, fmt.Errorf("%s=%q: want a duration such as 3s", standin.EnvAIDDelay, text)
	}
	o.delay = delay
	return o, nil
}

// Run is the sensor program. It returns when ctx ends.
func Run(ctx context.Context, p standin.Process) int {
	o, err := parseOptions(p.Env)
	if err != nil {
		fmt.Fprintln(p.Err, "sensor:", err)
		return 1
	}
	fmt.Fprintln(p.Err, "sensor: "+standin.Notice)
	if os.Getpid() == 1 {
		// Whatever kubectl exec leaves behind becomes a child of process 1.
		go reap(ctx)
	}
	if !o.never && wait(ctx, o.delay) {
		aid, err := OpenState(p.Env).register(o.fixed)
		if err != nil {
			fmt.Fprintln(p.Err, "sensor:", err)
			return 1
		}
		fmt.Fprintln(p.Err, "sensor: registered, agent id", aid)
	}
	<-ctx.Done()
	return 0
}

// wait reports whether the whole delay went by before ctx ended.
func wait(ctx context.Context, delay time.Duration) bool {
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
