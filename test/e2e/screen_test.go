//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// screenWidth and screenHeight are those of the terminal that tests give a program.
const screenWidth, screenHeight = 80, 40

// onTerminal runs a program on a terminal of its own and returns all that it sent there.
func onTerminal(t *testing.T, cmd *exec.Cmd) (sent string, code int) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	fd := int(master.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: screenHeight, Col: screenWidth})
	}
	if err != nil {
		t.Fatal(err)
	}
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = tty, tty, tty
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	err = cmd.Start()
	_ = tty.Close()
	if err != nil {
		t.Fatal(err)
	}
	// When the last of the other side has closed it, reading is an error, which is the end.
	all, _ := io.ReadAll(master)
	// How it ended is in ProcessState.
	_ = cmd.Wait()
	return string(all), cmd.ProcessState.ExitCode()
}

// escape is a sequence that a terminal obeys: CSI, parameters, a letter.
var escape = regexp.MustCompile(`^\x1b\[([0-9;]*)([A-Za-z])`)

// screen is what a terminal shows after it was sent the text, its lines from the first on. It knows what the
// plugin uses, and fails the test on anything else.
func screen(t *testing.T, text string) []string {
	t.Helper()
	rows, x, y := [][]rune{nil}, 0, 0
	for len(text) > 0 {
		if m := escape.FindStringSubmatch(text); m != nil {
			text = text[len(m[0]):]
			switch m[2] {
			case "A":
				n := 1
				if m[1] != "" {
					fmt.Sscan(m[1], &n)
				}
				y = max(0, y-n)
			case "K":
				rows[y] = rows[y][:min(x, len(rows[y]))]
			case "J":
				rows[y] = rows[y][:min(x, len(rows[y]))]
				rows = rows[:y+1]
			case "m":
			default:
				t.Errorf("the terminal does not know %q", m[0])
			}
			continue
		}
		r := []rune(text)[0]
		text = text[len(string(r)):]
		switch {
		case r == '\r':
			x = 0
		case r == '\n':
			if y++; y == len(rows) {
				rows = append(rows, nil)
			}
		case r < ' ':
			t.Errorf("the terminal does not know %q", r)
		default:
			if x == screenWidth {
				x, y = 0, y+1
				if y == len(rows) {
					rows = append(rows, nil)
				}
			}
			for len(rows[y]) <= x {
				rows[y] = append(rows[y], ' ')
			}
			rows[y][x] = r
			x++
		}
	}
	var lines []string
	for _, row := range rows {
		lines = append(lines, strings.TrimRight(string(row), " "))
	}
	return lines
}

// coloured is what a text has that a terminal is to colour, moving what has it change what is there.
var (
	coloured = regexp.MustCompile(`\x1b\[[0-9;]+m`)
	moving   = regexp.MustCompile(`\x1b\[[0-9]*[AJK]`)
)

// TestOnATerminal installs on a real terminal: every object has one line, in which its last state replaces
// those before. What asks for no colour gets none, and a terminal without abilities gets plain lines.
func TestOnATerminal(t *testing.T) {
	l := shared()
	l.uninstallAtEnd(t)
	for _, c := range []struct {
		name               string
		env, args          []string
		inPlace, withColor bool
	}{
		{"as it is", nil, nil, true, true},
		{"NO_COLOR", []string{"NO_COLOR=1"}, nil, true, false},
		{"--color=never", nil, []string{"--color=never"}, true, false},
		{"NO_COLOR and --color=always", []string{"NO_COLOR=1"}, []string{"--color=always"}, true, true},
		{"TERM=dumb", []string{"TERM=dumb"}, nil, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			l.mustFalcon(t, "uninstall")
			run := func(want int, args ...string) string {
				cmd := l.command(bin("kubectl-falcon"), append(args, c.args...)...)
				cmd.Env = append(append(cmd.Env, "TERM=xterm-256color", "NO_COLOR="), c.env...)
				sent, code := onTerminal(t, cmd)
				if code != want {
					t.Errorf("%s: exit code %d, want %d:\n%s", args[0], code, want, sent)
				}
				return sent
			}
			sent := run(0, good()...)
			if moving.MatchString(sent) != c.inPlace {
				t.Errorf("lines are updated in place: %v, want %v:\n%q", !c.inPlace, c.inPlace, sent)
			}
			if coloured.MatchString(sent) != c.withColor && c.inPlace {
				t.Errorf("install is coloured: %v, want %v:\n%q", !c.withColor, c.withColor, sent)
			}
			l.onScreen(t, sent, c.inPlace)
			if lines := run(1, good("--diff", "--tags", "new")...); coloured.MatchString(lines) != c.withColor {
				t.Errorf("a diff is coloured: %v, want %v:\n%q", !c.withColor, c.withColor, lines)
			}
		})
	}
}

// onScreen looks at what an install left on the terminal.
func (l *lab) onScreen(t *testing.T, sent string, inPlace bool) {
	t.Helper()
	const waiting = "of 2 replicas available"
	if !strings.Contains(sent, waiting) {
		t.Errorf("the wait was never shown:\n%q", sent)
	}
	shown := screen(t, sent)
	text := strings.Join(shown, "\n")
	for _, line := range shown {
		if len(line) > screenWidth {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
	wantContains(t, "the screen", text, "the injector is installed", "next: kubectl falcon verify")
	if !inPlace {
		wantContains(t, "the screen", text, "deployment/injector created\n", waiting, "deployment/injector: available")
		return
	}
	wantNone(t, "the screen", text, waiting)
	for _, object := range []string{"namespace/falcon-system", "deployment/injector", "mutatingwebhookconfiguration/injector.falcon-system.svc"} {
		n := 0
		for _, line := range shown {
			if strings.HasPrefix(line, object+" ") {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%s has %d lines:\n%s", object, n, text)
		}
	}
}

// TestColorInAPipe holds that nothing is coloured that no terminal shows, unless it is asked for.
func TestColorInAPipe(t *testing.T) {
	l := shared()
	l.install(t)
	diff := slices.Clip(good("--diff", "--tags", "new"))
	for _, args := range [][]string{diff, append(diff, "--color=auto"), append(diff, "--color=never"), {"status"}, {"certs"}} {
		if r := l.falcon(t, args...); strings.Contains(r.stdout+r.stderr, "\x1b") {
			t.Errorf("%v in a pipe: %q", args, r.stdout+r.stderr)
		}
	}
	if r := l.falcon(t, append(diff, "--color=always")...); !coloured.MatchString(r.stdout) {
		t.Errorf("install --diff --color=always in a pipe: %q", r.stdout)
	}
}
