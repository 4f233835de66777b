package verify

import (
	"slices"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestJudgePod(t *testing.T) {
	optIn := config(func(c *Config) { c.OptIn = true })
	young := func(p *Pod) { p.Created = takenAt.Add(-time.Minute) }
	onlyLabelled := changedHook(func(h *admissionv1.MutatingWebhook) {
		h.ObjectSelector.MatchLabels = map[string]string{"sensor": "yes"}
	})
	tests := map[string]struct {
		cluster func(s *Snapshot)
		pod     Pod
		want    PodVerdict
	}{
		"injected":                        {nil, carrier("team-a", "p", api), Injected},
		"succeeded":                       {nil, with(carrier("team-a", "p", api), func(p *Pod) { p.Phase = "Succeeded" }), Ended},
		"failed":                          {nil, with(plain("team-a", "p", api), func(p *Pod) { p.Phase = "Failed" }), Ended},
		"deleting":                        {nil, with(plain("team-a", "p", api), func(p *Pod) { p.Deleting = true }), Ended},
		"init trouble":                    {nil, notUp("team-a", "p", api, func(p *Pod) { p.Sidecar.InitTrouble = "x" }), NotReady},
		"trouble":                         {nil, notUp("team-a", "p", api, func(p *Pod) { p.Sidecar.Trouble = "x"; young(p) }), NotReady},
		"pod trouble":                     {nil, notUp("team-a", "p", api, func(p *Pod) { p.Trouble = "x" }), NotReady},
		"starting":                        {nil, notUp("team-a", "p", api, young), Starting},
		"not up in time":                  {nil, notUp("team-a", "p", api, func(*Pod) {}), NotReady},
		"drifted":                         {nil, with(carrier("team-a", "p", api), func(p *Pod) { p.Sidecar.Image = "other:1" }), Drifted},
		"image not known":                 {config(func(c *Config) { c.Image = "" }), with(carrier("team-a", "p", api), func(p *Pod) { p.Sidecar.Image = "other:1" }), Injected},
		"same image, longer":              {config(func(c *Config) { c.Image = "sensor" }), with(carrier("team-a", "p", api), func(p *Pod) { p.Sidecar.Image = "docker.io/library/sensor:latest" }), Injected},
		"injected, drifted and not ready": {nil, notUp("team-a", "p", api, func(p *Pod) { p.Sidecar.Image, p.Sidecar.Trouble = "other:1", "x" }), NotReady},
		"injected, no profile":            {nil, notUp("team-a", "p", api, func(p *Pod) { p.Traits.NoProfile, p.Trouble = true, "x" }), NoProfile},
		"injected out of scope":           {nil, carrier("kube-system", "p", api), Injected},

		"static":              {nil, with(plain("kube-system", "p", api), func(p *Pod) { p.Traits.Static = true }), Impossible},
		"Windows":             {nil, with(plain("team-a", "p", api), func(p *Pod) { p.Traits.Windows = true }), Impossible},
		"host network":        {nil, with(plain("team-a", "p", api), func(p *Pod) { p.Traits.HostNetwork = true }), Impossible},
		"no injector":         {noInjector, plain("team-a", "p", api), Unprotected},
		"namespace opted out": {labelled("team-a", map[string]string{InjectionKey: "disabled"}), plain("team-a", "p", api), OptedOut},
		"namespace did not in": {changedHook(func(h *admissionv1.MutatingWebhook) {
			h.NamespaceSelector = &metav1.LabelSelector{MatchLabels: map[string]string{InjectionKey: "enabled"}}
		}), plain("team-a", "p", api), OptedOut},
		"out of scope":            {nil, plain("kube-system", "p", api), OutOfScope},
		"unseen namespace":        {nil, plain("new", "p", api), OutOfScope},
		"pod opted out":           {nil, with(plain("team-a", "p", api), func(p *Pod) { p.Mark = "disabled" }), OptedOut},
		"pod did not opt in":      {optIn, plain("team-a", "p", api), OptedOut},
		"pod opted in":            {optIn, with(plain("team-a", "p", api), func(p *Pod) { p.Mark = "enabled" }), Missed},
		"pod not selected":        {onlyLabelled, plain("team-a", "p", api), OptedOut},
		"pod selected":            {onlyLabelled, with(plain("team-a", "p", api), func(p *Pod) { p.Labels = map[string]string{"sensor": "yes"} }), Missed},
		"host network, opted out": {nil, with(plain("team-a", "p", api), func(p *Pod) { p.Traits.HostNetwork, p.Mark = true, "disabled" }), OptedOut},
		"no profile":              {nil, with(plain("team-a", "p", api), func(p *Pod) { p.Traits.NoProfile = true }), NoProfile},
		"older than the webhook":  {nil, with(plain("team-a", "p", api), old), Stale},
		"as old as the webhook":   {nil, with(plain("team-a", "p", api), func(p *Pod) { p.Created = installedAt }), Missed},
		"older than the label": {func(s *Snapshot) {
			at := slices.IndexFunc(s.Namespaces, func(ns Namespace) bool { return ns.Name == "team-a" })
			s.Namespaces[at].Marked = plain("team-a", "p", api).Created.Add(time.Second)
		}, plain("team-a", "p", api), Stale},
		"younger": {nil, plain("team-a", "p", api), Missed},
	}
	left := slices.Clone(PodVerdicts)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := healthy()
			if test.cluster != nil {
				test.cluster(s)
			}
			s.Pods = []Pod{test.pod}
			got := NewView(s).Verdicts[0]
			if got.Verdict != test.want {
				t.Errorf("%s (%s %s), want %s", got.Verdict, got.Why, got.Cause, test.want)
			}
			if got.Verdict != Injected && got.Verdict != Ended && got.Why == "" {
				t.Error("it does not say why")
			}
			left = slices.DeleteFunc(left, func(v PodVerdict) bool { return v == got.Verdict })
		})
	}
	if len(left) > 0 {
		t.Errorf("no pod is %v", left)
	}
}

// A pod whose sensor does not come up is reported by one check, the one nearest to the cause.
func TestOneCheckReportsAPod(t *testing.T) {
	tests := map[string]struct {
		damage func(s *Snapshot)
		want   string
	}{
		"no pull secret here":        {allOf(without, added(unpulled("team-a", "p"))), "FC507"},
		"not pulled here":            {added(unpulled("team-a", "p")), "FC713"},
		"pulled nowhere":             {added(with(unpulled("team-a", "p"), func(p *Pod) { p.Sidecar.Image = sensorImage[:len(sensorImage)-1] + "0" })), "FC703"},
		"init image not pulled here": {added(with(unpulled("team-a", "p"), func(p *Pod) { p.Sidecar.InitTrouble = "ImagePullBackOff" })), "FC713"},
		"init crashes":               {added(notUp("team-a", "p", api, func(p *Pod) { p.Sidecar.InitTrouble = "CrashLoopBackOff" })), "FC704"},
		"crashes":                    {added(notUp("team-a", "p", api, func(p *Pod) { p.Sidecar.Trouble = "CrashLoopBackOff" })), "FC703"},
		"no profile":                 {added(notUp("team-a", "p", api, func(p *Pod) { p.Traits.NoProfile = true })), "FC714"},
		"Windows":                    {added(notUp("team-a", "p", api, func(p *Pod) { p.Traits.Windows = true })), "FC712"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := healthy()
			test.damage(s)
			for _, id := range []string{"FC507", "FC703", "FC704", "FC705", "FC712", "FC713", "FC714"} {
				if r := result(t, id, s); (r.Verdict == Fail) != (id == test.want) {
					t.Errorf("%s: %s %v", id, r.Verdict, r.Findings)
				}
			}
		})
	}
}

// An injector whose own namespace is covered is not to be restarted: it could not come up again.
func TestTheInjectorItselfIsNotToBeRestarted(t *testing.T) {
	s := healthy()
	s.Webhooks[0].Webhooks[0].NamespaceSelector = nil
	own := plain("falcon-system", s.Injectors[0].Pods[0].Name, Workload{"Deployment", "injector"})
	s.Pods = []Pod{own, with(own, func(p *Pod) { p.Name = s.Injectors[0].Pods[1].Name; old(p) })}
	for _, id := range []string{"FC701", "FC702"} {
		if r := result(t, id, s); r.Verdict != Pass {
			t.Errorf("%s: %s %v", id, r.Verdict, r.Findings)
		}
	}
}

// What keeps a dry-run pod from coming back with the sensor is reported by one check.
func TestOneCheckReportsAClass(t *testing.T) {
	for _, class := range classes {
		s := healthy()
		refusing(class, "words of the server", "team-a")(s)
		want := classMeanings[class].check
		if class == None {
			want = "FC608"
		}
		for _, id := range []string{"FC509", "FC604", "FC606", "FC607", "FC608", "FC609", "FC611", "FC612"} {
			r := result(t, id, s)
			wrong := r.Verdict == Fail || r.Verdict == Warn
			if wrong != (id == want) {
				t.Errorf("%q: %s says %s %v", class, id, r.Verdict, r.Findings)
			}
			if id == "FC606" && class != Ending && r.Verdict == Pass {
				t.Errorf("%q: proved where no pod came back with the sensor", class)
			}
		}
	}
}
