package ecr

import (
	"strings"
	"testing"
	"time"
)

func TestExpires(t *testing.T) {
	day := func(n int) time.Time { return time.Date(2026, 11, n, 12, 0, 0, 0, time.UTC) }
	// The newest is last; the one in question is "old".
	all := []Image{{Digest: "old", Tags: []string{"7.40.0"}, Pushed: day(1)}, {Digest: "bare", Pushed: day(2)}, {Digest: "new", Tags: []string{"7.41.0", "prod-1"}, Pushed: day(3)}}
	rules := func(rules ...string) string { return `{"rules":[` + strings.Join(rules, ",") + `]}` }
	expire := func(priority, selection string) string {
		return `{"rulePriority":` + priority + `,"selection":{` + selection + `},"action":{"type":"expire"}}`
	}
	for name, test := range map[string]struct{ policy, digest, want string }{
		"none":            {"", "old", ""},
		"unreadable":      {"{", "old", ""},
		"our rules":       {lifecycle(10, 14), "old", ""},
		"untagged":        {lifecycle(10, 14), "bare", "rule 1 lets it go on 2026-11-16, 14 days after it was pushed"},
		"too many":        {lifecycle(2, 0), "old", "rule 1 keeps 2 images, and this is number 3 from the newest"},
		"the last kept":   {lifecycle(3, 0), "old", "rule 1 keeps 3 images, and this is number 3 from the newest"},
		"room for more":   {lifecycle(4, 0), "old", ""},
		"by age":          {rules(expire("1", `"tagStatus":"any","countType":"sinceImagePushed","countUnit":"days","countNumber":30`)), "old", "rule 1 lets it go on 2026-12-01"},
		"another prefix":  {rules(expire("1", `"tagStatus":"tagged","tagPrefixList":["prod"],"countType":"imageCountMoreThan","countNumber":1`)), "old", ""},
		"its prefix":      {rules(expire("1", `"tagStatus":"tagged","tagPrefixList":["7.40"],"countType":"imageCountMoreThan","countNumber":1`)), "old", "number 1 from"},
		"its pattern":     {rules(expire("1", `"tagStatus":"tagged","tagPatternList":["prod-*"],"countType":"imageCountMoreThan","countNumber":1`)), "new", "number 1 from"},
		"an earlier rule": {rules(expire("2", `"tagStatus":"any","countType":"imageCountMoreThan","countNumber":1`), expire("1", `"tagStatus":"tagged","tagPrefixList":["7.40"],"countType":"imageCountMoreThan","countNumber":5`)), "old", ""},
		"not of it":       {lifecycle(1, 0), "elsewhere", ""},
	} {
		if got := Expires(test.policy, test.digest, all); (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
			t.Errorf("%s: got %q", name, got)
		}
	}
}
