package plugin

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aid"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

func newAID(s *session) *cobra.Command {
	var name string
	var wait bool
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:     "aid POD",
		Short:   "Print the agent id of a pod's sensor",
		Long:    "Print the agent id (AID) by which the Falcon console knows the pod's sensor.",
		Example: "  kubectl falcon aid detection-single-767cd557b-267zg",
		Args:    arguments("POD"),
		// What is no pod needs no cluster to be told.
		PreRunE: func(_ *cobra.Command, args []string) (err error) {
			name, err = podName(args[0])
			return err
		},
		RunE: s.onCluster(func(ctx context.Context, c *kube.Cluster, _ []string) error {
			ask := aid.Of
			if wait {
				ask = func(ctx context.Context, c *kube.Cluster, namespace, name string) (string, error) {
					return aid.Wait(ctx, c, namespace, name, timeout)
				}
			}
			id, err := ask(ctx, c, c.Namespace, name)
			if err == nil {
				fmt.Fprintln(s.Out, id)
			}
			return err
		}),
	}
	cmd.Flags().BoolVar(&wait, "wait", false, "wait for a sensor that has not registered yet")
	timeoutFlag(cmd, &timeout, "how long to wait, with --wait")
	return cmd
}

// podName takes a pod's name as kubectl prints it, alone or after its kind.
func podName(arg string) (string, error) {
	kind, name, found := strings.Cut(arg, "/")
	if !found && arg != "" {
		return arg, nil
	}
	switch kind {
	case "pod", "pods", "po":
		if name != "" && !strings.Contains(name, "/") {
			return name, nil
		}
	}
	return "", problem.New(problem.BadInput, "kubectl get pods lists them", "%q is not a pod: write POD or pod/POD", arg)
}
