package cluster

import (
	"regexp"
	"strings"
	"sync"
	"unicode"
)

// Level is how eksctl marks a line.
type Level int

// The levels. A Continued line has no mark: it goes on with the one before.
const (
	Continued Level = iota
	Info
	Warning
	Critical
	// Final is the error with which the program ends.
	Final
)

// The marks of eksctl's lines; before them a line may have a date and a time, around them colours.
var (
	marks       = map[string]Level{"ℹ": Info, "✔": Info, "✿": Info, "▶": Continued, "!": Warning, "✖": Critical}
	linePattern = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9:.]+[^ ]* +)?\[(ℹ|✔|✿|▶|!|✖)\] *(.*)$`)
	})
	coloured = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile("\x1b\\[[0-9;]*[A-Za-z]") })
)

// read takes a line of eksctl apart.
func read(line string) (Level, string) {
	line = plain(line)
	if m := linePattern().FindStringSubmatch(line); m != nil {
		return marks[m[1]], m[2]
	}
	if text, ok := strings.CutPrefix(line, "Error: "); ok {
		return Final, text
	}
	return Continued, line
}

// plain is a line without what would move a terminal's cursor, and not too long.
func plain(line string) string {
	line = coloured().ReplaceAllString(line, "")
	line = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, line)
	if runes := []rune(line); len(runes) > 500 {
		line = string(runes[:500]) + "..."
	}
	return strings.TrimSpace(line)
}

// idle are lines that tell nothing about what is being done.
var idle = []string{"if you encounter any issues", "eksctl version ", "you can enable it with", "no tasks", "to cleanup resources, run",
	"kubectl command should work", "CloudWatch logging will not be enabled", "cleanup resources"}

// transcript is what of eksctl's lines matters.
type transcript struct {
	last      Level
	critical  []string
	final     string
	something string
}

// take reads a line, and returns what is to be shown of it, if anything, and whether it is a warning.
func (t *transcript) take(line string) (text string, warning bool) {
	level, text := read(line)
	if text != "" {
		t.something = text
	}
	switch level {
	case Continued:
		// Plans of several lines are of no use to who waits; reasons of several lines are.
		if t.last == Critical && text != "" && len(t.critical) > 0 {
			t.critical[len(t.critical)-1] += " " + text
		}
		return "", false
	case Critical:
		t.critical = append(t.critical, text)
		text = ""
	case Final:
		t.final, text = text, ""
	case Info:
		for _, start := range idle {
			if strings.HasPrefix(text, start) {
				text = ""
			}
		}
	}
	t.last = level
	return text, level == Warning
}

// generic begin errors that only say that something failed.
var generic = []string{"failed to create cluster", "failed to delete cluster", "failed to create addons", "failed to create iamserviceaccount"}

// reason is why eksctl failed, in its own words: the first failure that is not only the end of what another
// failure has ended.
func (t *transcript) reason() string {
	for _, line := range t.critical {
		if !strings.Contains(line, "Resource creation cancelled") && !isGeneric(line) {
			return line
		}
	}
	for _, line := range append([]string{t.final}, t.critical...) {
		if line != "" {
			return line
		}
	}
	return t.something
}

func isGeneric(line string) bool {
	for _, start := range generic {
		if strings.HasPrefix(line, start) {
			return true
		}
	}
	return false
}

// says reports whether any error of eksctl has the text.
func (t *transcript) says(text string) bool {
	return strings.Contains(strings.Join(append(t.critical, t.final), "\n"), text)
}
