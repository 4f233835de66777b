package verify

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/owner"
)

// The rights without which nothing can be said, as the collector records their denial.
const (
	listNamespaces  = "list namespaces"
	listPods        = "list pods"
	listDeployments = "list deployments.apps"
	listWebhooks    = "list mutatingwebhookconfigurations.admissionregistration.k8s.io"
	listConfigMaps  = "list configmaps"
	listSlices      = "list endpointslices.discovery.k8s.io"
	listBudgets     = "list poddisruptionbudgets.policy"
	listPolicies    = "list networkpolicies.networking.k8s.io"
	listDaemonSets  = "list daemonsets.apps"
	getServices     = "get services"
	getSecrets      = "get secrets"
	listSecrets     = "list secrets"
	listEvents      = "list events"
	listQuotas      = "list resourcequotas"
	listLimits      = "list limitranges"
	listOperated    = "list falconcontainers.falcon.crowdstrike.com"
	listNodes       = "list nodes"
	createPods      = "create pods"
	forwardPods     = "create pods/portforward"
	execPods        = "create pods/exec"
)

// getOwners are the rights to see whether a workload that an event tells of still lacks its pods.
var getOwners = []string{"get replicasets.apps", "get statefulsets.apps", "get daemonsets.apps", "get jobs.batch"}

var workloadChecks = slices.Concat(ownerChecks, replicaChecks, endpointChecks)

// ownerChecks are about the injector as a whole and whose it is.
var ownerChecks = []Check{{
	ID: "FC201", Title: "an injector is installed", Severity: Error,
	Needs: []string{listDeployments, listWebhooks},
	Hint:  "install one", Command: installCommand, Judge: judgeInstalled,
}, {
	ID: "FC202", Title: "there is only one injector", Severity: Error, After: []string{"FC201"},
	Needs: []string{listDeployments, listWebhooks},
	Hint:  "decide for one and remove the others with what made them, the webhook first", Judge: judgeFlavours,
}, {
	ID: "FC203", Title: "it is known who manages the injector", Severity: Info, After: []string{"FC201"},
	Needs: []string{listDeployments, listWebhooks}, Judge: judgeManager,
}, {
	ID: "FC204", Title: "the injector is as it was installed", Severity: Warning, After: []string{"FC201"},
	Needs: []string{listDeployments, listConfigMaps},
	Hint:  "see what would change, and install again with the options that you want", Command: installCommand + " --diff",
	Judge: judgeRecord,
}, {
	ID: "FC205", Title: "the injector's namespace is there and stays", Severity: Error, After: []string{"FC201"},
	Needs: []string{listNamespaces},
	Hint:  "remove the webhook first, then let the namespace go and install again", Command: "kubectl falcon uninstall",
	Judge: judgeNamespace,
}, {
	ID: "FC214", Title: "the vendor's operator is content with its injector", Severity: Error,
	After: []string{"FC201", "FC205", "FC206"}, Needs: []string{listOperated},
	Hint: "set right what the operator names", Command: "kubectl describe falconcontainer", Judge: judgeOperator,
}, {
	ID: "FC216", Title: "no node that has the sensor for nodes runs pods with the sidecar", Severity: Warning,
	After: []string{"FC201"}, Needs: []string{listDaemonSets, listPods},
	Hint: "decide for one of the two on each group of nodes, and leave the other out there by a node selector or the namespace's label", Judge: judgeNodeSensor,
}}

func judgeInstalled(v *View) Outcome {
	switch {
	case len(v.Injectors) > 0:
		return passed()
	case len(v.Failed) > 0:
		return leftTo("FC101")
	case v.Asked.Pre:
		o := skipped("nothing is installed yet, as --pre expects")
		o.stops = true
		return o
	}
	return found(finding("deployment/injector", "there is no injector in the cluster, so no pod gets the sensor"))
}

// standing are the injectors that could serve, each Deployment once. A webhook whose Service is gone is
// told of by itself.
func (v *View) standing() (all []*Injector) {
	for n := range v.Injectors {
		i := &v.Injectors[n]
		switch {
		case i.Deployment == nil && (i.Webhook == "" || v.orphaned(i)):
		case i.Deployment != nil && v.sharesDeployment(n):
		case i.Deployment == nil && slices.ContainsFunc(all, func(o *Injector) bool { return o.Reference == i.Reference }):
		default:
			all = append(all, i)
		}
	}
	return all
}

func judgeFlavours(v *View) Outcome {
	all := v.standing()
	if len(all) < 2 {
		return passed()
	}
	var findings []Finding
	for _, i := range all {
		var others []string
		for _, o := range all {
			if o != i {
				others = append(others, o.object())
			}
		}
		findings = append(findings, finding(i.object(), "it is made by %s; there is also %s", i.by(), fewOf(others)))
	}
	return found(findings...)
}

func judgeManager(v *View) Outcome {
	var all []Finding
	for _, i := range v.standing() {
		f := finding(i.object(), "it is made by %s", i.by())
		switch i.Tool {
		case owner.Ours:
			f = f.with("change it with kubectl falcon install", "")
		case owner.Guide, owner.Kubectl:
			f = f.with("change it with kubectl, or take it over with kubectl falcon install --adopt if it has the guide's names", "")
		case owner.Helm:
			f = f.with("change it with helm", "")
		case owner.Operator:
			f = f.with("change it in the FalconContainer", "")
		case owner.ArgoCD, owner.Flux:
			f = f.with("change it in the git repository that "+string(i.Tool)+" installs it from", "")
		default:
			f.Message = "no tool has left a mark on it"
			if i.Detail != "" {
				f.Message += "; " + i.Detail
			}
			f = f.with("find out who made it before you change it", "")
		}
		all = append(all, f)
	}
	return found(all...)
}

// judgedElsewhere are the kinds of whose objects another check says what is missing.
var judgedElsewhere = []string{"namespace", "deployment", "service", "secret", "configmap", "mutatingwebhookconfiguration", "poddisruptionbudget"}

func judgeRecord(v *View) Outcome {
	t := &tally{}
	for n := range v.Injectors {
		i := &v.Injectors[n]
		if i.Tool != owner.Ours || i.Deployment == nil {
			continue
		}
		t.looked++
		space := v.Spaces[i.Namespace]
		if len(v.Spaces) > 0 && (space == nil || space.Terminating) {
			t.cause = "FC205"
			continue
		}
		if i.Record == nil {
			t.add(finding(i.object(), "there is no record of its installation, which did not come to its end or was made without kubectl falcon").
				with("install again", installCommand))
			continue
		}
		for _, missing := range i.Record.Missing {
			if kind, _, _ := strings.Cut(missing, "/"); !slices.Contains(judgedElsewhere, kind) {
				t.add(finding(missing, "it was installed and is not there any more").with("install again", installCommand))
			}
		}
		for _, e := range i.Edits {
			when := ""
			if !e.Time.IsZero() {
				when = " at " + e.Time.UTC().Format("2006-01-02 15:04") + " UTC"
			}
			t.add(finding(e.Object, "%s wrote %s%s", e.Manager, fewOf(e.Fields), when))
		}
	}
	return t.outcome("no injector is of kubectl falcon")
}

func judgeNamespace(v *View) Outcome {
	t := &tally{}
	seen := map[string]bool{}
	for n := range v.Injectors {
		i := &v.Injectors[n]
		if i.Namespace == "" || seen[i.Namespace] {
			continue
		}
		t.looked++
		space := v.Spaces[i.Namespace]
		switch {
		case space != nil && !space.Terminating:
			seen[i.Namespace] = true
		case v.orphaned(i):
			t.cause = v.orphanCheck(i)
		case space == nil:
			seen[i.Namespace] = true
			t.add(finding("namespace/"+i.Namespace, "it is not there, although an injector is said to be in it").
				with("ask again; it may have been deleted in between", ""))
		default:
			seen[i.Namespace] = true
			t.add(terminating(space, i))
		}
	}
	return t.outcome("no injector is in a namespace")
}

func terminating(space *Namespace, i *Injector) Finding {
	what := "it is being deleted, and the injector with it"
	if space.Blocking != "" {
		what += "; what keeps it: " + strings.TrimSuffix(space.Blocking, ".")
	}
	f := finding("namespace/"+space.Name, "%s", what)
	if i.Tool != owner.Ours && i.Webhook != "" {
		f = f.with("remove the webhook first, or it refuses pods until the namespace is gone",
			"kubectl delete mutatingwebhookconfiguration "+i.Webhook)
	}
	return f
}

// badWhenTrue are the conditions of a FalconContainer that say something is wrong or unfinished; of the
// others that is so when they are not true.
var badWhenTrue = []string{"Failed", "Pending", "Unknown"}

func judgeOperator(v *View) Outcome {
	var all []Finding
	for n := range v.Injectors {
		for _, c := range v.Injectors[n].Conditions {
			bad := c.Status != "True"
			if slices.Contains(badWhenTrue, c.Type) {
				bad = c.Status == "True"
			}
			if !bad || c.Type == "Deprecated" {
				continue
			}
			what := fmt.Sprintf("its condition %s is %s", c.Type, c.Status)
			if c.Reason != "" {
				what += " (" + c.Reason + ")"
			}
			if c.Message != "" {
				what += ": " + strings.TrimSuffix(c.Message, ".")
			}
			all = append(all, finding(c.Object, "%s", what))
		}
	}
	return found(all...)
}

func judgeNodeSensor(v *View) Outcome {
	onNodes := 0
	for n := range v.Pods {
		if p := &v.Pods[n]; p.Sidecar != nil && !p.Traits.Fargate && v.Verdicts[n].Verdict != Ended {
			onNodes++
		}
	}
	if onNodes == 0 {
		// The sensor for nodes is a DaemonSet, which Fargate has not.
		return passed()
	}
	var all []Finding
	limited := ""
	for _, s := range v.NodeSensors {
		switch {
		case s.Scheduled == 0:
		case len(s.NodeSelector) > 0:
			limited = s.Namespace + "/daemonset/" + s.Name
		default:
			f := finding(s.Namespace+"/daemonset/"+s.Name, "it runs the sensor for nodes on %s, and %s with the sidecar %s on nodes too",
				counted(s.Scheduled, "node"), counted(onNodes, "pod"), map[bool]string{true: "is", false: "are"}[onNodes == 1])
			f.Pods = onNodes
			all = append(all, f)
		}
	}
	if len(all) == 0 && limited != "" {
		return undecided("%s runs on some nodes only, and which pods with the sidecar are there is not known", limited)
	}
	return found(all...)
}
