package plugin

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// plugged is how an example calls the program.
var plugged = []string{"kubectl", "falcon"}

// falconCalls returns the command lines of kubectl falcon in a text of a shell, those within $() too, each
// as its words. It knows what examples need: quotes, $(), |, > and a backslash at a line's end.
func falconCalls(text string) (calls [][]string) {
	var words []string
	word, inWord := "", false
	space := func() {
		if inWord {
			words = append(words, word)
		}
		word, inWord = "", false
	}
	end := func() {
		space()
		if len(words) > 2 && slices.Equal(words[:2], plugged) {
			calls = append(calls, words[2:])
		}
		words = nil
	}
	for n, quote := 0, byte(0); n < len(text); n++ {
		c := text[n]
		switch {
		case quote != '\'' && strings.HasPrefix(text[n:], "$("):
			close := n + strings.IndexByte(text[n:], ')')
			calls = append(calls, falconCalls(text[n+2:close])...)
			word, inWord, n = word+"KEY=OUTPUT", true, close
		case c == quote:
			quote = 0
		case quote == 0 && (c == '\'' || c == '"'):
			quote, inWord = c, true
		case quote != 0:
			word += string(c)
		case strings.HasPrefix(text[n:], "\\\n"):
			space()
			n++
		case c == '\n' || c == '|':
			end()
		case c == '>':
			// What follows is a file's name, and ends the command.
			end()
		case c == ' ':
			space()
		default:
			word, inWord = word+string(c), true
		}
	}
	end()
	return calls
}

func TestFalconCallsFindsThemInAShellsText(t *testing.T) {
	got := falconCalls("  kubectl falcon a 'b c' \\\n    \"$(kubectl falcon d)\":7 > f\n  kubectl get x | kubectl falcon e -")
	want := "[[d] [a b c KEY=OUTPUT:7] [e -]]"
	if fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

// Each example is read by the real parser of the command, so that none shows a flag that is no more.
func TestEveryCommandHasThreeExamplesThatCanBeMeant(t *testing.T) {
	for _, path := range commands(t) {
		if len(path) == 0 {
			continue
		}
		t.Run(strings.Join(path, " "), func(t *testing.T) {
			cmd, _, err := Commands().Find(path)
			if err != nil {
				t.Fatal(err)
			}
			// PowerShell and cmd have users too.
			if strings.Contains(cmd.Example, "'") {
				t.Errorf("single quotes mean nothing to cmd on Windows: %s", cmd.Example)
			}
			own := 0
			for _, call := range falconCalls(cmd.Example) {
				if len(call) >= len(path) && slices.Equal(call[:len(path)], path) {
					own++
				}
				if err := meantBy(call); err != nil {
					t.Errorf("kubectl falcon %s: %v", strings.Join(call, " "), err)
				}
			}
			if own < 3 {
				t.Errorf("it has %d examples of itself", own)
			}
		})
	}
}

// meantBy says what is wrong with a command line before anything is done.
func meantBy(call []string) error {
	cmd, rest, err := Commands().Find(call)
	if err != nil {
		return err
	}
	if err := cmd.ParseFlags(rest); err != nil {
		return err
	}
	return cmd.ValidateArgs(cmd.Flags().Args())
}

func TestAnExampleThatCannotBeMeantIsFound(t *testing.T) {
	for _, call := range []string{"verify --deeper", "verify --fail-on sometimes", "sensor push one", "demo clean now"} {
		if meantBy(strings.Fields(call)) == nil {
			t.Errorf("%s would pass", call)
		}
	}
}

// What the tables say of a command that is no more would be lost in silence.
func TestTheTablesOfExamplesAndEndingsNameCommandsThatThereAre(t *testing.T) {
	root := Commands()
	there := map[string]bool{}
	each(root, func(cmd *cobra.Command) {
		path := pathOf(cmd)
		there[path] = true
		_, known := endings[path]
		does := cmd.HasParent() && (!cmd.HasSubCommands() || path == "certs" || path == "demo")
		if does && !known && !ofRBAC(cmd) {
			t.Errorf("%s: nothing says how it may end", path)
		}
	})
	for path := range endings {
		if !there[path] {
			t.Errorf("an end is told of %q, which is no command", path)
		}
	}
	for path, text := range examples {
		cmd, _, err := root.Find(strings.Fields(path))
		if err != nil || !there[path] {
			t.Errorf("there are examples of %q, which is no command", path)
		} else if strings.ReplaceAll(cmd.Example, "\n  ", "\n") != "  "+text {
			t.Errorf("%s has its examples in two places", path)
		}
	}
}
