package policy

import (
	"encoding/json"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// actions are those of a policy document.
func actions(t *testing.T, text string) (all []string) {
	t.Helper()
	var document struct {
		Version   string
		Statement []struct {
			Effect, Sid string
			Action      json.RawMessage
			Resource    json.RawMessage
			Condition   json.RawMessage
		}
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&document); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if document.Version != "2012-10-17" {
		t.Errorf("version is %q", document.Version)
	}
	for _, s := range document.Statement {
		var many []string
		if json.Unmarshal(s.Action, &many) != nil {
			many = []string{strings.Trim(string(s.Action), `"`)}
		}
		if s.Effect != "Allow" || len(s.Resource) == 0 || len(many) == 0 {
			t.Errorf("a statement is %s %s on %s", s.Effect, s.Action, s.Resource)
		}
		all = append(all, many...)
	}
	return all
}

func TestEveryPolicyIsOneThatIAMTakes(t *testing.T) {
	form := regexp.MustCompile(`^[a-z0-9]+:[A-Za-z]+$`)
	if len(Commands()) < 7 {
		t.Fatalf("only %v", Commands())
	}
	for _, command := range Commands() {
		text, err := For(command, Names{})
		if err != nil {
			t.Fatal(err)
		}
		for _, action := range actions(t, text) {
			if !form.MatchString(action) {
				t.Errorf("%s: %q is no single action", command, action)
			}
		}
		if strings.Contains(text, "${") && !strings.Contains(text, "${aws:") {
			t.Errorf("%s: a name is left in\n%s", command, text)
		}
	}
}

func TestNamesAreFilledIn(t *testing.T) {
	n := Names{Region: "cn-north-1", Account: "123456789012", Repository: "falcon-sensor"}
	text, err := For("ecr  delete", n)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(text, `"arn:aws-cn:ecr:cn-north-1:123456789012:repository/falcon-sensor"`) {
		t.Errorf("got\n%s", text)
	}
	if all := actions(t, text); !slices.Contains(all, "ecr:DeleteRepository") {
		t.Errorf("got %v", all)
	}
	text, _ = For("ecr delete", Names{})
	if !strings.Contains(text, `"arn:aws:ecr:*:*:repository/*"`) {
		t.Errorf("got\n%s", text)
	}
	// What would break out of the document stays in its string.
	text, _ = For("ecr delete", Names{Repository: `x"], "Action": ["*`})
	actions(t, text)
}

func TestUnknownCommandIsRefusedWithThoseThatThereAre(t *testing.T) {
	for _, command := range []string{"", "ecr", "../policy", "ecr ensured"} {
		_, err := For(command, Names{})
		p, ok := errors.AsType[*problem.Error](err)
		if !ok || p.Kind() != problem.BadInput || !strings.Contains(p.Next(), "ecr login-check, ") {
			t.Errorf("%q: got %v", command, err)
		}
	}
}
