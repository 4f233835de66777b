package verify

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

func judgeLimits(v *View) Outcome {
	return v.refusedOr("FC509", v.overLimits)
}

func judgeQuotas(v *View) Outcome {
	return v.refusedOr("FC611", v.overQuota)
}

// refusedOr finds what dry-run pods proved to be refused for the reason that a check is about, and for
// namespaces where none was sent what is to be feared.
func (v *View) refusedOr(check string, fear func(namespace string) string) Outcome {
	if len(v.Hooks) == 0 {
		return skipped("there is no webhook in the cluster")
	}
	answers, none := v.answers()
	proved := refusals(answers, check)
	for n := range proved {
		proved[n].hint = ""
	}
	findings := perNamespace(proved, len(answers), v.common())
	unproved := v.unproved()
	var feared []said
	for _, name := range unproved {
		if why := fear(name); why != "" {
			feared = append(feared, said{name, remark{why: why + " (not proved by a dry-run pod)"}})
		}
	}
	more := perNamespace(feared, len(unproved), v.common())
	switch {
	case len(findings) > 0:
		return found(append(findings, more...)...)
	case len(more) == 0 && v.unprovable(none):
		return *none
	}
	return warned(more...)
}

// overLimits says which limit of a namespace the sensor's configured resources break, or nothing.
func (v *View) overLimits(namespace string) string {
	want := v.sensorResources()
	for _, l := range v.Limits {
		if l.Namespace != namespace {
			continue
		}
		for _, item := range l.Items {
			if item.Type != corev1.LimitTypeContainer {
				continue
			}
			for _, name := range resources(item.Max, item.Min) {
				most, capped := item.Max[name]
				for _, set := range []struct {
					what string
					list corev1.ResourceList
				}{{"limit", want.Limits}, {"request", want.Requests}} {
					if q, is := set.list[name]; capped && is && q.Cmp(most) > 0 {
						return fmt.Sprintf("limit range %s allows a container at most %s of %s, and the sensor's %s is %s",
							l.Name, most.String(), name, set.what, q.String())
					}
				}
				if least, bounded := item.Min[name]; bounded {
					if q, set := want.Requests[name]; set && q.Cmp(least) < 0 {
						return fmt.Sprintf("limit range %s wants a container to request at least %s of %s, and the sensor requests %s",
							l.Name, least.String(), name, q.String())
					}
				}
			}
		}
	}
	return ""
}

// overQuota says which quota of a namespace has no room for the sensor's configured resources, or nothing.
// Whether a quota is about these pods at all (its scopes) only the server decides.
func (v *View) overQuota(namespace string) string {
	want := v.sensorResources()
	for _, q := range v.Quotas {
		if q.Namespace != namespace {
			continue
		}
		for _, name := range resources(q.Hard) {
			need, has := requested(want, name)
			if !has {
				continue
			}
			left := q.Hard[name].DeepCopy()
			left.Sub(q.Used[name])
			if need.Cmp(left) > 0 {
				return fmt.Sprintf("quota %s has %s of %s left, and the sensor needs %s", q.Name, left.String(), name, need.String())
			}
		}
	}
	return ""
}

// requested is what a quota on a resource counts of the sensor.
func requested(of corev1.ResourceRequirements, name corev1.ResourceName) (resource.Quantity, bool) {
	var q resource.Quantity
	var set bool
	switch name {
	case corev1.ResourceCPU, corev1.ResourceRequestsCPU:
		q, set = of.Requests[corev1.ResourceCPU]
	case corev1.ResourceMemory, corev1.ResourceRequestsMemory:
		q, set = of.Requests[corev1.ResourceMemory]
	case corev1.ResourceLimitsCPU:
		q, set = of.Limits[corev1.ResourceCPU]
	case corev1.ResourceLimitsMemory:
		q, set = of.Limits[corev1.ResourceMemory]
	}
	return q, set
}

// sensorResources are those that the injector was told for the sidecar; none if it was told none.
func (v *View) sensorResources() corev1.ResourceRequirements {
	if v.Main == nil || v.Main.Config == nil || v.Main.Config.Resources == nil {
		return corev1.ResourceRequirements{}
	}
	r := *v.Main.Config.Resources.DeepCopy()
	// A container that only has limits requests as much.
	for name, q := range r.Limits {
		if _, set := r.Requests[name]; !set {
			if r.Requests == nil {
				r.Requests = corev1.ResourceList{}
			}
			r.Requests[name] = q
		}
	}
	return r
}

// resources are the names in some lists, in order.
func resources(lists ...corev1.ResourceList) (names []corev1.ResourceName) {
	for _, list := range lists {
		for name := range list {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
