package verify

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/canary"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/sidecar"
	"github.com/kubectl-falcon/kubectl-falcon/test/golden"
)

// Programs read these names and words; the golden file is the promise.
func TestReportJSON(t *testing.T) {
	full := Judge(healthy(
		pod(nil, "app", "falcon-container"), pod(unpullable, "app", "falcon-container"), pod(older, "app"),
		pod(annotated("disabled"), "app"), pod(phase(corev1.PodSucceeded), "app")))
	reports := []*Report{full, Judge(outside(healthy(pod(nil, "app")))), Judge(without(healthy()))}
	got, err := json.MarshalIndent(reports, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	got = append(got, '\n')
	golden.Check(t, "report.json", got)
}

// answers reads what a real API server said, by name.
func answers(t *testing.T) map[string]canary.Answer {
	t.Helper()
	f, err := os.Open("testdata/admission-errors.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all := map[string]canary.Answer{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		name, rest, _ := strings.Cut(lines.Text(), " ")
		if name == "#" {
			continue
		}
		if _, message, refused := strings.Cut(rest, "msg="); refused {
			all[name] = canary.Answer{Refused: errors.New(message)}
			continue
		}
		_, containers, _ := strings.Cut(rest, "containers=[")
		var spec corev1.PodSpec
		for _, c := range strings.Fields(strings.TrimSuffix(containers, "]")) {
			spec.Containers = append(spec.Containers, corev1.Container{Name: c})
		}
		found, _ := sidecar.In(&spec, "")
		all[name] = canary.Answer{Sidecar: found}
	}
	if len(all) != 16 {
		t.Fatalf("read %d answers", len(all))
	}
	return all
}

// Whatever the API server's reason is, the user must read it in its own words, and be told what to do.
func TestJudgeWithARealServersAnswers(t *testing.T) {
	for name, answer := range answers(t) {
		t.Run(name, func(t *testing.T) {
			s := healthy()
			s.Canary = answer
			r := Judge(s)
			switch name {
			case "ok", "psa-warn":
				if r.Injection != Injected || r.Faults() != 0 {
					t.Errorf("got %s: %s", r.Injection, r.Reason)
				}
				return
			case "ignore-refused":
				if r.Injection != Missing || !strings.Contains(r.Reason, "without the sensor although the webhook covers it") {
					t.Errorf("got %s: %s", r.Injection, r.Reason)
				}
				return
			}
			if r.Injection != Missing || r.Faults() != 1 || r.Next == "" {
				t.Errorf("got %s with %d faults, next %q", r.Injection, r.Faults(), r.Next)
			}
			if !strings.Contains(r.Reason, "refused: "+answer.Refused.Error()) {
				t.Errorf("%q does not repeat %q", r.Reason, answer.Refused)
			}
		})
	}
}
