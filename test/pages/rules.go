package pages

import (
	"fmt"
	"strconv"
	"strings"
)

// Needs are the words of the marker needs, with what a block needs that the lab does not have. Command lines
// of such blocks are not run; a test has the plugin's own parser read them.
var Needs = map[string]string{
	"aws":        "an AWS account",
	"chart":      "Helm and the vendor's chart",
	"clone":      "a clone of the repository, and a compiler",
	"docker":     "docker, as the vendor's guide uses it",
	"falcon-api": "an API client of a subscription",
	"fault":      "a cluster with a fault, and names that are known only there",
	"gitops":     "Argo CD, Flux or a git repository",
	"images":     "images from Docker Hub or quay.io",
	"operator":   "the vendor's operator",
	"registry":   "a registry of one's own",
	"release":    "a published release",
	"terminal":   "somebody who answers a question",
	"clusters":   "several clusters",
}

// States are the words of the marker lab: what the lab is brought to before a block. Without one it stays as
// the block before left it, and a page begins with StateInstalled.
var States = map[string]string{
	StateBare:      "no injector; a pod old runs in the namespace default",
	StateInstalled: "an injector, and a Deployment web with the sensor in default, shop and team-a, with a StatefulSet db in the last two",
	StateGuide:     "what the vendor's installer of the guide made",
}

// The states of the lab.
const (
	StateBare      = "bare"
	StateInstalled = "installed"
	StateGuide     = "guide"
)

// folders are those whose pages need no marker: each of their blocks needs the same. On the pages of checks
// everything is about a fault, and the pages of commands are written by a program and show the forms of
// commands with words to replace.
var folders = map[string]string{"docs/checks/": "fault", "docs/commands/": "fault"}

// Needs is what keeps a block of the page from running in the lab, or an empty string.
func (p Page) Needs(b Block) string {
	for folder, word := range folders {
		if strings.HasPrefix(p.Name, folder) {
			return word
		}
	}
	return b.Marker("needs")
}

// Exit is the exit code of the block's last command; Check has seen that it is one.
func (b Block) Exit() int {
	code, _ := strconv.Atoi(b.Marker("exit"))
	return code
}

// Check returns what is wrong with the page's blocks and their markers.
func (p Page) Check() (wrong []string) {
	for _, b := range p.Blocks {
		say := func(format string, args ...any) {
			wrong = append(wrong, fmt.Sprintf("%s:%d: ", p.Name, b.Line)+fmt.Sprintf(format, args...))
		}
		commands := b.Commands()
		switch {
		case b.Language == "console" && len(commands) == 0:
			say("a console block without a prompt: nothing in it would be tried")
		case b.Language != "console" && len(commands) > 0:
			say("a prompt in a block that is not marked as console: it would not be tried")
		case b.Language == "sh", b.Language == "bash", b.Language == "shell":
			say("commands belong in a console block, behind prompts, so that they are tried")
		case len(b.Markers) > 0 && b.Language != "console":
			say("a marker before a block without commands")
		}
		seen := map[string]bool{}
		for _, m := range b.Markers {
			if seen[m.Key] {
				say("the marker %s is there twice", m.Key)
			}
			seen[m.Key] = true
			if why := m.wrong(); why != "" {
				say("%s", why)
			}
		}
		if seen["needs"] && (seen["lab"] || seen["exit"]) {
			say("lab and exit are for blocks that run, and this one does not")
		}
	}
	return wrong
}

func (m Marker) wrong() string {
	known := false
	switch m.Key {
	case "needs":
		_, known = Needs[m.Value]
	case "lab":
		_, known = States[m.Value]
	case "exit":
		code, err := strconv.Atoi(m.Value)
		known = err == nil && code > 0 && code < 256
	}
	if known {
		return ""
	}
	return fmt.Sprintf("the marker %q is not known", m.Key+": "+m.Value)
}
