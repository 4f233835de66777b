package plugin

import (
	"strings"
	"testing"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/logs"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
)

func TestLogsRefusesWhatCannotBeMeant(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		says string
	}{
		"two logs":            {[]string{"--for", "web", "--sidecar", "web"}, "give one of them"},
		"-c without a pod":    {[]string{"-c", "app"}, "-c goes with --sidecar"},
		"an end that has not": {[]string{"-f", "-p"}, "--follow and --previous"},
		"a negative tail":     {[]string{"--tail=-2"}, "--tail"},
		"a negative since":    {[]string{"--since=-1m"}, "--since"},
		"a since of no unit":  {[]string{"--since=10"}, "since"},
		"yaml":                {[]string{"-o", "yaml"}, "use json"},
		"an unknown type":     {[]string{"--for", "service/web"}, "no TYPE that makes pods"},
		"a sidecar of many":   {[]string{"--sidecar", "deploy/web"}, "is not a pod"},
		"an argument":         {[]string{"web"}, "one argument too many"},
	} {
		t.Run(name, func(t *testing.T) { falcon(t, append([]string{"logs"}, test.args...)...).must(t, 2, test.says) })
	}
}

func TestLinesArePrinted(t *testing.T) {
	at := time.Date(2026, 11, 25, 12, 0, 0, 5000, time.UTC)
	line := func(pod, message string) *logs.Line {
		return &logs.Line{Namespace: "falcon-system", Pod: pod, Container: "injector", Time: at, Message: message, Fields: logs.Parse(message)}
	}
	const failed = `time=1 level=error msg="it <failed>"`
	for name, test := range map[string]struct {
		p     linePrinter
		lines []*logs.Line
		want  string
	}{
		"one pod":      {linePrinter{}, []*logs.Line{line("injector-5d-abcde", "a")}, "a\n"},
		"several":      {linePrinter{several: true}, []*logs.Line{line("injector-5d-abcde", "a"), line("injector-5d-fghij", "b")}, "[abcde] a\n[fghij] b\n"},
		"one ending":   {linePrinter{several: true}, []*logs.Line{line("one-a", "1"), line("two-a", "2"), line("one-a", "3")}, "[a] 1\n[two-a] 2\n[one-a] 3\n"},
		"times":        {linePrinter{stamps: true}, []*logs.Line{line("a", "b")}, "2026-11-25T12:00:00.000005Z b\n"},
		"colour":       {linePrinter{several: true, paint: term.Painter{On: true}}, []*logs.Line{line("a-b", failed)}, "\x1b[2m[b]\x1b[0m \x1b[31m" + failed + "\x1b[0m\n"},
		"a moved head": {linePrinter{}, []*logs.Line{line("a", "x\x1b[2Jy")}, "x\uFFFD[2Jy\n"},
		"objects": {linePrinter{json: true, several: true}, []*logs.Line{line("a", failed)},
			`{"namespace":"falcon-system","pod":"a","container":"injector","time":"2026-11-25T12:00:00.000005Z",` +
				`"message":"time=1 level=error msg=\"it <failed>\"","fields":{"level":"error","text":"it <failed>"}}` + "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var out strings.Builder
			test.p.out = &out
			for _, l := range test.lines {
				if err := test.p.print(l); err != nil {
					t.Fatal(err)
				}
			}
			if out.String() != test.want {
				t.Errorf("got  %q\nwant %q", out.String(), test.want)
			}
		})
	}
}
