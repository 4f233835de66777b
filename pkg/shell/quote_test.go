package shell

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestQuoteOnWindows(t *testing.T) {
	for word, want := range map[string]string{
		`C:\Users\me\bin`:            `C:\Users\me\bin`,
		`C:\Program Files (x86)\bin`: `"C:\Program Files (x86)\bin"`,
		`C:\it's here`:               `"C:\it's here"`,
		`D:\`:                        `D:\`,
		`D:\all tools\`:              `"D:\all tools\\"`,
		`\\server\share\my tools`:    `"\\server\share\my tools"`,
		`C:\a&b`:                     `"C:\a&b"`,
		`C:\Büro`:                    `C:\Büro`,
		"":                           `""`,
	} {
		if got := Quote(word, true); got != want {
			t.Errorf("%s: got %s, want %s", word, got, want)
		}
	}
}

// What a shell makes of it is the word.
func TestQuoteForAShell(t *testing.T) {
	for _, word := range []string{"/usr/local/bin", "/home/me/my tools", "/home/o'brien/$HOME/`id`", `a\b`, `"x"`, "*", "~", "", "/Büro"} {
		out, err := exec.CommandContext(t.Context(), "sh", "-c", "printf %s "+Quote(word, false)).Output()
		if err != nil || string(out) != word {
			t.Errorf("%s becomes %q: %v", word, out, err)
		}
	}
	if got := Quote("/usr/local/bin", false); got != "/usr/local/bin" {
		t.Errorf("quoted without need: %s", got)
	}
}

// Windows takes no notice of case, so PATH may have a folder in another one.
func TestTheCaseOfThePathOnWindows(t *testing.T) {
	for _, windows := range []bool{true, false} {
		p := newPlace(t, windows)
		other := filepath.Join(filepath.Dir(p.bin), strings.ToUpper(filepath.Base(p.bin)))
		if got := p.search.OnPath(other); got != windows {
			t.Errorf("Windows %v: %s is on the PATH: %v", windows, other, got)
		}
		p.search.Path = append(p.search.Path, other)
		if got, want := len(p.search.Installed("")), 0; got != want {
			t.Errorf("found %d", got)
		}
		p.install(t, "")
		if got := p.search.Installed(""); len(got) != 1 {
			t.Errorf("Windows %v: found %v", windows, got)
		}
	}
}
