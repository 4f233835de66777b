// Package falconctl is the stand-in's falconctl: it reads options of the
// sidecar it runs in and prints them in any of the forms real versions have
// been seen to print. It can only get, never set.
package falconctl

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/sensor"
	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/standin"
)

// Exit codes; the real ones are not public.
const (
	exitUsage  = 1
	exitUnset  = 1
	exitError  = 255
	exitKilled = 143
)

// version is a made-up one in the vendor's form.
const version = "7.40.18000.0"

const usage = `usage: falconctl -g [--aid] [--cid] [--version] [--tags] [--apd] [--aph] [--app]
                    [--rfm-state] [--rfm-reason] [--trace]

  -g, --get    get the options named; several may be named at once
  -h, --help   print this text

` + standin.Notice + "\n"

// known are the options there are to get.
var known = []string{"aid", "cid", "version", "tags", "apd", "aph", "app", "rfm-state", "rfm-reason", "trace"}

// Run is the falconctl program.
func Run(ctx context.Context, p standin.Process) int {
	options, help, err := parseArgs(p.Args)
	if help {
		fmt.Fprint(p.Out, usage)
		return 0
	}
	if err != nil {
		fmt.Fprintf(p.Err, "falconctl: %v\n%s", err, usage)
		return exitUsage
	}
	form, err := parseForm(p.Env)
	if err != nil {
		fmt.Fprintln(p.Err, "ERROR:", err)
		return exitError
	}
	answers, err := ask(p.Env, options)
	if err != nil {
		fmt.Fprintln(p.Err, "ERROR:", err)
		return exitError
	}
	return reply(ctx, p, form, answers)
}

// parseArgs words its refusals as getopt does.
func parseArgs(args []string) (options []string, help bool, err error) {
	get := false
	for _, arg := range args {
		option, long := strings.CutPrefix(arg, "--")
		switch {
		case arg == "-g" || arg == "--get":
			get = true
		case arg == "-h" || arg == "--help":
			return nil, true, nil
		case long && slices.Contains(known, option):
			options = append(options, option)
		case long:
			return nil, false, fmt.Errorf("unrecognized option '%s'", arg)
		case len(arg) > 1 && arg[0] == '-':
			return nil, false, fmt.Errorf("invalid option -- '%s'", arg[1:])
		default:
			return nil, false, fmt.Errorf("ERROR: '%s' is not a valid argument", arg)
		}
	}
	if !get {
		return nil, false, fmt.Errorf("ERROR: -g is missing")
	}
	if len(options) == 0 {
		return nil, false, fmt.Errorf("ERROR: no option to get")
	}
	return options, false, nil
}

// answer is one option and its value; an empty value is an unset one.
type answer struct {
	option string
	value  string
}

func ask(env standin.Env, options []string) ([]answer, error) {
	answers := make([]answer, 0, len(options))
	for _, option := range options {
		a := answer{option: option}
		switch option {
		case "aid":
			aid, err := sensor.OpenState(env).AID()
			if err != nil {
				return nil, err
			}
			a.value = aid
		case "cid":
			a.value = standin.ShortCID(env.Option("CID"))
		case "version":
			a.value = version
		case "rfm-state":
			a.value = "false"
		case "rfm-reason":
			a.value = "None, code=0x0"
		case "apd":
			a.value = strings.ToUpper(env.Option("APD"))
		default:
			a.value = env.Option(strings.ToUpper(option))
		}
		answers = append(answers, a)
	}
	return answers, nil
}

// reply prints the answers in the form asked for, or misbehaves as it says.
func reply(ctx context.Context, p standin.Process, form Form, answers []answer) int {
	text := render(form, answers)
	switch form {
	case FormEmpty:
		return 0
	case FormNonzero:
		for i := range answers {
			answers[i].value = ""
		}
		write(p.Out, render(form, answers))
		return exitUnset
	case FormError:
		fmt.Fprintln(p.Err, "ERROR: failed to reach the sensor (a fault of the stand-in)")
		return exitError
	case FormHang:
		<-ctx.Done()
		return exitKilled
	case FormHuge:
		write(p.Out, strings.Repeat(filler, hugeBytes/len(filler)+1))
	case FormHalf:
		text = text[:len(text)/2]
	}
	write(p.Out, text)
	return 0
}

// write leaves a reader that has gone away to notice by itself.
func write(w io.Writer, text string) { _, _ = io.WriteString(w, text) }
