package fargate

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

func selectors(t *testing.T, texts ...string) (all []Selector) {
	t.Helper()
	for _, text := range texts {
		s, err := ParseSelector(text)
		if err != nil {
			t.Fatal(err)
		}
		if s.String() != text {
			t.Errorf("%q is written as %q", text, s)
		}
		all = append(all, s)
	}
	return all
}

func mustBe(t *testing.T, err error, kind problem.Kind, says string) {
	t.Helper()
	p, ok := errors.AsType[*problem.Error](err)
	if !ok {
		t.Fatalf("got %v, want a problem with %q", err, says)
	}
	if p.Kind() != kind || !strings.Contains(p.Error(), says) {
		t.Errorf("got %q of kind %d, want %q of kind %d", p, p.Kind(), says, kind)
	}
}

func TestSelectorsThatCannotBeMeantAreRefused(t *testing.T) {
	for text, says := range map[string]string{
		"":                                    "cannot be a namespace",
		":app=web":                            "cannot be a namespace",
		"Shop":                                "cannot be a namespace",
		"shop-":                               "cannot be a namespace",
		strings.Repeat("a", 64):               "cannot be a namespace",
		"shop:":                               `"" is no label`,
		"shop:app":                            `"app" is no label`,
		"shop:=web":                           "cannot be a label's key",
		"shop:a b=web":                        "cannot be a label's key",
		"shop:app=-web":                       "cannot be a label's value",
		"shop:app=web,app=db":                 `names "app" twice`,
		"shop:a=1,b=2,c=3,d=4,e=5,f=6":        "has 6 labels",
		"shop:app=" + strings.Repeat("a", 64): "cannot be a label's value",
	} {
		_, err := ParseSelector(text)
		mustBe(t, err, problem.BadInput, says)
	}
	selectors(t, "shop", "*", "prod-*", "shop:app=web,example.com/tier=?", "a:k*=", "shop:a=1,b=2,c=3,d=4,e=5")
}

func TestASelectorMeansPodsAsEKSDoes(t *testing.T) {
	web := map[string]string{"app": "web", "tier": "front"}
	for _, c := range []struct {
		selector, namespace string
		labels              map[string]string
		want                bool
	}{
		{"shop", "shop", nil, true},
		{"shop", "shop", web, true},
		{"shop", "shop2", nil, false},
		{"shop", "sho", nil, false},
		{"sh*", "shop", nil, true},
		{"sh*", "sh", nil, true},
		{"*op", "shop", nil, true},
		{"*h*p", "shop", nil, true},
		{"*h*x", "shop", nil, false},
		{"sho?", "shop", nil, true},
		{"sho?", "sho", nil, false},
		{"shop?", "shop", nil, false},
		{"*", "anything", nil, true},
		{"shop:app=web", "shop", web, true},
		{"shop:app=web", "shop", nil, false},
		{"shop:app=web,tier=front", "shop", web, true},
		{"shop:app=web,tier=back", "shop", web, false},
		{"shop:app=w*", "shop", web, true},
		{"shop:a?p=web", "shop", web, true},
		{"shop:*=front", "shop", web, true},
		{"shop:*=back", "shop", web, false},
		{"shop:app=", "shop", map[string]string{"app": ""}, true},
		{"shop:app=*", "shop", map[string]string{"app": ""}, true},
		{"shop:app=", "shop", web, false},
	} {
		if got := selectors(t, c.selector)[0].Matches(c.namespace, c.labels); got != c.want {
			t.Errorf("%s matches %s %v: %t", c.selector, c.namespace, c.labels, got)
		}
	}
}

func TestASelectorThatMeansMoreContainsOneThatMeansLess(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"shop", "shop", true},
		{"shop", "shop:app=web", true},
		{"shop:app=web", "shop", false},
		{"shop:app=web", "shop:app=web,tier=front", true},
		{"shop:app=web,tier=front", "shop:app=web", false},
		{"sh*", "shop", true},
		{"sh*", "sho*", true},
		{"sho*", "sh*", false},
		{"sh?p", "shop", true},
		{"sh?p", "sh*p", false},
		{"sh*p", "sh?p", true},
		{"*", "*", true},
		{"?", "*", false},
		{"?", "?", true},
		{"shop", "sh*", false},
		{"shop:app=*", "shop:app=web", true},
		{"shop:app=web", "shop:app=*", false},
		{"shop:a*=web", "shop:app=web", true},
		{"web", "shop", false},
	} {
		all := selectors(t, c.a, c.b)
		if got := all[0].Contains(all[1]); got != c.want {
			t.Errorf("%s contains %s: %t", c.a, c.b, got)
		}
	}
}

func TestWhatIsMeantTwiceIsLeftOut(t *testing.T) {
	for _, c := range []struct{ given, want []string }{
		{[]string{"a", "b", "a"}, []string{"a", "b"}},
		{[]string{"a:x=1", "a"}, []string{"a"}},
		{[]string{"a", "a:x=1"}, []string{"a"}},
		{[]string{"a", "b", "*"}, []string{"*"}},
		{[]string{"a:x=1", "a:y=1"}, []string{"a:x=1", "a:y=1"}},
		{[]string{"a*", "a**"}, []string{"a*"}},
	} {
		if got := Tidy(selectors(t, c.given...)); describe(got) != strings.Join(c.want, ", ") {
			t.Errorf("of %v is left %s", c.given, describe(got))
		}
	}
	a := selectors(t, "a", "b:x=1")
	b := selectors(t, "b:x=1", "a")
	if !sameSelectors(a, b) || sameSelectors(a, a[:1]) || sameSelectors(a[:1], a) {
		t.Error("lists of selectors are not compared right")
	}
}

func TestNamesThatEKSRefusesAreRefused(t *testing.T) {
	for name, says := range map[string]string{
		"":                       "no name",
		"eks-falcon":             "begin with eks-",
		"a b":                    "letters, digits",
		"-a":                     "letters, digits",
		"a.b":                    "letters, digits",
		strings.Repeat("a", 101): "101 characters",
	} {
		mustBe(t, CheckName(name), problem.BadInput, says)
	}
	for _, name := range []string{"fp-falcon-system", "a", "1_B", strings.Repeat("a", 100)} {
		if err := CheckName(name); err != nil {
			t.Error(err)
		}
	}
}

func TestNamesMadeHereAreTaken(t *testing.T) {
	var seen []string
	for _, s := range selectors(t, "falcon-system", "shop", "shop:app=web", "shop:app=db", "*", "pr?d-*", strings.Repeat("a", 63)) {
		name := DefaultName(s)
		if err := CheckName(name); err != nil || slices.Contains(seen, name) {
			t.Errorf("%s gets the name %s: %v", s, name, err)
		}
		seen = append(seen, name)
	}
	if seen[0] != "fp-falcon-system" {
		t.Errorf("the injector's profile is %s", seen[0])
	}
	long := strings.Repeat("c", 100)
	for _, name := range []string{RoleName("shop", "eu-west-1"), RoleName(long, "ap-southeast-1"), RoleName(long+"d", "ap-southeast-1")} {
		if len(name) > 64 || !strings.HasPrefix(name, "falcon-fargate-") || slices.Contains(seen, name) {
			t.Errorf("a role is called %s", name)
		}
		seen = append(seen, name)
	}
}
