package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify"
	"github.com/kubectl-falcon/kubectl-falcon/test/golden"
	"github.com/kubectl-falcon/kubectl-falcon/test/reports"
)

// marks shows what would be painted.
func marks(m Mark, text string) string {
	return "<" + map[Mark]string{Good: "good", Bad: "bad", Attention: "attention", Faint: "faint"}[m] + ":" + text + ">"
}

// forms are all that a report is written as, by the name of its golden file.
var forms = map[string]func(w io.Writer, r *verify.Report) error{
	"table.txt":       func(w io.Writer, r *verify.Report) error { return Table(w, r, TableOptions{Width: 80}) },
	"wide.txt":        func(w io.Writer, r *verify.Report) error { return Table(w, r, TableOptions{Width: 120, Wide: true}) },
	"painted.txt":     func(w io.Writer, r *verify.Report) error { return Table(w, r, TableOptions{Paint: marks}) },
	"names.txt":       Name,
	"junit.xml":       func(w io.Writer, r *verify.Report) error { return JUnit(w, r, verify.Fail) },
	"junit-warn.xml":  func(w io.Writer, r *verify.Report) error { return JUnit(w, r, verify.Warn) },
	"report.sarif":    func(w io.Writer, r *verify.Report) error { return SARIF(w, r, reports.Rules()) },
	"openmetrics.txt": OpenMetrics,
	"report.html":     HTML,
}

func text(t *testing.T, r *verify.Report, write func(w io.Writer, r *verify.Report) error) string {
	t.Helper()
	var out bytes.Buffer
	if err := write(&out, r); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestForms(t *testing.T) {
	for name, write := range forms {
		t.Run(name, func(t *testing.T) {
			got := text(t, reports.Fixed(), write)
			if name == "report.html" {
				// The files of the style and the script are their own golden files.
				got = strings.NewReplacer(style, "", script, "", policy(), "").Replace(got)
			}
			golden.Check(t, name, []byte(got))
		})
	}
	golden.Check(t, "several.txt", []byte(text(t, reports.Several(), forms["table.txt"])))
	golden.Check(t, "several-names.txt", []byte(text(t, reports.Several(), Name)))
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestFormsReportAWriterThatFails(t *testing.T) {
	for name, write := range forms {
		if err := write(broken{}, reports.Fixed()); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A terminal obeys control characters, and who wrote an object's name is not who reads the report.
func TestFormsOfAHostileReport(t *testing.T) {
	for name, write := range forms {
		t.Run(name, func(t *testing.T) {
			got := text(t, reports.Hostile(), write)
			if !utf8.ValidString(got) {
				t.Error("it is no UTF-8")
			}
			for _, r := range got {
				if r != '\n' && r != '\t' && unicode.IsControl(r) {
					t.Fatalf("it has the control character %U", r)
				}
				if unicode.Is(unicode.Bidi_Control, r) && name != "report.html" {
					t.Fatalf("it has %U, which turns the direction of writing", r)
				}
			}
			if name == "report.html" && strings.Count(got, "</script>") != 2 {
				t.Errorf("%d scripts end, want 2", strings.Count(got, "</script>"))
			}
		})
	}
}

func TestTableFits(t *testing.T) {
	for name, r := range map[string]*verify.Report{"fixed": reports.Fixed(), "several": reports.Several(), "large": reports.Large(10_000, 200)} {
		for _, wide := range []bool{false, true} {
			for _, width := range []int{60, 80, 100} {
				write := func(w io.Writer, r *verify.Report) error { return Table(w, r, TableOptions{Width: width, Wide: wide}) }
				for line := range strings.Lines(text(t, r, write)) {
					line = strings.TrimSuffix(line, "\n")
					// A word that no line has room for, such as an image, stays whole.
					word := line[strings.LastIndexByte(line, ' ')+1:]
					if utf8.RuneCountInString(line) > width && len(word) <= width-key {
						t.Errorf("%s: wider than %d: %q", name, width, line)
					}
					if strings.TrimRight(line, " ") != line {
						t.Errorf("%s: ends with a space: %q", name, line)
					}
				}
			}
		}
	}
}

func TestTableCutsLongLists(t *testing.T) {
	r := reports.Large(10_000, 200)
	for n := range r.Clusters[0].Checks {
		c := &r.Clusters[0].Checks[n]
		if c.Verdict == verify.Fail {
			c.Findings = slices.Repeat(c.Findings[:1], 42)
		}
	}
	short := text(t, r, forms["table.txt"])
	for _, want := range []string{"and 37 more (-o wide shows all)", "and 180 more namespaces (-o wide shows all)", "and 80 more workloads (-o wide shows all)"} {
		if !strings.Contains(short, want) {
			t.Errorf("it does not say %q", want)
		}
	}
	if n := strings.Count(short, "\n"); n > 120 {
		t.Errorf("it has %d lines", n)
	}
	if wide := text(t, r, forms["wide.txt"]); strings.Contains(wide, "shows all") || !strings.Contains(wide, "team-199/deployment/service-009") {
		t.Error("wide, it does not show all")
	}
}

func TestHTMLOfALargeReport(t *testing.T) {
	got := text(t, reports.Large(10_000, 200), HTML)
	t.Logf("10,000 pods in 200 namespaces: %d kB", len(got)/1000)
	if len(got) > 2_000_000 {
		t.Errorf("it has %d bytes", len(got))
	}
	for _, forbidden := range []string{"<style></style>", " style=", " onclick=", "src=", "@import", "url("} {
		if strings.Contains(strings.ReplaceAll(got, script, ""), forbidden) {
			t.Errorf("it has %q", forbidden)
		}
	}
}

// A fingerprint that followed a number in the words would make each run's results new ones.
func TestSARIFFingerprintsFollowTheObject(t *testing.T) {
	prints := func(r *verify.Report) (all []string) {
		var log sarifLog
		if err := json.Unmarshal([]byte(text(t, r, forms["report.sarif"])), &log); err != nil {
			t.Fatal(err)
		}
		for _, result := range log.Runs[0].Results {
			all = append(all, result.Fingerprints["kubectlFalcon/v1"])
		}
		return all
	}
	before := prints(reports.Fixed())
	r := reports.Fixed()
	for n := range r.Clusters[0].Checks {
		for m := range r.Clusters[0].Checks[n].Findings {
			r.Clusters[0].Checks[n].Findings[m].Message += ", since 3 days"
		}
	}
	if after := prints(r); !slices.Equal(before, after) {
		t.Errorf("other words make other fingerprints:\n%v\n%v", before, after)
	}
	r.Clusters[0].Checks[0].Findings[0].Object = "falcon-system/deployment/other"
	if after := prints(r); slices.Equal(before, after) {
		t.Error("another object makes no other fingerprint")
	}
}

func TestJSONPath(t *testing.T) {
	for template, want := range map[string]string{
		"{.clusters[0].coverage.pods}":                                             "20\n",
		".clusters[0].coverage.pods":                                               "20\n",
		"clusters[0].coverage.pods":                                                "20\n",
		"{.clusters[*].checks[?(@.verdict=='fail')].id}":                           "FC403 FC704\n",
		"{range .clusters[0].workloads[?(@.pods>3)]}{.name}{\"\\n\"}{end}":         "api\nok\n",
		"{.clusters[0].coverage.verdicts.stale}/{.clusters[0].coverage.inScope}":   "4/17\n",
		"{.clusters[0].unreachable}":                                               "",
		"{.clusters[0].coverage.verdicts.missed}":                                  "",
		"{.clusters[0].namespaces[?(@.name=='team-a')].coverage.verdicts.drifted}": "2\n",
	} {
		got := text(t, reports.Fixed(), func(w io.Writer, r *verify.Report) error { return JSONPath(w, r, template) })
		if got != want {
			t.Errorf("%s: %q, want %q", template, got, want)
		}
	}
}

func TestJSONPathSaysWhatIsWrong(t *testing.T) {
	for template, want := range map[string]string{
		"{.clusters[0":                "cannot be read",
		"":                            "it is empty",
		"{.clusterz[0].name}":         "clusterz is not found",
		"{.clusters[0].coverage.pod}": "pod is not found",
		"{.clusters[7].host}":         "array index out of bounds",
	} {
		var out bytes.Buffer
		err := JSONPath(&out, reports.Fixed(), template)
		var p *problem.Error
		if !errors.As(err, &p) || p.Kind() != problem.BadInput || p.Next() == "" || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", template, err, want)
		}
		if out.Len() > 0 {
			t.Errorf("%s: it wrote %q", template, &out)
		}
	}
}

// The published schema has every field of the report, and no other.
func TestSchemaIsComplete(t *testing.T) {
	content, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "schemas", "verify-report.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	type object struct {
		Required   []string
		Properties map[string]any
	}
	var schema struct {
		object
		Defs map[string]object `json:"$defs"`
	}
	if err := json.Unmarshal(content, &schema); err != nil {
		t.Fatal(err)
	}
	for name, of := range map[string]reflect.Type{
		"": reflect.TypeFor[verify.Report](), "cluster": reflect.TypeFor[verify.Cluster](), "scope": reflect.TypeFor[verify.Scope](),
		"target": reflect.TypeFor[verify.Target](), "injector": reflect.TypeFor[verify.InjectorSummary](),
		"coverage": reflect.TypeFor[verify.Coverage](), "namespace": reflect.TypeFor[verify.NamespaceReport](),
		"workload": reflect.TypeFor[verify.WorkloadReport](), "check": reflect.TypeFor[verify.Result](), "finding": reflect.TypeFor[verify.Finding](),
	} {
		o := schema.Defs[name]
		if name == "" {
			o = schema.object
		}
		var has, must []string
		for n := range of.NumField() {
			if !of.Field(n).IsExported() {
				continue
			}
			field, options, _ := strings.Cut(of.Field(n).Tag.Get("json"), ",")
			has = append(has, field)
			if options == "" {
				must = append(must, field)
			}
		}
		var published []string
		for property := range o.Properties {
			published = append(published, property)
		}
		for _, list := range []*[]string{&has, &must, &published, &o.Required} {
			slices.Sort(*list)
		}
		if !slices.Equal(has, published) {
			t.Errorf("%s: the report has %v, the schema %v", name, has, published)
		}
		if !slices.Equal(must, o.Required) {
			t.Errorf("%s: the report always has %v, the schema requires %v", name, must, o.Required)
		}
	}
}
