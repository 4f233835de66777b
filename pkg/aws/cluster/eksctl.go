package cluster

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

const (
	// patience is how long eksctl may take to end after it was interrupted.
	patience = 10 * time.Second
	// longestLine is more than a line of eksctl has.
	longestLine = 1 << 20
	// getEksctl is how to come by it.
	getEksctl = "install eksctl: https://docs.aws.amazon.com/eks/latest/eksctl/installation.html (on macOS: brew install eksctl), or give the file with --eksctl; --print-config prints what it would be given"
)

// Eksctl is an installed eksctl.
type Eksctl struct {
	// File is the program, Env its variables.
	File string
	Env  []string
	// Profile and Region are those of the AWS configuration.
	Profile, Region string
}

// Find says where eksctl is. look is how programs are found, such as exec.LookPath; what it gets is a name or
// a file.
func Find(look func(string) (string, error), file string) (string, error) {
	name := file
	if name == "" {
		name = "eksctl"
	}
	found, err := look(name)
	switch {
	case err == nil:
		return found, nil
	case file == "":
		return "", problem.New(problem.BadInput, getEksctl, "eksctl is not installed: it is not on the PATH")
	}
	return "", problem.New(problem.BadInput, getEksctl, "%s cannot be run: %w", file, errors.Unwrap(err))
}

// run runs eksctl and gives each line that is worth it to show. When the context ends, eksctl is interrupted,
// as Ctrl-C does.
func (e *Eksctl) run(ctx context.Context, args []string, stdin []byte, show func(text string, warning bool)) (*transcript, error) {
	reader, writer := io.Pipe()
	cmd := exec.CommandContext(ctx, e.File, append(args, "--color", "false")...)
	cmd.Env = e.Env
	cmd.Stdin = bytes.NewReader(stdin)
	// One writer for both, so that lines keep their order and are not mixed.
	cmd.Stdout, cmd.Stderr = writer, writer
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = patience
	said := &transcript{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		lines := bufio.NewScanner(reader)
		lines.Buffer(nil, longestLine)
		for lines.Scan() {
			if text, warning := said.take(lines.Text()); text != "" {
				show(text, warning)
			}
		}
		// Whatever cannot be read must not stop eksctl.
		_, _ = io.Copy(io.Discard, reader)
	}()
	err := cmd.Run()
	_ = writer.Close()
	<-done
	if ctx.Err() != nil {
		return said, ctx.Err()
	}
	return said, err
}

// profileFlag is the AWS profile for eksctl, if one was named.
func (e *Eksctl) profileFlag() []string {
	if e.Profile == "" {
		return nil
	}
	return []string{"--profile", e.Profile}
}

// command is how people would call eksctl for the same.
func (e *Eksctl) command(args []string) string {
	return strings.Join(append([]string{"eksctl"}, args...), " ")
}

// known are reasons of eksctl and AWS with what to do about them.
var known = []struct {
	says []string
	kind problem.Kind
	next string
}{
	{[]string{"AlreadyExistsException"}, problem.Failed, ""},
	{[]string{"ExpiredToken", "token has expired", "RequestExpired", "SSO session"}, problem.NoAccess, "get new credentials, then run this again: it goes on from where it was"},
	{[]string{"unable to determine AWS credentials", "NoCredentialProviders", "failed to retrieve credentials", "no EC2 IMDS role found", "InvalidClientTokenId", "UnrecognizedClientException"},
		problem.NoAccess, "eksctl finds no usable AWS credentials; check --profile and the variables that begin with AWS_"},
	{[]string{"AccessDenied", "not authorized to perform", "UnauthorizedOperation"}, problem.NoAccess, "ask for the rights that this prints: kubectl falcon aws iam-policy %s"},
	{[]string{"VpcLimitExceeded", "maximum number of VPCs", "AddressLimitExceeded", "maximum number of addresses", "NatGatewayLimitExceeded", "InternetGatewayLimitExceeded", "ResourceLimitExceeded", "ServiceQuotaExceeded"},
		problem.Failed, "delete what is not needed, or ask AWS for a higher quota (Service Quotas in its console); then remove what is there: kubectl falcon aws cluster delete NAME"},
	{[]string{"UnsupportedAvailabilityZoneException"}, problem.Failed, "a zone of this region has no room for control planes; remove what is there and run this again: kubectl falcon aws cluster delete NAME"},
	{[]string{"invalid version", "is not supported for creation", "unsupported Kubernetes version"}, problem.BadInput, "choose another with --kubernetes-version, or leave it out; a newer eksctl knows newer versions"},
	{[]string{"unknown field", "unknown flag"}, problem.Failed, "this eksctl is too old for what it is given: install a newer one"},
}

// failure is the error of an eksctl that failed. doing says what it was to do, what is the command of ours.
func (e *Eksctl) failure(doing, name, what string, said *transcript, err error, next string) error {
	if _, ran := errors.AsType[*exec.ExitError](err); !ran {
		return problem.New(problem.BadInput, getEksctl, "%s: %s cannot be run: %w", doing, e.File, err)
	}
	reason := said.reason()
	if reason == "" {
		reason = fmt.Sprintf("it ended with %s and said nothing", strings.TrimPrefix(err.Error(), "exit "))
	}
	for _, k := range known {
		for _, text := range k.says {
			if !said.says(text) {
				continue
			}
			if k.next != "" {
				next = strings.NewReplacer("%s", what, "NAME", name).Replace(k.next)
			}
			return problem.New(k.kind, next, "%s: eksctl says: %s", doing, reason)
		}
	}
	return problem.New(problem.Failed, next, "%s: eksctl says: %s", doing, reason)
}
