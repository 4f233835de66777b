package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

const (
	// inotifyInstances is the kernel's limit of watchers for each user. A lab takes about forty, and the
	// usual 128 ends the kubelet of a fourth lab with "too many open files".
	inotifyInstances = "/proc/sys/fs/inotify/max_user_instances"
	wantedInstances  = 1024
)

// raiseLimits makes room for several labs at once. It is the one thing about the machine that stays after
// down; it only ever goes up, and ends with the next boot.
func raiseLimits(path string, progress io.Writer) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read the kernel's limit of file watchers: %w", err)
	}
	now, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || now >= wantedInstances {
		return err
	}
	if err := os.WriteFile(path, []byte(strconv.Itoa(wantedInstances)), 0o644); err != nil {
		// One lab fits into the usual limit.
		fmt.Fprintf(progress, "  %s stays at %d: %v\n", path, now, err)
		return nil
	}
	fmt.Fprintf(progress, "  %s raised from %d to %d until the next boot\n", path, now, wantedInstances)
	return nil
}
