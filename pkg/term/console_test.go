package term

import (
	"errors"
	"testing"
)

// fakeConsole stands for a console of Windows.
type fakeConsole struct {
	is, set uint32
	unknown bool
	old     bool
}

func (c *fakeConsole) mode() (uint32, error) {
	if c.unknown {
		return 0, errors.New("the handle is invalid")
	}
	return c.is, nil
}

func (c *fakeConsole) setMode(mode uint32) error {
	if c.set = mode; c.old {
		return errors.New("the parameter is incorrect")
	}
	return nil
}

// Without this, a console of Windows shows escape sequences in place of colours.
func TestAConsoleIsAskedToObey(t *testing.T) {
	for name, tt := range map[string]struct {
		c    fakeConsole
		want bool
		set  uint32
	}{
		"as shells leave it": {fakeConsole{is: 0x3}, true, 0x7},
		"asked already":      {fakeConsole{is: 0x7}, true, 0},
		"before Windows 10":  {fakeConsole{is: 0x3, old: true}, false, 0x7},
		"no console":         {fakeConsole{unknown: true}, false, 0},
	} {
		if got := enable(&tt.c); got != tt.want || tt.c.set != tt.set {
			t.Errorf("%s: got %v, and its mode was set to %#x", name, got, tt.c.set)
		}
	}
}
