package formats

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify/report"
	"github.com/kubectl-falcon/kubectl-falcon/test/reports"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/textparse"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// all are the reports that every format must bear.
var all = map[string]func() *verify.Report{
	"fixed": reports.Fixed, "several": reports.Several, "hostile": reports.Hostile,
	"large": func() *verify.Report { return reports.Large(10_000, 200) },
	"empty": func() *verify.Report {
		return &verify.Report{Schema: verify.Schema, Clusters: []verify.Cluster{*verify.Judge(&verify.Snapshot{}, verify.Selection{})}}
	},
}

// each runs a test with every report, as one format writes it.
func each(t *testing.T, write func(w io.Writer, r *verify.Report) error, test func(t *testing.T, r *verify.Report, text []byte)) {
	for name, make := range all {
		t.Run(name, func(t *testing.T) {
			r := make()
			var out bytes.Buffer
			if err := write(&out, r); err != nil {
				t.Fatal(err)
			}
			test(t, r, out.Bytes())
		})
	}
}

// valid fails the test unless a text fits a JSON schema.
func valid(t *testing.T, schema *jsonschema.Schema, text []byte) {
	t.Helper()
	data, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(data); err != nil {
		t.Error(err)
	}
}

func asJSON(w io.Writer, r *verify.Report) error { return json.NewEncoder(w).Encode(r) }

func TestJSON(t *testing.T) {
	schema, err := jsonschema.NewCompiler().Compile(filepath.Join("..", "..", "docs", "schemas", "verify-report.schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	each(t, asJSON, func(t *testing.T, _ *verify.Report, text []byte) { valid(t, schema, text) })
	// Were the schema satisfied by anything, it would say nothing of a report.
	for _, wrong := range []string{`{}`, `{"schema":"kubectl-falcon.verify/v2","client":"","clusters":[]}`,
		`{"schema":"kubectl-falcon.verify/v1","client":"","clusters":[{"context":"x"}]}`} {
		data, err := jsonschema.UnmarshalJSON(strings.NewReader(wrong))
		if err != nil {
			t.Fatal(err)
		}
		if schema.Validate(data) == nil {
			t.Errorf("the schema takes %s", wrong)
		}
	}
}

func TestJUnit(t *testing.T) {
	for _, on := range []verify.Verdict{verify.Fail, verify.Warn} {
		write := func(w io.Writer, r *verify.Report) error { return report.JUnit(w, r, on) }
		each(t, write, func(t *testing.T, _ *verify.Report, text []byte) {
			if said, err := xmllint(t, text); err != nil {
				t.Errorf("%v: %s", err, said)
			}
		})
	}
	if _, err := xmllint(t, []byte(`<testsuites name="x" tests="1" failures="0" errors="0"/>`)); err == nil {
		t.Error("the schema takes what lacks a count and every suite")
	}
}

func xmllint(t *testing.T, text []byte) ([]byte, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "junit.xml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return exec.CommandContext(t.Context(), "xmllint", "--nonet", "--noout", "--schema", "junit.xsd", file).CombinedOutput()
}

func TestOpenMetrics(t *testing.T) {
	each(t, report.OpenMetrics, func(t *testing.T, r *verify.Report, text []byte) {
		series := map[string]float64{}
		p := textparse.NewOpenMetricsParser(text, labels.NewSymbolTable())
		for {
			entry, err := p.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if entry != textparse.EntrySeries {
				continue
			}
			_, _, value := p.Series()
			var l labels.Labels
			p.Labels(&l)
			if _, twice := series[l.String()]; twice {
				t.Errorf("twice: %s", &l)
			}
			series[l.String()] = value
			if l.Has("pod") || l.Has("workload") {
				t.Errorf("without bound: %s", &l)
			}
		}
		checks, spaces := 0, 0
		for _, c := range r.Clusters {
			checks += len(c.Checks)
			spaces += len(c.Namespaces)
		}
		if most := 10*len(r.Clusters) + 6*checks + 14*spaces; len(series) > most {
			t.Errorf("%d series of %d checks and %d namespaces", len(series), checks, spaces)
		}
		// What node_exporter's textfile collector reads with.
		old := expfmt.NewTextParser(model.UTF8Validation)
		families, err := old.TextToMetricFamilies(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, f := range families {
			n += len(f.GetMetric())
		}
		if n != len(series) {
			t.Errorf("the older parser reads %d series, the newer %d", n, len(series))
		}
	})
}
