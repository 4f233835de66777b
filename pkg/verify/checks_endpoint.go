package verify

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// endpointChecks are about the way from the webhook to a pod of the injector.
var endpointChecks = []Check{{
	ID: "FC211", Title: "the webhook's port leads to a ready injector", Severity: Error,
	After: []string{"FC201", "FC205"}, Needs: []string{listWebhooks, listDeployments, getServices, listSlices}, Judge: judgeChain,
}, {
	ID: "FC212", Title: "no network policy keeps the API server from the injector", Severity: Warning,
	After: []string{"FC201", "FC205", "FC211"}, Needs: []string{listDeployments, listPolicies},
	Hint: "allow the API server's addresses to reach the injector's port", Judge: judgePolicies,
}}

// defaultPort is what a webhook calls that names none.
const defaultPort = 443

// port is where a webhook calls its Service.
func (r Reference) port() int32 {
	if r.Port == 0 {
		return defaultPort
	}
	return r.Port
}

// foreign says whether a webhook calls something outside of the cluster's Services.
func (r Reference) foreign() bool { return r.Name == "" || r.Namespace == "" }

// addresses are those behind the Service that are ready.
func addresses(i *Injector) (all []string) {
	for _, s := range i.Slices {
		for _, e := range s.Endpoints {
			// Not said means ready.
			if e.Conditions.Ready == nil || *e.Conditions.Ready {
				all = append(all, e.Addresses...)
			}
		}
	}
	return all
}

func judgeChain(v *View) Outcome {
	t := &tally{}
	for n := range v.Injectors {
		i := &v.Injectors[n]
		if i.Webhook == "" || i.Reference.foreign() {
			continue
		}
		t.looked++
		switch {
		case v.orphaned(i), i.Service == nil:
			t.looked--
		default:
			f, cause := v.mismatch(i)
			if cause != "" {
				t.cause = cause
			} else if f != nil {
				t.add(*f)
			}
		}
	}
	return t.outcome("no webhook calls a Service that was seen")
}

// mismatch is the first link that does not fit between the webhook's port and a ready pod, or the check
// that says more, or neither.
func (v *View) mismatch(i *Injector) (*Finding, string) {
	at := func(object, format string, args ...any) *Finding {
		f := finding(object, format, args...)
		return &f
	}
	ports := i.Service.Spec.Ports
	n := slices.IndexFunc(ports, func(p corev1.ServicePort) bool { return p.Port == i.Reference.port() })
	if n < 0 {
		var numbers []string
		for _, p := range ports {
			numbers = append(numbers, fmt.Sprint(p.Port))
		}
		f := at(webhookObject(i.Webhook), "it calls port %d, but %s has only %s", i.Reference.port(), i.service(), fewOf(numbers)).
			with(i.reset("set the webhook's port to one of the Service's"))
		return &f, ""
	}
	if i.Deployment != nil {
		if f := i.unselected(); f != nil {
			return f, ""
		}
		if f := i.misled(ports[n]); f != nil {
			return f, ""
		}
		if !i.serves() {
			return nil, "FC206"
		}
	}
	if len(addresses(i)) > 0 {
		return nil, ""
	}
	if _, denied := v.denied(listDeployments); i.Deployment == nil && !denied {
		return nil, "FC206"
	}
	text := "it has no ready endpoint"
	if i.Deployment != nil {
		text += fmt.Sprintf(", although the injector has %s available", counted(i.Deployment.Status.AvailableReplicas, "replica"))
	}
	f := at(i.service(), "%s", text).with("compare its selector with the labels of the injector's pods",
		fmt.Sprintf("kubectl get endpointslices -n %s -l kubernetes.io/service-name=%s", i.Reference.Namespace, i.Reference.Name))
	return &f, ""
}

// reset is how what somebody has changed is set back.
func (i *Injector) reset(otherwise string) (hint, command string) {
	_, command = i.remedy("", "", "")
	if command != "" {
		return otherwise + ", or install again", command
	}
	return otherwise, ""
}

// unselected tells of a Service that does not select the injector's pods.
func (i *Injector) unselected() *Finding {
	selector := i.Service.Spec.Selector
	if len(selector) == 0 || labels.SelectorFromSet(selector).Matches(labels.Set(i.Deployment.Spec.Template.Labels)) {
		return nil
	}
	f := finding(i.service(), "it selects pods with %s, which those of %s are not", labels.Set(selector), i.object()).
		with(i.reset("set its selector to the labels of the injector's pods"))
	return &f
}

// misled tells of a Service that leads to a port on which the injector does not listen.
func (i *Injector) misled(p corev1.ServicePort) *Finding {
	target := p.TargetPort
	if target.Type == intstr.Int && target.IntVal == 0 {
		target.IntVal = p.Port
	}
	c := server(&i.Deployment.Spec.Template.Spec)
	var there []string
	known := false
	number := target.IntVal
	for _, port := range c.Ports {
		there = append(there, fmt.Sprintf("%s %d", port.Name, port.ContainerPort))
		if target.Type == intstr.String && port.Name == target.StrVal {
			known, number = true, port.ContainerPort
		}
		if target.Type == intstr.Int && port.ContainerPort == target.IntVal {
			known = true
		}
	}
	object := i.service()
	switch listens := i.listens(); {
	case !known && len(there) > 0:
		f := finding(object, "its port %d leads to port %s, but container %s has only %s", p.Port, target.String(), c.Name, fewOf(there)).
			with(i.reset("set its targetPort to the container's port"))
		return &f
	case known && listens != "" && listens != fmt.Sprint(number):
		f := finding(i.object(), "its container port is %d, but the injector is told to listen on %s (FALCON_INJECTOR_LISTEN_PORT)", number, listens).
			with(i.reset("Make the two the same"))
		return &f
	}
	return nil
}

// listens is the port that the injector is configured to listen on, if that is known.
func (i *Injector) listens() string {
	if i.Config == nil {
		return ""
	}
	return strings.TrimSpace(i.Config.Port)
}

func judgePolicies(v *View) Outcome {
	if slices.ContainsFunc(v.Canaries, func(c Canary) bool { return c.Sidecar != "" }) {
		// An injector has just answered the API server.
		return passed()
	}
	var unclear []string
	o := v.deployed(func(i *Injector, t *tally) {
		var isolating, blocks []string
		open := false
		for n := range i.Policies {
			p := &i.Policies[n]
			if !i.selects(&p.Spec.PodSelector) || !forIngress(p) {
				continue
			}
			isolating = append(isolating, p.Namespace+"/networkpolicy/"+p.Name)
			for _, rule := range p.Spec.Ingress {
				switch {
				case !i.portIn(rule.Ports):
				case len(rule.From) == 0:
					open = true
				default:
					blocks = append(blocks, cidrs(rule.From)...)
				}
			}
		}
		switch {
		case len(isolating) == 0, open:
		case len(blocks) > 0:
			unclear = append(unclear, fmt.Sprintf("%s lets in %s, and whether the API server is there is not known", fewOf(isolating), fewOf(blocks)))
		default:
			t.add(finding(isolating[0], "it lets no address outside of the cluster's pods reach the injector's port, and an API server need not be a pod"))
		}
	})
	if len(o.findings) == 0 && len(unclear) > 0 {
		return undecided("%s", strings.Join(unclear, "; "))
	}
	return o
}

func forIngress(p *networkingv1.NetworkPolicy) bool {
	return len(p.Spec.PolicyTypes) == 0 || slices.Contains(p.Spec.PolicyTypes, networkingv1.PolicyTypeIngress)
}

// portIn says whether a rule is for the injector's port; without ports it is for all.
func (i *Injector) portIn(rule []networkingv1.NetworkPolicyPort) bool {
	if len(rule) == 0 {
		return true
	}
	for _, port := range server(&i.Deployment.Spec.Template.Spec).Ports {
		for _, r := range rule {
			switch {
			case r.Port == nil, r.Port.Type == intstr.String && r.Port.StrVal == port.Name:
				return true
			case r.EndPort != nil && r.Port.IntVal <= port.ContainerPort && port.ContainerPort <= *r.EndPort:
				return true
			case r.Port.Type == intstr.Int && r.Port.IntVal == port.ContainerPort:
				return true
			}
		}
	}
	return false
}

func cidrs(from []networkingv1.NetworkPolicyPeer) (all []string) {
	for _, peer := range from {
		if peer.IPBlock != nil {
			all = append(all, peer.IPBlock.CIDR)
		}
	}
	return all
}
