package verify

import "testing"

// A configuration may hold several webhooks; one that leaves the namespace out says nothing of the next.
func TestJudgeLooksAtEveryWebhookOfTheConfiguration(t *testing.T) {
	s := outside(healthy())
	second := s.Injector.Config.Webhooks[0].DeepCopy()
	second.NamespaceSelector.MatchExpressions = nil
	s.Injector.Config.Webhooks = append(s.Injector.Config.Webhooks, *second)
	if r := Judge(s); r.Injection != Missing {
		t.Errorf("got %s: %s", r.Injection, r.Reason)
	}
}
