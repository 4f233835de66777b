package verify

import (
	"fmt"
	"strings"
)

var leftoverChecks = []Check{
	{ID: "FC951", Title: "no webhook is left of an injector that is gone", Severity: Error, Part: leftoversPart,
		Needs: []string{listDeployments, listWebhooks}, Judge: judgeOrphanWebhooks},
	{ID: "FC952", Title: "no roles are left of an injector", Severity: Warning, Part: leftoversPart,
		Needs: []string{listDeployments, "list clusterroles.rbac.authorization.k8s.io", "list clusterrolebindings.rbac.authorization.k8s.io"},
		Judge: left(judgeRolesLeft)},
	{ID: "FC953", Title: "no pull secrets are left of an injector", Severity: Warning, Part: leftoversPart,
		Needs: []string{listDeployments, listSecrets}, Judge: left(judgeSecretsLeft)},
	{ID: "FC954", Title: "no injection marks are left on namespaces and pods", Severity: Warning, Part: leftoversPart,
		Needs: []string{listDeployments, listNamespaces, listPods}, Judge: left(judgeMarksLeft)},
	{ID: "FC955", Title: "which pods still have the sensor of an injector that is gone", Severity: Info, Part: leftoversPart,
		Needs: []string{listDeployments, listPods}, Judge: left(judgeCarriersLeft)},
	{ID: "FC956", Title: "no custom resource waits for an operator that is gone", Severity: Warning, Part: leftoversPart,
		Needs: []string{listDeployments, listOperated}, Judge: left(judgeStuck)},
}

// left makes a check of what is only a leftover where no injector is: with one, nothing is left.
func left(judge func(v *View) Outcome) func(v *View) Outcome {
	return func(v *View) Outcome {
		if v.installed() {
			return passed()
		}
		if v.Leftovers == nil {
			return skipped("what is left in the cluster was not looked for")
		}
		return judge(v)
	}
}

// orphan says that of an injector only the webhook is left.
func (i *Injector) orphan() bool {
	return i.Webhook != "" && i.Deployment == nil && i.Reference.Missing
}

// installed says whether the cluster has an injector of which more than the webhook is there.
func (v *View) installed() bool {
	for n := range v.Injectors {
		i := &v.Injectors[n]
		if i.Deployment != nil || i.Webhook != "" && !i.orphan() {
			return true
		}
	}
	return false
}

func judgeOrphanWebhooks(v *View) Outcome {
	var all []Finding
	for n := range v.Injectors {
		i := &v.Injectors[n]
		if !i.orphan() {
			continue
		}
		f := finding("mutatingwebhookconfiguration/"+i.Webhook, "it calls the Service %s/%s, which is not there, and neither is an injector",
			i.Reference.Namespace, i.Reference.Name)
		f.Hint = "remove the webhook (see FC313: it may refuse pods)"
		f.Command = "kubectl delete mutatingwebhookconfiguration " + i.Webhook
		all = append(all, f)
	}
	return found(all...)
}

func judgeRolesLeft(v *View) Outcome {
	var all []Finding
	for _, role := range v.Leftovers.Roles {
		f := finding(role, "no injector is there that needs it")
		f.Hint, f.Command = "delete it", "kubectl delete "+role
		all = append(all, f)
	}
	return found(all...)
}

func judgeSecretsLeft(v *View) Outcome {
	var all []Finding
	for _, secret := range v.Leftovers.PullSecrets {
		namespace, name, _ := strings.Cut(secret, "/")
		f := finding(namespace+"/secret/"+name, "no injector is there that needs these credentials")
		f.Hint = "delete it, unless something else pulls with it"
		f.Command = fmt.Sprintf("kubectl delete secret -n %s %s", namespace, name)
		all = append(all, f)
	}
	return found(all...)
}

func judgeMarksLeft(v *View) Outcome {
	var all []Finding
	for n := range v.Namespaces {
		ns := &v.Namespaces[n]
		if !v.inQuestion(ns.Name) {
			continue
		}
		for _, mark := range []struct {
			kind string
			set  map[string]string
		}{{"label", ns.Labels}, {"annotate", ns.Annotations}} {
			value, marked := mark.set[InjectionKey]
			if !marked {
				continue
			}
			f := finding("namespace/"+ns.Name, "it is marked %s=%s, which nobody reads", InjectionKey, value)
			f.Hint = "remove the mark, unless an injector is to be installed again"
			f.Command = fmt.Sprintf("kubectl %s namespace %s %s-", mark.kind, ns.Name, InjectionKey)
			all = append(all, f)
		}
	}
	pods := v.perWorkload(func(p *Pod, _ *Judged) *remark {
		value := p.Mark
		if value == "" {
			value = p.WrongMark
		}
		if value == "" {
			return nil
		}
		return &remark{why: fmt.Sprintf("it is marked %s=%s, which nobody reads", InjectionKey, value),
			hint: "remove the mark from the template of the pods, unless an injector is to be installed again"}
	})
	return found(append(all, pods...)...)
}

func judgeCarriersLeft(v *View) Outcome {
	return found(v.perWorkload(func(p *Pod, _ *Judged) *remark {
		if p.Sidecar == nil {
			return nil
		}
		hint, command := p.Workload.restart(p.Namespace, p.Name)
		return &remark{why: "it still has the sensor", hint: hint, command: command}
	})...)
}

func judgeStuck(v *View) Outcome {
	var all []Finding
	for _, object := range v.Leftovers.Stuck {
		kind, name, _ := strings.Cut(object, "/")
		kind = strings.ToLower(kind)
		f := finding(kind+"/"+name, "it is being deleted, and what should finish that is gone")
		f.Hint = "look at its finalizers, and remove them once nothing of it is left"
		f.Command = fmt.Sprintf("kubectl get %s %s -o jsonpath=\"{.metadata.finalizers}\"", kind, name)
		all = append(all, f)
	}
	return found(all...)
}
