package plugin

import (
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aid"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
)

// sumUp says on stderr which reasons there are, each with a pod and what to do.
func (s *session) sumUp(r *aid.Report) {
	for _, reason := range aid.Reasons {
		if r.Summary.Reasons[reason] == 0 {
			continue
		}
		for n := range r.Pods {
			p := &r.Pods[n]
			if p.Reason != reason {
				continue
			}
			s.remark("%s: %s, such as %s, which %s\n  next: %s", reason, count(r.Summary.Reasons[reason], "pod"),
				term.Clean(p.Namespace+"/"+p.Pod), term.Clean(p.Message), p.Next())
			break
		}
	}
	said := map[aid.Flag]bool{}
	for n := range r.Pods {
		for _, flag := range r.Pods[n].Flags {
			if !said[flag] {
				said[flag] = true
				s.remark("%s: the agent id %s of pod %s/%s %s", flag, r.Pods[n].AID, r.Pods[n].Namespace, r.Pods[n].Pod, flagged[flag])
			}
		}
	}
}

// flagged are what the flags say.
var flagged = map[aid.Flag]string{
	aid.AllZero:      "is no id: its sensor has lost its own; restart the pod",
	aid.Duplicate:    "is another pod's too: they are one host in the console; restart them",
	aid.NotInConsole: "is not known to the Falcon console of these credentials: check that it is the same customer's (CID)",
}
