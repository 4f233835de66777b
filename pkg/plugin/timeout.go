package plugin

import (
	"errors"
	"time"

	"github.com/spf13/cobra"
)

// patience is the value of --timeout: a duration that is more than nothing.
type patience time.Duration

// String returns the duration as Go writes it.
func (p *patience) String() string { return time.Duration(*p).String() }

// Type is what help shows for the value.
func (p *patience) Type() string { return "duration" }

// Set reads a duration such as 30s or 5m.
func (p *patience) Set(text string) error {
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return errors.New("write it as 30s or 5m")
	case d <= 0:
		return errors.New("it must be more than 0")
	}
	*p = patience(d)
	return nil
}

// timeoutFlag adds --timeout to a command that waits; on Fargate a pod takes one to two minutes to start.
func timeoutFlag(cmd *cobra.Command, target *time.Duration, usage string) {
	*target = 5 * time.Minute
	cmd.Flags().Var((*patience)(target), "timeout", usage)
}
