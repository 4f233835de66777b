package node

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// reapUntil waits for children of any parentage until the one called pid has ended, and returns its
// exit code.
func reapUntil(pid int) (int, error) {
	for {
		var status syscall.WaitStatus
		got, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil:
			return 1, err
		case got == pid && status.Signaled():
			return 128 + int(status.Signal()), nil
		case got == pid && status.Exited():
			return status.ExitStatus(), nil
		}
	}
}

// setUpMounts covers what the cluster's programs write to by habit, so that nothing of it reaches the
// host: /run, /var/log and the kubelet's folder, besides the lab's own data, which is in memory.
func setUpMounts(spec Spec) error {
	// First cut the tree off from the host's, then make it shared inside, as containers expect.
	for _, flags := range []uintptr{unix.MS_REC | unix.MS_PRIVATE, unix.MS_REC | unix.MS_SHARED} {
		if err := unix.Mount("none", "/", "", flags, ""); err != nil {
			return fmt.Errorf("change propagation of /: %w", err)
		}
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("/proc: %w", err)
	}
	for _, dir := range []string{"/run", "/var/log", spec.Dir.Node()} {
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "mode=0755"); err != nil {
			return fmt.Errorf("tmpfs on %s: %w", dir, err)
		}
	}
	return nil
}

func setUpNetwork() error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: bridgeName}}
	if err := netlink.LinkAdd(bridge); err != nil {
		return fmt.Errorf("add bridge %s: %w", bridgeName, err)
	}
	for _, a := range []struct {
		link    netlink.Link
		address string
	}{{lo, serviceIP + "/32"}, {bridge, bridgeIP + "/16"}} {
		address, err := netlink.ParseAddr(a.address)
		if err != nil {
			return err
		}
		if err := netlink.AddrAdd(a.link, address); err != nil {
			return fmt.Errorf("address %s: %w", a.address, err)
		}
		if err := netlink.LinkSetUp(a.link); err != nil {
			return err
		}
	}
	// The kubelet and Go's resolver want a default route to exist; there is nothing behind it, so
	// what is meant for the outside fails at once.
	_, everywhere, _ := net.ParseCIDR("0.0.0.0/0")
	err = netlink.RouteAdd(&netlink.Route{Dst: everywhere, Type: unix.RTN_UNREACHABLE, Priority: 1000})
	if err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("default route: %w", err)
	}
	return nil
}
