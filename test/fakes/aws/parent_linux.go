package aws

import (
	"os/exec"
	"syscall"
)

// endWithParent lets a program end when the test that started it is killed.
func endWithParent(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
