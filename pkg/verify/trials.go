package verify

import (
	"fmt"
	"strings"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/match"
)

// slow is how long an answer about a pod may take before it is a warning, and less where the webhook's
// timeout is short.
const slow = 2 * time.Second

func judgeInjected(v *View) Outcome {
	answers, none := v.answers()
	if none != nil {
		return *none
	}
	all := refusals(answers, "FC606")
	for n := range all {
		s := &all[n]
		c := v.canary(s.namespace)
		switch c.Class {
		case ServerError, BadPatch, Denies:
			s.command = v.logs()
		}
	}
	for _, a := range answers {
		if m := a.mixed(); m != "" && a.injected() {
			all = append(all, said{a.Namespace, remark{why: "not every API server gets an answer from the injector", cause: m,
				hint: "compare the API servers: each calls the injector itself"}})
		}
	}
	if rest := v.notInjected(answers); len(all) == 0 && rest != "" {
		return undecided("not proved everywhere: %s", rest)
	}
	return found(perNamespace(all, len(answers), v.common())...)
}

// notInjected counts the covered namespaces where no pod came back with the sensor, by the check that is
// about them; FC606 would claim too much if it passed.
func (v *View) notInjected(answers []answer) string {
	count := map[string]int{}
	for _, a := range answers {
		switch {
		case a.plain():
			count["FC608"]++
		case a.Class != None:
			count[classMeanings[a.Class].check]++
		}
	}
	var parts []string
	for _, check := range sortedKeys(count) {
		parts = append(parts, fmt.Sprintf("%d (%s)", count[check], check))
	}
	if n := len(v.unproved()); n > 0 {
		parts = append(parts, fmt.Sprintf("%d (no dry-run pod)", n))
	}
	if len(parts) == 0 {
		return ""
	}
	return fmt.Sprintf("of %d namespaces in scope ", len(v.covered())) + strings.Join(parts, ", ")
}

// logs is the command that shows the main injector's, or nothing.
func (v *View) logs() string {
	if v.Main == nil || v.Main.Deployment == nil {
		return ""
	}
	return fmt.Sprintf("kubectl logs -n %s deployment/%s --tail=50", v.Main.Namespace, v.Main.Deployment.Name)
}

func judgeAnswered(v *View) Outcome {
	answers, none := v.answers()
	if none != nil {
		return *none
	}
	all := refusals(answers, "FC607")
	findings := perNamespace(all, len(answers), v.common())
	for _, s := range all {
		if c := v.canary(s.namespace); !aboutThisPod(c) {
			return found(findings...)
		}
	}
	return warned(findings...)
}

// aboutThisPod says that another webhook has judged the dry-run pod and denied it, for something that is
// not the sensor: pods of a workload may well be as it wants them.
func aboutThisPod(c *Canary) bool {
	return c.Class == OtherWebhook && strings.Contains(c.Message, "denied the request") && !namesSensor(c.Message)
}

func judgePlainPods(v *View) Outcome {
	answers, none := v.answers()
	if none != nil {
		return *none
	}
	var all []said
	var unsent string
	for _, a := range answers {
		if !a.plain() {
			continue
		}
		sent := v.sent(a)
		switch {
		case sent.Answer == match.No:
			unsent = sent.Why()
		case sent.Answer == match.Unknown:
			unsent = "the webhook has match conditions, which only the API server can evaluate"
		case !refuses(a.hook.MutatingWebhook):
			all = append(all, said{a.Namespace, remark{
				why:  "a new pod would start without the sensor: its failure policy is Ignore, so a call that fails is passed over",
				hint: "see FC211 and the checks of the certificates, and give the webhook the failure policy Fail"}})
		default:
			all = append(all, said{a.Namespace, remark{
				why:  "a new pod would start without the sensor, though by its rules the webhook is called for it, and its failure policy is Fail",
				hint: "read in the injector's log whether it was asked", command: v.logs()}})
		}
	}
	if len(all) == 0 && unsent != "" {
		return undecided("the dry-run pod is none that the webhook is called for: %s", unsent)
	}
	return found(perNamespace(all, len(answers), v.common())...)
}

func judgeQuick(v *View) Outcome {
	answers, none := v.answers()
	if none != nil {
		return *none
	}
	var all []said
	for _, a := range answers {
		patience := 10 * time.Second // the API server's own
		if s := a.hook.TimeoutSeconds; s != nil {
			patience = time.Duration(*s) * time.Second
		}
		if a.injected() && (a.Took > slow || a.Took > patience/2) {
			all = append(all, said{a.Namespace, remark{why: "a new pod waits long for the injector", cause: fmt.Sprintf(
				"it took %s, and the webhook's timeout is %s", a.Took.Round(10*time.Millisecond), patience)}})
		}
	}
	return found(perNamespace(all, len(answers), v.common())...)
}

// judgeAgreement compares the other way round: FC608 finds pods that are plain though they should not be.
func judgeAgreement(v *View) Outcome {
	if len(v.Hooks) == 0 {
		return skipped(noWebhook)
	}
	asked := 0
	var all []Finding
	for n := range v.Canaries {
		c := &v.Canaries[n]
		if c.Class == NotPermitted || c.Class == Ending {
			continue
		}
		asked++
		scope := v.ScopeOf(c.Namespace)
		f := finding("namespace/"+c.Namespace, "")
		switch {
		case scope.Covered:
			continue
		case c.Class == None && c.Sidecar != "":
			f.Message = "a dry-run pod came back with the sensor, though it is out of scope here: " + scope.Why
		// A change that does not fit may be of any webhook.
		case c.Class != BadPatch && classMeanings[c.Class].check == "FC606" || c.Class == TimedOut || namesSensor(c.Message):
			f.Message = "the webhook was called for a dry-run pod, though it is out of scope here: " + scope.Why
		default:
			continue
		}
		all = append(all, f)
	}
	if asked == 0 {
		_, none := v.answers()
		if none != nil {
			return *none
		}
	}
	return found(all...)
}

func judgeImageTrials(v *View) Outcome {
	var all []Finding
	tried := 0
	for n := range v.Images {
		t := &v.Images[n]
		if t.Sensor || t.Class == NotPermitted || t.Class == Ending {
			continue
		}
		// Where a pod with a command is refused too, the image is not the reason.
		c := v.canary(t.Namespace)
		if !v.ScopeOf(t.Namespace).Covered || c == nil || c.Class != None || c.Sidecar == "" {
			continue
		}
		tried++
		switch t.Class {
		case None, OtherWebhook, PodSecurity, QuotaFull, LimitBroken:
			continue
		}
		r := remark{why: "a pod of this image that sets no command is refused in namespace " + t.Namespace,
			cause: answer{Canary: &Canary{Class: t.Class, Message: t.Message}}.evidence()}
		f := finding("image/"+t.Image, "%s", r.message())
		f.Pods = t.Pods
		all = append(all, f)
	}
	if tried == 0 {
		return skipped("no image in use could be tried in a namespace in scope")
	}
	return found(all...)
}
