package fargate

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/eks/types"
)

// What EKS puts into a cluster (EKS user guide, as in doc.go).
const (
	// profileLabel is the label with which a pod chooses one of several profiles.
	profileLabel = "eks.amazonaws.com/fargate-profile"
	// Scheduler is the scheduler that EKS's webhook gives new pods which a profile selects.
	Scheduler = "fargate-scheduler"
	// nodePrefix begins the names of Fargate's nodes.
	nodePrefix = "fargate-"
)

// Pod is what of a pod decides about Fargate.
type Pod struct {
	Namespace, Name string
	Labels          map[string]string
	// Node is where it runs; empty, it is pending.
	Node string
	// Scheduler is the one that it waits for.
	Scheduler string
	// Owner is the controller, as kind/name in lower case.
	Owner string
}

// Coverage says for a cluster which pods have a profile.
type Coverage struct {
	Cluster    string      `json:"cluster"`
	Namespaces []Namespace `json:"namespaces"`
	// Waiting are the pending pods for which Fargate does nothing.
	Waiting []Waiting `json:"waiting"`
	// Missing are the namespaces that need a profile for those, and the injector's if it has none.
	Missing []string `json:"missing"`
}

// Covers is how far the profiles take a namespace's pods.
type Covers string

// The answers. Some is a namespace of which only pods with certain labels are taken.
const (
	CoversAll  Covers = "all"
	CoversSome Covers = "some"
	CoversNone Covers = "none"
)

// Namespace is how far a namespace is covered.
type Namespace struct {
	Name     string   `json:"name"`
	Covered  Covers   `json:"covered"`
	Profiles []string `json:"profiles"`
	Pods     int      `json:"pods"`
	// OnFargate run there, Waiting are pending and will stay so.
	OnFargate int `json:"onFargate"`
	Waiting   int `json:"waiting"`
}

// Reason is why a pod is pending for ever.
type Reason string

// The reasons.
const (
	NoProfile  Reason = "no-profile"
	OlderPod   Reason = "older-than-profile"
	NotReady   Reason = "profile-not-ready"
	BadLabel   Reason = "bad-profile-label"
	NotAllowed Reason = "daemonset"
)

// Waiting is a pending pod that Fargate will not run as it is.
type Waiting struct {
	Namespace string `json:"namespace"`
	Pod       string `json:"pod"`
	Reason    Reason `json:"reason"`
	// Why says it in a sentence without a full stop, Next is what to do.
	Why  string `json:"why"`
	Next string `json:"next,omitempty"`
}

// Judge compares the profiles of a cluster with its namespaces and pods. injector is the namespace that is
// always to be covered.
func Judge(cluster string, profiles []Profile, namespaces []string, pods []Pod, injector string) *Coverage {
	c := &Coverage{Cluster: cluster, Namespaces: []Namespace{}, Waiting: []Waiting{}, Missing: []string{}}
	at := map[string]int{}
	for _, name := range namespaces {
		at[name] = len(c.Namespaces)
		c.Namespaces = append(c.Namespaces, covered(name, profiles))
	}
	for n := range pods {
		p := &pods[n]
		i, ok := at[p.Namespace]
		if !ok {
			continue
		}
		c.Namespaces[i].Pods++
		if strings.HasPrefix(p.Node, nodePrefix) {
			c.Namespaces[i].OnFargate++
		}
		if w := waits(p, profiles); w != nil {
			c.Waiting = append(c.Waiting, *w)
			c.Namespaces[i].Waiting++
			if w.Reason == NoProfile {
				c.miss(p.Namespace)
			}
		}
	}
	if covered(injector, profiles).Covered == CoversNone {
		c.miss(injector)
	}
	slices.Sort(c.Missing)
	return c
}

func (c *Coverage) miss(namespace string) {
	if !slices.Contains(c.Missing, namespace) {
		c.Missing = append(c.Missing, namespace)
	}
}

// covered says how far profiles take the pods of a namespace.
func covered(name string, profiles []Profile) Namespace {
	n := Namespace{Name: name, Covered: CoversNone, Profiles: []string{}}
	for _, p := range profiles {
		if !p.Usable() {
			continue
		}
		for _, s := range p.Selectors {
			if !glob(s.Namespace, name, false) {
				continue
			}
			if !slices.Contains(n.Profiles, p.Name) {
				n.Profiles = append(n.Profiles, p.Name)
			}
			if len(s.Labels) == 0 {
				n.Covered = CoversAll
			} else if n.Covered == CoversNone {
				n.Covered = CoversSome
			}
		}
	}
	return n
}

// matching are the profiles that select a pod; one that it chooses by its label comes alone.
func matching(p *Pod, profiles []Profile) (found []*Profile) {
	for n := range profiles {
		one := &profiles[n]
		if !one.Usable() || !slices.ContainsFunc(one.Selectors, func(s Selector) bool { return s.Matches(p.Namespace, p.Labels) }) {
			continue
		}
		if chosen := p.Labels[profileLabel]; chosen == "" || chosen == one.Name {
			found = append(found, one)
		}
	}
	return found
}

// waits says why a pod is pending and will stay so, or nothing.
func waits(p *Pod, profiles []Profile) *Waiting {
	if p.Node != "" || p.Scheduler == Scheduler {
		return nil
	}
	w := &Waiting{Namespace: p.Namespace, Pod: p.Name}
	if strings.HasPrefix(p.Owner, "daemonset/") {
		w.Reason, w.Why = NotAllowed, "it is of a DaemonSet, whose pods never run on Fargate"
		return w
	}
	found := matching(p, profiles)
	active := slices.IndexFunc(found, func(f *Profile) bool { return f.Status == string(types.FargateProfileStatusActive) })
	switch chosen := p.Labels[profileLabel]; {
	case len(found) == 0 && chosen != "":
		w.Reason, w.Why = BadLabel, fmt.Sprintf("its label %s chooses the profile %s, which does not select it", profileLabel, chosen)
		w.Next = "take the label off the pod's template, or make that profile"
	case len(found) == 0:
		w.Reason, w.Why = NoProfile, "no profile selects it"
	case active < 0:
		w.Reason, w.Why = NotReady, fmt.Sprintf("the profile %s is not active yet", found[0].Name)
		w.Next = "make the pod anew once it is: " + again(p)
	default:
		w.Reason, w.Why = OlderPod, fmt.Sprintf("it was made before the profile %s was active", found[active].Name)
		w.Next = again(p)
	}
	return w
}

// again is the command that makes a pod anew: what decides about Fargate is done when a pod is created.
func again(p *Pod) string {
	if p.Owner == "" {
		return fmt.Sprintf("kubectl get pod -n %s %s -o yaml | kubectl replace --force -f -", p.Namespace, p.Name)
	}
	return fmt.Sprintf("kubectl delete pod -n %s %s", p.Namespace, p.Name)
}
