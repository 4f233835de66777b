package verify

import (
	"fmt"
	"strings"
	"time"
)

// glassCommand lets pods start without the sensor.
const glassCommand = "kubectl falcon uninstall --break-glass"

func judgeBlocked(v *View) Outcome {
	var names []string
	for n := range v.Hooks {
		names = append(names, v.Hooks[n].Name)
	}
	var all []Finding
	for n := range v.Blocked {
		b := &v.Blocked[n]
		class := classOfBlocked(b.Message, names)
		if !v.inQuestion(b.Namespace) || !ours(b.Message, class, names) {
			continue
		}
		f := Finding{Object: Workload{b.Kind, b.Name}.in(b.Namespace)}
		f.Message = (&remark{why: "its pods are refused" + since(b, v.Taken), cause: strings.TrimPrefix(b.Message, "Internal error occurred: ")}).message()
		f.Hint, f.Command = v.unblock(b, class)
		all = append(all, f)
	}
	return found(all...)
}

// classOfBlocked is Classify for a message that has lost its code: only the server's own refusals are 403.
func classOfBlocked(message string, names []string) Class {
	code := int32(500)
	if strings.Contains(message, "is forbidden") {
		code = 403
	}
	if len(names) == 0 {
		// No webhook is an injector's, so none that is named is.
		names = []string{""}
	}
	return Classify(code, message, names...)
}

// ours says whether a refusal is because of an injector: its webhook is named, or the sensor's container.
// Any other is between the workload and its cluster.
func ours(message string, class Class, names []string) bool {
	if namesSensor(message) {
		return true
	}
	_, named := webhookIn(message)
	return named && class != OtherWebhook && len(names) > 0
}

func since(b *Blocked, now time.Time) string {
	if b.Since.IsZero() || now.Before(b.Since) {
		return ""
	}
	return fmt.Sprintf(", since %s", now.Sub(b.Since).Round(time.Second))
}

// unblock says how a workload gets its pods.
func (v *View) unblock(b *Blocked, class Class) (hint, command string) {
	// The dry-run pod names its command, so it comes through where the injector cannot read this pod's image.
	if c := v.canary(b.Namespace); c != nil && c.Class == None && class != Denies {
		return "a new pod would be admitted now: wait for its controller to try again, or restart it",
			restartOf(b)
	}
	switch class {
	case PodSecurity:
		return "see FC604: let the namespace run privileged pods, or opt the workload out", ""
	case QuotaFull:
		return "see FC611: raise the quota", ""
	case LimitBroken:
		return "see FC509: change the limit range", ""
	case Denies:
		return "do what the injector's message asks for; FC613 (--deep) tries every image in use", v.logs()
	}
	return "see FC606 for the cause; this lets pods start without the sensor until then", glassCommand
}

func restartOf(b *Blocked) string {
	_, command := Workload{b.Kind, b.Name}.restart(b.Namespace, "")
	if strings.HasSuffix(command, " ") {
		return ""
	}
	return command
}
