package cluster

import (
	"strings"
	"testing"
)

// Lines as eksctl prints them, of several versions.
func TestLinesOfEksctlAreRead(t *testing.T) {
	for line, want := range map[string]struct {
		level Level
		text  string
	}{
		"[ℹ]  using region eu-west-1":                                           {Info, "using region eu-west-1"},
		"2026-11-26 05:13:33 [ℹ]  using region eu-west-1":                       {Info, "using region eu-west-1"},
		"2020-08-13T13:44:54-07:00 [ℹ]  created Fargate profile \"fp-default\"": {Info, `created Fargate profile "fp-default"`},
		"\x1b[36m2026-11-26 05:13:33 [ℹ]  deploying stack\x1b[0m":               {Info, "deploying stack"},
		"2026-11-26 05:13:33 [✔]  all EKS cluster resources were created":       {Info, "all EKS cluster resources were created"},
		"2026-11-26 05:13:33 [!]  1 error(s) occurred":                          {Warning, "1 error(s) occurred"},
		"2026-11-26 05:13:33 [✖]  unexpected status \"ROLLBACK_IN_PROGRESS\"":   {Critical, `unexpected status "ROLLBACK_IN_PROGRESS"`},
		"2026-11-26 05:13:33 [▶]  role ARN for the current session":             {Continued, "role ARN for the current session"},
		"Error: failed to create cluster \"shop\"":                              {Final, `failed to create cluster "shop"`},
		"    wait for control plane to become ready,":                           {Continued, "wait for control plane to become ready,"},
		"[x] not a mark": {Continued, "[x] not a mark"},
		"":               {Continued, ""},
	} {
		level, text := read(line)
		if level != want.level || text != want.text {
			t.Errorf("%q is read as %d %q", line, level, text)
		}
	}
	if _, text := read("[ℹ]  " + strings.Repeat("a", 600)); len(text) > 510 || !strings.HasSuffix(text, "a...") {
		t.Errorf("a long line is cut to %q", text)
	}
}

const failed = `2026-11-26 05:13:33 [ℹ]  eksctl version 0.231.0
2026-11-26 05:13:33 [ℹ]  using region eu-west-1
2026-11-26 05:13:34 [ℹ]  
2 sequential tasks: { create cluster control plane "shop",
    2 sequential sub-tasks: {
        wait for control plane to become ready,
    }
}
2026-11-26 05:13:35 [ℹ]  deploying stack "eksctl-shop-cluster"
2026-11-26 05:14:35 [!]  1 error(s) occurred and cluster hasn't been created properly
2026-11-26 05:14:35 [✖]  AWS::EC2::EIP/NATIP: CREATE_FAILED – "Resource creation cancelled"
2026-11-26 05:14:35 [✖]  AWS::EC2::VPC/VPC: CREATE_FAILED – "Resource handler returned message:
The maximum number of VPCs has been reached."
2026-11-26 05:14:36 [ℹ]  to cleanup resources, run 'eksctl delete cluster --region=eu-west-1 --name=shop'
2026-11-26 05:14:36 [✖]  failed to create cluster "shop"
Error: failed to create cluster "shop"
`

func TestTheReasonIsTheFirstFailureThatIsNotTheEndOfAnother(t *testing.T) {
	var said transcript
	var shown []string
	for line := range strings.Lines(failed) {
		text, warning := said.take(strings.TrimSuffix(line, "\n"))
		if warning {
			text = "! " + text
		}
		if text != "" {
			shown = append(shown, text)
		}
	}
	want := "using region eu-west-1|deploying stack \"eksctl-shop-cluster\"|! 1 error(s) occurred and cluster hasn't been created properly"
	if got := strings.Join(shown, "|"); got != want {
		t.Errorf("it showed %s", got)
	}
	if got := said.reason(); got != `AWS::EC2::VPC/VPC: CREATE_FAILED – "Resource handler returned message: The maximum number of VPCs has been reached."` {
		t.Errorf("the reason is %s", got)
	}
}

func TestWithoutABetterReasonTheLastWordCounts(t *testing.T) {
	for lines, want := range map[string]string{
		"Error: unknown flag: --wait":                       "unknown flag: --wait",
		"[✖]  failed to create cluster \"a\"":               `failed to create cluster "a"`,
		"[ℹ]  using region eu-west-1\n":                     "using region eu-west-1",
		"panic: runtime error":                              "panic: runtime error",
		"[✖]  a: Resource creation cancelled\nError: later": "later",
		"": "",
	} {
		var said transcript
		for line := range strings.Lines(lines) {
			said.take(strings.TrimSuffix(line, "\n"))
		}
		if got := said.reason(); got != want {
			t.Errorf("of %q the reason is %q", lines, got)
		}
	}
}
