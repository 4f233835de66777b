package plugin

import (
	"syscall"

	"github.com/spf13/cobra"
)

// ExitCode is a number with which a command may end, and what it says then.
type ExitCode struct {
	Code  int
	Means string
}

// Whose answer a command needs. What cannot be reached, or does not permit what is needed, ends it with
// ExitNoAccess.
const (
	needsCluster = "the cluster"
	needsAWS     = "AWS"
	needsFalcon  = "the Falcon API"
	needsVendor  = "the Falcon API or the registry"
	needsAny     = "the cluster, AWS or the Falcon API"
	needsBoth    = "AWS or the cluster"
)

// ending is how a command may end.
type ending struct {
	// needs is whom it asks, if it asks anybody.
	needs string
	// done and failed are what 0 and 1 mean, where that is more than that it did or did not work.
	done, failed string
	// four is what 4 means.
	four string
	// waits says that it may end because a wait had its time.
	waits bool
}

// The ends that several commands have.
var (
	offline   = ending{}
	onCluster = ending{needs: needsCluster}
	onAWS     = ending{needs: needsAWS}
	onFalcon  = ending{needs: needsFalcon}
)

// endings are the ends of every command that does something, by what stands behind the program's name.
var endings = map[string]ending{
	"aid": {needs: needsCluster, waits: true, done: "every pod has an id; those that nobody named and that can have none count not",
		failed: "a pod has none, or asking failed"},
	"aws cluster check":      {needs: needsBoth, done: "nothing is wrong", failed: "something is wrong, or looking failed"},
	"aws cluster create":     {needs: needsAWS, waits: true},
	"aws cluster delete":     {needs: needsAWS, waits: true},
	"aws cluster kubeconfig": onAWS,
	"aws cluster token":      onAWS,
	"aws ecr delete":         onAWS,
	"aws ecr delete-image":   onAWS,
	"aws ecr ensure":         onAWS,
	"aws ecr images":         onAWS,
	"aws ecr login-check":    {needs: "AWS or the registry"},
	"aws fargate coverage":   {needs: needsBoth, done: "no pod waits in vain for Fargate", failed: "pods do, or looking failed"},
	"aws fargate delete":     {needs: needsAWS, waits: true},
	"aws fargate ensure":     {needs: needsAWS, waits: true},
	"aws fargate list":       onAWS,
	"aws iam-policy":         offline,
	"aws irsa check":         {needs: needsBoth, done: "no link is broken", failed: "a link is broken, or looking failed"},
	"aws irsa delete":        onAWS,
	"aws irsa ensure":        onAWS,
	"bundle":                 onCluster,
	"certs":                  {needs: needsCluster, done: "the certificates agree", failed: "they do not, or looking failed"},
	"certs rotate":           {needs: needsCluster, waits: true},
	"demo":                   {needs: "the cluster or the Falcon API", waits: true},
	"demo clean":             onCluster,
	"completion bash":        offline, "completion zsh": offline, "completion fish": offline, "completion powershell": offline,
	"completion install": offline, "completion uninstall": offline,
	"k9s install": offline, "k9s print": offline, "k9s uninstall": offline,
	"demo list":   offline,
	"demo run":    {needs: "the cluster or the Falcon API", waits: true},
	"demo status": onCluster,
	"down":        {needs: needsAny, waits: true},
	"explain": {needs: needsCluster, done: "the API server would take each pod, and the rules agree with its answer",
		failed: "it would refuse one, or the rules and its answer differ"},
	"explain-check": offline,
	"install": {needs: needsCluster, waits: true, done: "done; with --diff: nothing would change",
		failed: "it failed; with --diff: something would change", four: "--diff failed"},
	"logs":               {needs: needsCluster},
	"restart":            {needs: needsCluster, waits: true},
	"sensor cid":         onFalcon,
	"sensor download":    onFalcon,
	"sensor image":       {needs: needsVendor},
	"sensor pull-secret": {needs: "the Falcon API or the cluster"},
	"sensor push":        {needs: "a registry, the Falcon API or AWS"},
	"sensor tags":        {needs: needsVendor},
	"status": {needs: needsCluster, done: "nothing keeps pods from starting or from being protected",
		failed: "something does, or looking failed"},
	"uninstall": {needs: needsCluster, waits: true},
	"up":        {needs: needsAny, waits: true},
	"verify": {needs: needsCluster, done: "no check failed",
		failed: "a check failed, or looking failed", four: "with --fail-on=warning: there are only warnings"},
	"version": offline,
}

// ExitCodes returns how a command may end.
func ExitCodes(cmd *cobra.Command) []ExitCode {
	e, known := endings[pathOf(cmd)]
	if !known && ofRBAC(cmd) {
		e, known = offline, true
	}
	all := []ExitCode{{ExitOK, or(e.done, "done")}}
	if known {
		all = append(all, ExitCode{ExitFailed, or(e.failed, "it failed")})
	}
	all = append(all, ExitCode{ExitUsage, "a flag or an argument is wrong; nothing was changed"})
	if e.needs != "" {
		all = append(all, ExitCode{ExitNoAccess, e.needs + " cannot be reached, or does not permit what is needed"})
	}
	if e.four != "" {
		all = append(all, ExitCode{ExitWarnings, e.four})
	}
	if e.waits {
		all = append(all, ExitCode{ExitDeadline, "a wait had its time"})
	}
	if e.needs != "" {
		all = append(all, ExitCode{exitSignal + int(syscall.SIGINT), "stopped by Ctrl-C (143: by TERM)"})
	}
	return all
}

func or(text, instead string) string {
	if text == "" {
		return instead
	}
	return text
}
