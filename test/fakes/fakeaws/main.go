// Command fakeaws serves the local AWS on this machine alone, so that anybody can try the commands without an
// account. It is not AWS: it checks no signature, and nothing in it is real.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/test/fakes/aws"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "fakeaws:", err)
		os.Exit(1)
	}
}

// run serves until the context ends. What a shell needs to use it goes to out.
func run(ctx context.Context, args []string, out, errs io.Writer) error {
	flags := flag.NewFlagSet("fakeaws", flag.ContinueOnError)
	flags.SetOutput(errs)
	port := flags.Int("port", 0, "the port of the endpoint on the loopback address; 0 takes a free one")
	registryPort := flags.Int("registry-port", 0, "the same for the registry")
	region := flags.String("region", "eu-west-1", "the region")
	program := flags.String("registry", "", "the distribution registry's program; without one images are kept in memory")
	cluster := flags.String("cluster", "", "the name of an EKS cluster that is there from the beginning")
	profile := flags.Duration("profile-time", 20*time.Second, "how long a Fargate profile takes")
	if err := flags.Parse(args); err != nil {
		return err
	}
	// Never on another address: it lets everybody do everything.
	cloud, err := aws.Start(ctx, aws.Options{Region: *region, RegistryProgram: *program,
		EndpointAddress: fmt.Sprintf("127.0.0.1:%d", *port), RegistryAddress: fmt.Sprintf("127.0.0.1:%d", *registryPort),
		Times: aws.Times{ProfileCreate: *profile, ProfileDelete: *profile, ClusterCreate: *profile, ClusterDelete: *profile,
			Update: *profile / 4, RoleSeen: 2 * time.Second}})
	if err != nil {
		return err
	}
	defer cloud.Close()
	if *cluster != "" {
		if _, err := cloud.AddCluster(ctx, aws.ClusterSpec{Name: *cluster}); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "export %s\nunset AWS_SESSION_TOKEN AWS_PROFILE\n", strings.Join(cloud.Env(), "\nexport "))
	fmt.Fprintf(errs, "# A local stand-in of AWS; its registry is %s. Give the lines above to the shell that tries\n"+
		"# the commands. Ctrl-C ends it.\n", cloud.Registry)
	err = follow(ctx, cloud, errs)
	return errors.Join(err, cloud.Close())
}

// follow writes each action that is called until the context ends.
func follow(ctx context.Context, cloud *aws.Cloud, errs io.Writer) error {
	seen := 0
	for {
		calls := cloud.Calls()
		if len(calls) < seen {
			seen = 0 // The log was emptied.
		}
		for ; seen < len(calls) && (calls[seen].Status != 0 || calls[seen].Cut); seen++ {
			fmt.Fprintf(errs, "%s %d %s %s\n", calls[seen].At.Format(time.TimeOnly), calls[seen].Status, calls[seen].Action, calls[seen].Resource)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(200 * time.Millisecond):
		}
	}
}
