package formats

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify/report"
	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// sarifSchema is the schema of OASIS. The module go-sarif carries it in a constant of its own, which only
// its validation of its own reports uses, and that would not see what its types do not have.
func sarifSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/owenrumney/go-sarif/v3").Output()
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(strings.TrimSpace(string(dir)), "pkg", "report", "v210", "sarif", "schema.go")
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var text string
	ast.Inspect(file, func(n ast.Node) bool {
		if literal, is := n.(*ast.BasicLit); is && literal.Kind == token.STRING {
			text, err = strconv.Unquote(literal.Value)
		}
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	data, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	const address = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
	if err := c.AddResource(address, data); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile(address)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func TestSARIF(t *testing.T) {
	schema := sarifSchema(t)
	// As the plugin writes it, with a rule for each check there is.
	write := func(w io.Writer, r *verify.Report) error { return report.SARIF(w, r, verify.Catalogue()) }
	each(t, write, func(t *testing.T, r *verify.Report, text []byte) {
		valid(t, schema, text)
		read, err := sarif.FromBytes(text)
		if err != nil {
			t.Fatal(err)
		}
		if len(read.Runs) != len(r.Clusters) {
			t.Fatalf("%d runs for %d clusters", len(read.Runs), len(r.Clusters))
		}
		prints := map[string]bool{}
		for _, run := range read.Runs {
			for _, result := range run.Results {
				// The text of the standard (3.27.10) asks for it; its schema cannot.
				if result.Kind != "fail" && result.Level != "none" {
					t.Errorf("%s is %s and of level %s", *result.RuleID, result.Kind, result.Level)
				}
				// One without an index reads as one of 0, so this also finds a rule that is missing.
				if rule := run.Tool.Driver.Rules[result.RuleIndex]; *rule.ID != *result.RuleID {
					t.Errorf("%s points to the rule %s", *result.RuleID, *rule.ID)
				}
				print := result.PartialFingerprints["kubectlFalcon/v1"]
				if print == "" || prints[print] {
					t.Errorf("%s has no fingerprint of its own: %q", *result.RuleID, print)
				}
				prints[print] = true
			}
		}
	})
}
