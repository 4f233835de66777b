package owner

import (
	"errors"
	"testing"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

var (
	guided = Injector{Tool: Guide, Namespace: "falcon-system", Webhook: "injector.falcon-system.svc", Deployment: "injector"}
	helmed = Injector{Tool: Helm, Detail: "release falcon in namespace security", Namespace: "security",
		Webhook: "falcon-sensor-injector", Deployment: "falcon-sensor-injector"}
	mine = Injector{Tool: Ours, Namespace: "falcon-system", Deployment: "injector", Webhook: "injector.falcon-system.svc"}
)

func TestString(t *testing.T) {
	for want, i := range map[string]Injector{
		"deployment injector in namespace falcon-system, made by Helm (release falcon)": {Tool: Helm,
			Detail: "release falcon in namespace falcon-system", Namespace: "falcon-system", Deployment: "injector"},
		"webhook w, made by Helm (release falcon in namespace a)":                       {Tool: Helm, Detail: "release falcon in namespace a", Namespace: "a", Webhook: "w"},
		"webhook w, made by an unknown tool (field managers a, b)":                      {Tool: Unknown, Detail: "field managers a, b", Webhook: "w"},
		"deployment injector in namespace falcon-system, made by the guide's installer": guided,
		"webhook w, made by kubectl":                                                    {Tool: Kubectl, Webhook: "w", Deployment: "d", Namespace: "n", Orphan: true},
	} {
		if got := i.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestRefuseLetsOursPass(t *testing.T) {
	broken := mine
	broken.Orphan = true
	plain := guided
	plain.Tool = Kubectl
	for _, found := range [][]Injector{nil, {mine}, {broken}} {
		if err := Refuse(found, false); err != nil {
			t.Errorf("%v: %v", found, err)
		}
	}
	if err := Refuse([]Injector{mine, guided, plain}, true); err != nil {
		t.Errorf("adopt: %v", err)
	}
}

func TestRefuse(t *testing.T) {
	orphan := func(i Injector, ignored bool) Injector {
		i.Orphan, i.Deployment, i.ignored = true, "", ignored
		return i
	}
	of := func(tool Tool, detail string) Injector {
		i := helmed
		i.Tool, i.Detail = tool, detail
		return i
	}
	const there, chart = "there is an injector already: ", "deployment falcon-sensor-injector in namespace security, made by "
	const remove = "kubectl delete mutatingwebhookconfiguration falcon-sensor-injector"
	const removeAll = remove + " && kubectl delete deployment falcon-sensor-injector -n security"
	const release = "change it with helm, or remove it first: helm uninstall falcon -n security"
	const refused = "there is a webhook whose service is gone, so the pods that it covers are refused now: "
	for _, c := range []struct {
		found      []Injector
		adopt      bool
		says, next string
	}{
		{[]Injector{helmed}, false, there + chart + "Helm (release falcon)", release},
		{[]Injector{mine, helmed}, true, there + chart + "Helm (release falcon)",
			"--adopt takes over only what the guide's installer made; " + release},
		{[]Injector{guided, helmed}, true, there + chart + "Helm (release falcon)",
			"--adopt takes over only what the guide's installer made; " + release},
		{[]Injector{of(Helm, "release falcon")}, false, there + chart + "Helm (release falcon)", release},
		{[]Injector{of(Helm, "")}, false, there + chart + "Helm",
			"change it with helm, or remove its release with helm uninstall (helm list -A shows it)"},
		{[]Injector{guided, helmed, mine}, false,
			there + "deployment injector in namespace falcon-system, made by the guide's installer, and 1 more",
			"take it over with --adopt, or remove it as the guide says, the webhook first"},
		{[]Injector{of(Operator, "FalconContainer sensor")}, false, there + chart + "falcon-operator (FalconContainer sensor)",
			"remove it first: kubectl delete falconcontainer sensor"},
		{[]Injector{of(Operator, "")}, false, there + chart + "falcon-operator",
			"remove it first: kubectl delete falconcontainer NAME (kubectl get falconcontainer shows it)"},
		{[]Injector{of(ArgoCD, "application a")}, false, there + chart + "Argo CD (application a)",
			"change it, or remove it, in the git repository that Argo CD installs it from"},
		{[]Injector{of(Kubectl, "")}, false, there + chart + "kubectl", "remove it first: " + removeAll},
		{[]Injector{of(Unknown, "")}, false, there + chart + "an unknown tool",
			"find out who made it and have it removed there, or remove it first: " + removeAll},
		{[]Injector{guided, orphan(helmed, false)}, false,
			refused + "webhook falcon-sensor-injector, made by Helm (release falcon in namespace security), and 1 more",
			"let pods start again: kubectl falcon uninstall --break-glass, or " + remove},
		{[]Injector{orphan(of(Flux, ""), false)}, true, refused + "webhook falcon-sensor-injector, made by Flux",
			"let pods start again: kubectl falcon uninstall --break-glass, or " + remove +
				"; then remove it from the git repository of Flux, which else puts it back"},
		// Break-glass has been done: to say so again would lead nowhere.
		{[]Injector{orphan(guided, true)}, false,
			"there is a webhook whose service is gone: webhook injector.falcon-system.svc, made by the guide's installer",
			"remove it first: kubectl delete mutatingwebhookconfiguration injector.falcon-system.svc; or take it over with --adopt"},
	} {
		err := Refuse(c.found, c.adopt)
		p, ok := errors.AsType[*problem.Error](err)
		if !ok || p.Kind() != problem.Failed {
			t.Errorf("%v: %v", c.found, err)
			continue
		}
		if want := c.says + "; nothing was changed"; err.Error() != want {
			t.Errorf("says\n%s, want\n%s", err, want)
		}
		if p.Next() != c.next {
			t.Errorf("next is\n%s, want\n%s", p.Next(), c.next)
		}
	}
}
