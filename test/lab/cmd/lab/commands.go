package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
	"golang.org/x/term"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubectl-falcon/kubectl-falcon/test/lab/internal/build"
	"github.com/kubectl-falcon/kubectl-falcon/test/lab/internal/node"
	"github.com/kubectl-falcon/kubectl-falcon/test/lab/internal/state"
)

func ensurePrograms(ctx context.Context, progress io.Writer) (string, error) {
	cache, err := state.Cache()
	if err != nil {
		return "", err
	}
	file, ok := progress.(*os.File)
	return build.Ensure(ctx, cache, build.NewProgress(progress, ok && term.IsTerminal(int(file.Fd()))))
}

func buildCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "build",
		Short: "Compile the cluster's programs, unless this version is compiled already, and print their folder",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := ensurePrograms(cmd.Context(), cmd.ErrOrStderr())
			if err == nil {
				fmt.Fprintln(cmd.OutOrStdout(), dir)
			}
			return err
		},
	}
}

func downCommand(name *string) *cobra.Command {
	return &cobra.Command{
		Use:   "down",
		Short: "End the lab and remove all it has made; nothing to do if it is not there",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			dir, err := state.Open(*name)
			if err != nil {
				return err
			}
			return down(dir)
		},
	}
}

// endPatience is how long the kernel may take to end everything in a lab, in milliseconds.
const endPatience = 15_000

// end kills the lab's first process and waits until the kernel has ended the rest.
func end(l state.Lab) error {
	fd, err := unix.PidfdOpen(l.PID, 0)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	// The number may have been given to another process between the look and the open.
	if start, err := state.StartTime(l.PID); err != nil || start != l.Start {
		return nil
	}
	if err := unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0); err != nil {
		return fmt.Errorf("end lab %q, process %d: %w", l.Name, l.PID, err)
	}
	ended := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	n, err := unix.Poll(ended, endPatience)
	for errors.Is(err, unix.EINTR) {
		n, err = unix.Poll(ended, endPatience)
	}
	if err == nil && n == 0 {
		err = errors.New("it did not end within 15 s")
	}
	return err
}

// open returns the folder and record of a lab that must be up.
func open(name string) (state.Dir, state.Lab, error) {
	dir, err := state.Open(name)
	if err != nil {
		return dir, state.Lab{}, err
	}
	l, alive, err := dir.Read()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return dir, l, fmt.Errorf("lab %q is not up; start it with: lab up --name %s", name, name)
	case err != nil:
		return dir, l, err
	case !alive:
		return dir, l, fmt.Errorf("lab %q has ended; why may stand in %s", name, dir.Log("lab"))
	}
	return dir, l, nil
}

func statusCommand(name *string) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Say whether the lab is up, where, and whether its node is Ready",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, l, err := open(*name)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "lab %q: up for %s, process %d\n  API server  https://127.0.0.1:%d\n"+
				"  registry    http://127.0.0.1:%d, inside %s\n  kubeconfig  %s\n  kubectl     %s\n  logs        %s\n",
				l.Name, time.Since(l.Created).Round(time.Second), l.PID, l.API, l.Registry, node.RegistryHost,
				dir.Kubeconfig(), filepath.Join(l.Programs, "kubectl"), dir.Logs())
			return nodes(cmd.Context(), dir, cmd.OutOrStdout())
		},
	}
}

func nodes(ctx context.Context, dir state.Dir, out io.Writer) error {
	config, err := clientcmd.BuildConfigFromFlags("", dir.Kubeconfig())
	if err != nil {
		return err
	}
	config.Timeout = 10 * time.Second
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	list, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return fmt.Errorf("the API server does not answer: %w", err)
	}
	for _, n := range list.Items {
		ready := "not Ready"
		for _, c := range n.Status.Conditions {
			if c.Type == "Ready" && c.Status == "True" {
				ready = "Ready"
			}
		}
		fmt.Fprintf(out, "  node        %s, %s, %s\n", n.Name, ready, n.Status.NodeInfo.KubeletVersion)
	}
	return nil
}

func kubeconfigCommand(name *string) *cobra.Command {
	return &cobra.Command{
		Use:   "kubeconfig",
		Short: "Print the path of the administrator's kubeconfig",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, _, err := open(*name)
			if err == nil {
				fmt.Fprintln(cmd.OutOrStdout(), dir.Kubeconfig())
			}
			return err
		},
	}
}

func logsCommand(name *string) *cobra.Command {
	return &cobra.Command{
		Use:   "logs [COMPONENT]",
		Short: "Print one component's log; without a name, which there are",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := state.Open(*name)
			if err != nil {
				return err
			}
			entries, err := os.ReadDir(dir.Logs())
			if err != nil {
				return fmt.Errorf("lab %q has no logs: it was never started, or has been taken down; start it with: lab up --name %s", *name, *name)
			}
			var known []string
			for _, e := range entries {
				known = append(known, strings.TrimSuffix(e.Name(), ".log"))
			}
			if len(args) == 0 {
				fmt.Fprintln(cmd.OutOrStdout(), strings.Join(known, "\n"))
				return nil
			}
			f, err := os.Open(dir.Log(filepath.Base(args[0])))
			if err != nil {
				return fmt.Errorf("lab %q has no component %q; it has %s", *name, args[0], strings.Join(known, ", "))
			}
			defer f.Close()
			_, err = io.Copy(cmd.OutOrStdout(), f)
			return err
		},
	}
}

// initCommand and nodeCommand are what up starts; they are of no use by hand.
func initCommand() *cobra.Command {
	return &cobra.Command{
		Use: "init SPEC", Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			files := []*os.File{os.NewFile(3, "api"), os.NewFile(4, "registry"), os.NewFile(5, "events")}
			code, err := node.Init([]string{os.Args[0], "node", args[0]}, files)
			if err != nil {
				return err
			}
			os.Exit(code)
			return nil
		},
	}
}

func nodeCommand() *cobra.Command {
	return &cobra.Command{
		Use: "node SPEC", Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			spec, err := node.ParseSpec(args[0])
			if err != nil {
				return err
			}
			api, err := net.FileListener(os.NewFile(3, "api"))
			if err != nil {
				return err
			}
			registry, err := net.FileListener(os.NewFile(4, "registry"))
			if err != nil {
				return err
			}
			return node.Run(cmd.Context(), spec, api, registry, os.NewFile(5, "events"))
		},
	}
}
