package term

import (
	"os"

	"golang.org/x/sys/windows"
)

// handle is the console that a file is.
type handle struct{ *os.File }

func (s handle) mode() (mode uint32, err error) {
	err = windows.GetConsoleMode(windows.Handle(s.Fd()), &mode)
	return mode, err
}

func (s handle) setMode(mode uint32) error {
	return windows.SetConsoleMode(windows.Handle(s.Fd()), mode)
}

// understands says whether a terminal obeys escape sequences.
func understands(file *os.File) bool { return enable(handle{file}) }
