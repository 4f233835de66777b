package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubectl-falcon/kubectl-falcon/test/lab/internal/cgroup"
	"github.com/kubectl-falcon/kubectl-falcon/test/lab/internal/images"
	"github.com/kubectl-falcon/kubectl-falcon/test/lab/internal/node"
	"github.com/kubectl-falcon/kubectl-falcon/test/lab/internal/state"
)

type upOptions struct {
	fargate    bool
	foreground bool
	load       []string
}

func upCommand(name *string) *cobra.Command {
	var o upOptions
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Start the lab and wait until its node is Ready",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := state.Open(*name)
			if err != nil {
				return err
			}
			return up(cmd.Context(), dir, o, cmd.OutOrStdout(), cmd.ErrOrStderr(), cmd.InOrStdin())
		},
	}
	cmd.Flags().BoolVar(&o.fargate, "fargate", false, "imitate EKS Fargate: its webhook, scheduler, node label and taint")
	cmd.Flags().BoolVar(&o.foreground, "foreground", false, "stay, and take the lab down on a signal or when standard input ends")
	cmd.Flags().StringSliceVar(&o.load, "load", nil, "image tarballs to put into the lab's registry while it starts")
	return cmd
}

func up(ctx context.Context, dir state.Dir, o upOptions, out, progress io.Writer, in io.Reader) error {
	if os.Geteuid() != 0 {
		return errors.New("the lab needs root, for namespaces and mounts; without it use any kubeconfig (kind, k3d, minikube, EKS)")
	}
	if l, alive, err := dir.Read(); err == nil && alive {
		return fmt.Errorf("lab %q is up since %s; take it down first, or use another --name", l.Name, l.Created.Format(time.TimeOnly))
	}
	if err := raiseLimits(inotifyInstances, progress); err != nil {
		return err
	}
	programs, err := ensurePrograms(ctx, progress)
	if err != nil {
		return err
	}
	if err := errors.Join(cgroup.Remove(dir.Name(), 5*time.Second), dir.Create(), cgroup.Create(dir.Name())); err != nil {
		return err
	}
	begin := time.Now()
	r, err := launch(dir, programs, o)
	if err == nil {
		err = r.follow(ctx, o.load, progress)
	}
	if err != nil {
		// The logs stay, to be read; the next up or down removes them.
		r.kill()
		return errors.Join(err, cgroup.Remove(dir.Name(), 5*time.Second))
	}
	if err := dir.Write(r.record); err != nil {
		r.kill()
		return err
	}
	fmt.Fprintf(progress, "lab %q is ready after %.1f s\n", dir.Name(), time.Since(begin).Seconds())
	fmt.Fprintf(out, "export KUBECONFIG=%s\n", dir.Kubeconfig())
	if !o.foreground {
		return nil
	}
	r.stay(ctx, in)
	return down(dir)
}

// running is a lab whose first process has been started by this program.
type running struct {
	record state.Lab
	events io.ReadCloser
	cmd    *exec.Cmd
	ended  chan error
}

// launch starts the lab's first process in namespaces of its own. The two loopback sockets are made
// here, in the host's network, and handed over: a socket stays in the network it was made in, so the
// lab accepts on the host's loopback without any process of it being outside.
func launch(dir state.Dir, programs string, o upOptions) (*running, error) {
	r := &running{ended: make(chan error, 1)}
	var files []*os.File
	defer func() {
		for _, f := range files {
			_ = f.Close()
		}
	}()
	ports := make([]int, 2)
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return r, err
		}
		ports[i] = l.Addr().(*net.TCPAddr).Port
		f, err := l.(*net.TCPListener).File()
		if err = errors.Join(err, l.Close()); err != nil {
			return r, err
		}
		files = append(files, f)
	}
	read, write, err := os.Pipe()
	if err != nil {
		return r, err
	}
	files, r.events = append(files, write), read
	log, err := os.OpenFile(dir.Log("lab"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return r, err
	}
	defer log.Close()
	spec, err := json.Marshal(node.Spec{Dir: dir, Programs: programs, APIPort: ports[0], Fargate: o.fargate})
	if err != nil {
		return r, err
	}
	self, err := os.Executable()
	if err != nil {
		return r, err
	}
	r.cmd = exec.Command(self, "init", string(spec))
	r.cmd.Stdout, r.cmd.Stderr, r.cmd.ExtraFiles = log, log, files
	r.cmd.SysProcAttr = &syscall.SysProcAttr{
		Setsid:     true,
		Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC,
	}
	if o.foreground {
		r.cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	}
	if err := r.start(); err != nil {
		return r, fmt.Errorf("start in new namespaces: %w", err)
	}
	r.record = state.Lab{Name: dir.Name(), PID: r.cmd.Process.Pid, API: ports[0], Registry: ports[1],
		Fargate: o.fargate, Programs: programs, Created: time.Now()}
	r.record.Start, err = state.StartTime(r.record.PID)
	return r, err
}

// start starts the first process from a thread that lasts as long as the process: the kernel sends the
// parent-death signal when the thread ends, not when the program does.
func (r *running) start() error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		if err := r.cmd.Start(); err != nil {
			started <- err
			return
		}
		started <- nil
		r.ended <- r.cmd.Wait()
	}()
	return <-started
}

// follow shows the components as they come up, loads images as soon as there is a registry, and
// returns when the lab is ready or has failed.
func (r *running) follow(ctx context.Context, tarballs []string, progress io.Writer) error {
	stop := context.AfterFunc(ctx, func() { _ = r.events.Close() })
	defer stop()
	loaded := make(chan error, 1)
	events := json.NewDecoder(r.events)
	for {
		var e node.Event
		err := events.Decode(&e)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			return fmt.Errorf("the lab ended before it was ready; see: lab logs lab --name %s", r.record.Name)
		case e.Failed != "":
			return fmt.Errorf("%s did not start: %s\n%s", e.Failed, e.Cause, indent(e.Tail))
		case e.Ready:
			return <-orDone(ctx, loaded)
		}
		fmt.Fprintf(progress, "  %-24s %5.1f s\n", e.Component, e.Took.Seconds())
		if e.Component == "registry" {
			go func() { loaded <- load(ctx, r.record.Registry, tarballs, progress) }()
		}
	}
}

func orDone(ctx context.Context, c <-chan error) <-chan error {
	out := make(chan error, 1)
	go func() {
		select {
		case err := <-c:
			out <- err
		case <-ctx.Done():
			out <- ctx.Err()
		}
	}()
	return out
}

func load(ctx context.Context, port int, tarballs []string, progress io.Writer) error {
	for _, file := range tarballs {
		names, err := images.Load(ctx, file, fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			return fmt.Errorf("load %s: %w", file, err)
		}
		for _, name := range names {
			fmt.Fprintf(progress, "  image %s/%s\n", node.RegistryHost, name)
		}
	}
	return nil
}

func indent(text string) string {
	if text == "" {
		return ""
	}
	return "  " + strings.ReplaceAll(text, "\n", "\n  ")
}

// stay returns on a signal, at the end of standard input, or when the lab ends by itself.
func (r *running) stay(ctx context.Context, in io.Reader) {
	closed := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, in)
		close(closed)
	}()
	select {
	case <-ctx.Done():
	case <-closed:
	case <-r.ended:
	}
}

// kill ends the first process, and with it everything in its namespaces, and waits for that.
func (r *running) kill() {
	if r.cmd == nil || r.cmd.Process == nil {
		return
	}
	_ = r.cmd.Process.Kill()
	select {
	case <-r.ended:
	case <-time.After(10 * time.Second):
	}
}

// down takes the lab away: its processes, its cgroups, its files. What is not there is not missed.
func down(dir state.Dir) error {
	l, alive, err := dir.Read()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if alive {
		if err := end(l); err != nil {
			return err
		}
	}
	return errors.Join(cgroup.Remove(dir.Name(), 10*time.Second), dir.Remove())
}
