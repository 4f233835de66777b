package explain

import (
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/owner"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify"
)

// hook is a webhook for pods that leaves out namespaces which opt out.
func hook(change ...func(*admissionv1.MutatingWebhook)) admissionv1.MutatingWebhook {
	h := admissionv1.MutatingWebhook{Name: "injector.falcon-system.svc",
		NamespaceSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
			{Key: manifest.InjectionKey, Operator: metav1.LabelSelectorOpNotIn, Values: []string{"disabled"}}}},
		Rules: []admissionv1.RuleWithOperations{{Operations: []admissionv1.OperationType{admissionv1.Create},
			Rule: admissionv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"pods"}}}}}
	for _, f := range change {
		f(&h)
	}
	return h
}

func ignoring(h *admissionv1.MutatingWebhook) {
	ignore := admissionv1.Ignore
	h.FailurePolicy = &ignore
}

func conditional(h *admissionv1.MutatingWebhook) {
	h.MatchConditions = []admissionv1.MatchCondition{{Name: "people", Expression: "request.userInfo.username != 'x'"}}
}

func injector(change ...func(*admissionv1.MutatingWebhook)) source {
	return source{Injector: owner.Injector{Namespace: "falcon-system", Webhook: "injector.falcon-system.svc", Deployment: "injector", Tool: owner.Ours},
		hooks: []admissionv1.MutatingWebhook{hook(change...)}, image: "falcon:7"}
}

func pod(mark string) *corev1.Pod {
	p := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "app:1"}}}}
	if mark != "" {
		p.Annotations = map[string]string{manifest.InjectionKey: mark}
	}
	return p
}

func TestJudge(t *testing.T) {
	open := space{labels: map[string]string{"kubernetes.io/metadata.name": "team-a"}, there: true}
	out := space{labels: map[string]string{manifest.InjectionKey: "disabled"}, there: true}
	hidden := space{there: true, hidden: true}
	optIn := injector()
	optIn.optIn = true
	blind := injector()
	blind.unread = "you may not read it"
	orphan, orphanIgnored := injector(), injector(ignoring)
	orphan.Orphan, orphanIgnored.Orphan = true, true
	bare := source{Injector: owner.Injector{Namespace: "falcon-system", Deployment: "injector"}}

	injected, plain := Server{Outcome: Injected, Sidecar: "falcon"}, Server{Outcome: Plain}
	none := Server{Why: "you may not create pods here"}
	refused := func(c verify.Class) Server { return Server{Outcome: Refused, Class: c, Message: "no"} }

	tests := map[string]struct {
		all       []source
		in        space
		mark      string
		server    Server
		rules     Outcome
		outcome   Outcome
		agreement Agreement
		why, next string
	}{
		"injected":              {[]source{injector()}, open, "", injected, Injected, Injected, Agree, "container falcon", ""},
		"no injector":           {nil, open, "", plain, Plain, Plain, Agree, "no injector in the cluster", "install"},
		"no webhook":            {[]source{bare}, open, "", plain, Plain, Plain, Agree, "it has no webhook", "status"},
		"namespace out":         {[]source{injector()}, out, "", plain, Plain, Plain, Agree, "labelled " + manifest.InjectionKey + "=disabled", "kubectl label namespace"},
		"pod out":               {[]source{injector()}, open, "disabled", plain, Plain, Plain, Agree, "annotated", "take the annotation"},
		"opt-in without a mark": {[]source{optIn}, open, "", plain, Plain, Plain, Agree, "only pods annotated", "annotate the pod's template"},
		"opt-in with a mark":    {[]source{optIn}, open, "enabled", injected, Injected, Injected, Agree, "", ""},
		"one of two injects":    {[]source{optIn, injector()}, open, "", injected, Injected, Injected, Agree, "", ""},
		"conditions: injected":  {[]source{injector(conditional)}, open, "", injected, Unknown, Injected, Agree, "", ""},
		"conditions: plain":     {[]source{injector(conditional)}, open, "", plain, Unknown, Plain, Agree, "only the API server can evaluate", ""},
		"hidden namespace":      {[]source{injector()}, hidden, "", injected, Unknown, Injected, Agree, "", ""},
		"unread settings":       {[]source{blind}, open, "", plain, Unknown, Plain, Agree, "you may not read it", ""},
		"rules alone":           {[]source{injector()}, open, "", none, Injected, Injected, Unproved, "which is not proved", ""},
		"conditions alone":      {[]source{injector(conditional)}, open, "", none, Unknown, Unknown, Unproved, "only the API server", ""},
		"orphan alone":          {[]source{orphan}, open, "", none, Refused, Refused, Unproved, "is gone", "break-glass"},
		"orphan":                {[]source{orphan}, open, "", refused(verify.NoService), Refused, Refused, Agree, "service is not there", "break-glass"},
		"orphan that is let by": {[]source{orphanIgnored}, open, "", plain, Plain, Plain, Agree, "pods start without it", "status"},
		"ignored injector":      {[]source{injector(ignoring)}, open, "", plain, Injected, Plain, Disagree, "failure policy is Ignore", "verify"},
		"slipped through":       {[]source{injector()}, open, "", plain, Injected, Plain, Disagree, "left the pod alone", "report"},
		"injected all the same": {[]source{injector()}, out, "", injected, Plain, Injected, Disagree, "another webhook or program", "report"},
		"refused by security":   {[]source{injector()}, open, "", refused(verify.PodSecurity), Injected, Refused, Agree, "PodSecurity", "team-a"},
		"called all the same":   {[]source{injector()}, out, "", refused(verify.UnknownCA), Plain, Refused, Disagree, "does not trust", "certs rotate"},
		"refused while out":     {[]source{injector()}, out, "", refused(verify.QuotaFull), Plain, Refused, Agree, "quota", ""},
		"not classified":        {[]source{injector()}, open, "", refused("never heard of"), Injected, Refused, Agree, "refuses the pod", "own"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			e := Explanation{Namespace: "team-a", Injectors: apply(test.all, test.in, pod(test.mark)), Server: test.server}
			e.judge(false)
			if e.Rules != test.rules || e.Outcome != test.outcome || e.Agreement != test.agreement ||
				!strings.Contains(e.Why, test.why) || !strings.Contains(e.Next, test.next) {
				t.Errorf("rules %s, outcome %s, %s\nwhy %q\nnext %q", e.Rules, e.Outcome, e.Agreement, e.Why, e.Next)
			}
		})
	}
}

// Somebody who may not look at the injectors learns what the server says, and that it is not explained.
func TestJudgeOfTheServerAlone(t *testing.T) {
	e := Explanation{Unread: "you may not", Server: Server{Outcome: Plain}}
	e.judge(false)
	if e.Outcome != Plain || e.Agreement != Unproved || e.Rules != Unknown || !strings.Contains(e.Why, "only the server knows why") {
		t.Errorf("got %+v", e)
	}
}

// Of a pod that brings a container of the sensor's name the server's answer proves nothing.
func TestJudgeOfAPodThatBringsTheSensor(t *testing.T) {
	e := Explanation{Injectors: apply(nil, space{there: true}, pod("")), Server: Server{Outcome: Injected, Sidecar: "falcon"}}
	e.judge(true)
	if e.Agreement != Unproved {
		t.Errorf("got %+v", e)
	}
}

// Each class that verify knows has a meaning and advice of its own.
func TestEveryClassHasAMeaning(t *testing.T) {
	for _, c := range []verify.Class{verify.UnknownCA, verify.Expired, verify.WrongName, verify.Refused, verify.TimedOut, verify.NoService,
		verify.NoEndpoints, verify.HostAddress, verify.ServerError, verify.NotInjector, verify.BadPatch, verify.Denies, verify.PodSecurity,
		verify.QuotaFull, verify.LimitBroken, verify.NotPermitted, verify.Ending, verify.OtherWebhook, verify.Unclassified, noNamespace} {
		if m, known := meanings[c]; !known || m[0] == "" || m[1] == "" {
			t.Errorf("%s has no meaning", c)
		}
	}
}

func TestNotes(t *testing.T) {
	p := pod("")
	p.Labels = map[string]string{manifest.InjectionKey: "true"}
	p.Spec.HostNetwork = true
	p.Spec.NodeSelector = map[string]string{corev1.LabelOSStable: "windows"}
	said := strings.Join(notes(p, []source{injector(conditional)}), "|")
	for _, want := range []string{"for Windows", "node's network", "pods want it as an annotation", "match condition people looks at who asks"} {
		if !strings.Contains(said, want) {
			t.Errorf("it does not say %q: %s", want, said)
		}
	}
}
