package plugin

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
)

func newInstall(s *session) *cobra.Command {
	var o inject.Options
	cmd := &cobra.Command{
		Use:   "install --cid CID --image IMAGE",
		Short: "Install the injector, or bring it to what the flags say",
		Long: "Install the injector: the admission webhook that adds the sensor to new pods.\n\n" +
			"The webhook is made last, once the injector is Ready, so pods can be created at\nany moment.\n" +
			"Running it again changes only what differs.",
		Example: "  kubectl falcon install --cid 0123456789ABCDEF0123456789ABCDEF-12 \\\n" +
			"    --image 123456789123.dkr.ecr.eu-west-1.amazonaws.com/falcon-sensor:7.40.0",
		Args: arguments(),
		// Bad options need no cluster to be told.
		PreRunE: func(*cobra.Command, []string) error {
			// Copied from the console it often has a space around it.
			o.CID = strings.TrimSpace(o.CID)
			return o.Validate()
		},
		RunE: s.onCluster(func(ctx context.Context, c *kube.Cluster, _ []string) error {
			if err := inject.Install(ctx, c, o, s.event); err != nil {
				return err
			}
			s.remark("the injector is installed; pods made from now on get the sensor\n" +
				"  next: kubectl falcon verify")
			return nil
		}),
	}
	cmd.Flags().StringVar(&o.CID, "cid", "", "the Falcon customer id with its checksum")
	cmd.Flags().StringVar(&o.Image, "image", "", "the sensor image in your registry, for the injector and the sidecars")
	timeoutFlag(cmd, &o.Timeout, "how long to wait for the injector to be Ready")
	return cmd
}

func newUninstall(s *session) *cobra.Command {
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "uninstall",
		Short: "Remove the injector, the webhook first",
		Long: "Remove the injector, the webhook first, so that pods can be created at any\nmoment.\n\n" +
			"Pods that carry the sensor keep it until they are restarted. It can be run\nagain at any time.",
		Args: arguments(),
		RunE: s.onCluster(func(ctx context.Context, c *kube.Cluster, _ []string) error {
			removed := 0
			err := inject.Uninstall(ctx, c, timeout, func(e inject.Event) {
				removed++
				s.event(e)
			})
			if err == nil && removed == 0 {
				s.remark("there is nothing to uninstall")
			}
			return err
		}),
	}
	timeoutFlag(cmd, &timeout, "how long to wait for the namespace to be gone")
	return cmd
}

// event prints what happened to an object as kubectl does, on stdout, and remarks on stderr.
func (s *session) event(e inject.Event) {
	if e.Object != "" {
		fmt.Fprintf(s.Out, "%s %s\n", e.Object, e.Change)
		return
	}
	s.remark("%s", e.Remark)
}
