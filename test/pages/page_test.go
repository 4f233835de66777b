package pages

import (
	"slices"
	"strings"
	"testing"
)

const sample = `# A page, with words

See [there](other.md#a-part) and ` + "`[not](this.md)`" + `.

<!-- needs: aws -->

` + "```console" + `
$ kubectl falcon up \
    --plan        # a comment
STAGE
$ true
` + "```" + `

- in a list

  ` + "```yaml" + `
  a: $ b
  ` + "```" + `

## A page, with words
[ref]: https://example.com/x
`

func TestParse(t *testing.T) {
	p, err := Parse("docs/x.md", sample)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Blocks) != 2 || p.Blocks[0].Language != "console" || p.Blocks[1].Text[0] != "a: $ b" {
		t.Fatalf("the blocks are %+v", p.Blocks)
	}
	got := p.Blocks[0].Commands()
	if want := []Command{{8, "kubectl falcon up \\\n    --plan        # a comment"}, {11, "true"}}; !slices.Equal(got, want) {
		t.Errorf("the commands are %+v, want %+v", got, want)
	}
	if p.Needs(p.Blocks[0]) != "aws" || p.Needs(p.Blocks[1]) != "" {
		t.Errorf("the markers are %+v", p.Blocks)
	}
	if len(p.Links) != 2 || p.Links[0].Target != "other.md#a-part" || p.Links[1].Target != "https://example.com/x" {
		t.Errorf("the links are %+v", p.Links)
	}
	if !p.Anchors["a-page-with-words"] || !p.Anchors["a-page-with-words-1"] || len(p.Anchors) != 2 {
		t.Errorf("the anchors are %v", p.Anchors)
	}
}

// What the tests could not see must not be on a page.
func TestCheckRefuses(t *testing.T) {
	block := func(marker, language, line string) string {
		return marker + "\n```" + language + "\n" + line + "\n```\n"
	}
	for _, c := range []struct{ text, says string }{
		{block("<!-- needs: luck -->", "console", "$ true"), `the marker "needs: luck" is not known`},
		{block("<!-- wants: aws -->", "console", "$ true"), `the marker "wants: aws" is not known`},
		{block("<!-- exit: 0 -->", "console", "$ true"), `the marker "exit: 0" is not known`},
		{block("<!-- lab: broken -->", "console", "$ true"), `the marker "lab: broken" is not known`},
		{block("<!-- needs: aws -->\n<!-- exit: 1 -->", "console", "$ true"), "this one does not"},
		{block("<!-- needs: aws -->\n<!-- needs: chart -->", "console", "$ true"), "twice"},
		{block("<!-- needs: aws -->", "yaml", "a: b"), "a marker before a block without commands"},
		{block("", "console", "kubectl falcon up"), "without a prompt"},
		{block("", "", "$ kubectl falcon up"), "not marked as console"},
		{block("", "bash", "kubectl falcon up"), "behind prompts"},
		{block("<!-- exit: 1 -->", "console", "$ true"), ""},
		{block("", "yaml", "a: b"), ""},
	} {
		p, err := Parse("docs/x.md", c.text)
		if err != nil {
			t.Fatal(err)
		}
		said := strings.Join(p.Check(), "\n")
		if c.says == "" && said != "" || !strings.Contains(said, c.says) {
			t.Errorf("%q: says %q, want %q", c.text, said, c.says)
		}
	}
	for _, text := range []string{"<!-- needs: aws -->\nwords\n", "```console\n$ true\n", "<!-- needs: aws -->\n"} {
		if _, err := Parse("docs/x.md", text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}
