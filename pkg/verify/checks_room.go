package verify

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
)

// Restarts count when the last was within a day and there were some.
const (
	recently     = 24 * time.Hour
	manyRestarts = 3
)

func judgeRestarts(v *View) Outcome {
	return v.deployed(func(i *Injector, t *tally) {
		for _, p := range i.living() {
			for _, s := range p.Status.ContainerStatuses {
				last := s.LastTerminationState.Terminated
				if kube.Trouble(p) != "" || s.RestartCount < manyRestarts || last == nil || v.Taken.Sub(last.FinishedAt.Time) > recently {
					continue
				}
				f := finding(i.Namespace+"/pod/"+p.Name, "container %s was restarted %s, the last time %s after exit code %d (%s)",
					s.Name, counted(s.RestartCount, "time"), ago(v.Taken.Sub(last.FinishedAt.Time)), last.ExitCode, last.Reason)
				hint := "read what it said before it ended"
				if last.Reason == "OOMKilled" {
					hint = "give the injector more memory"
				}
				t.add(f.with(hint, fmt.Sprintf("kubectl logs %s -n %s -c %s --previous", p.Name, i.Namespace, s.Name)))
			}
		}
	})
}

// ago puts a duration in words.
func ago(d time.Duration) string {
	if d < time.Minute {
		return "just now"
	}
	return strings.TrimSuffix(d.Round(time.Minute).String(), "0s") + " ago"
}

func judgeVersions(v *View) Outcome {
	return v.deployed(func(i *Injector, t *tally) {
		images, contents := map[string]int{}, map[string]int{}
		for _, p := range i.living() {
			if !ready(p) {
				continue
			}
			c := server(&p.Spec)
			images[shortImage(c.Image)]++
			for _, s := range p.Status.ContainerStatuses {
				if s.Name == c.Name && s.ImageID != "" {
					contents[shortImage(s.ImageID)]++
				}
			}
		}
		names, same := slices.Sorted(maps.Keys(images)), ""
		if len(names) == 1 && len(contents) > 1 {
			names, same = slices.Sorted(maps.Keys(contents)), ", all pulled by the same tag"
		}
		if len(names) > 1 {
			rollout := fmt.Sprintf("deployment %s -n %s", i.Deployment.Name, i.Namespace)
			f := finding(i.object(), "its pods run %d images%s: %s", len(names), same, fewOf(names))
			if same == "" {
				t.add(f.with("wait for the roll to end, and see what holds it up", "kubectl rollout status "+rollout))
			} else {
				t.add(f.with("restart it, and pin the image by digest", "kubectl rollout restart "+rollout))
			}
		}
	})
}

// judgePriority asks for requests alone: a priority class is a choice, which some clusters allow only in
// kube-system.
func judgePriority(v *View) Outcome {
	return v.deployed(func(i *Injector, t *tally) {
		requests := server(&i.Deployment.Spec.Template.Spec).Resources.Requests
		var lacks []string
		for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
			if amount, there := requests[name]; !there || amount.IsZero() {
				lacks = append(lacks, string(name))
			}
		}
		if len(lacks) > 0 {
			hint, command := i.remedy("--injector-cpu-request 10m --injector-memory-request 20Mi", "container.resources", "injector.resources")
			t.add(finding(i.object(), "it requests no %s", strings.Join(lacks, " and no ")).with(hint, command))
		}
	})
}

// judgeInjectorQuota says what refuses the injector's pods now, and what would refuse the next: one more
// than there are now is made by every roll.
func judgeInjectorQuota(v *View) Outcome {
	tight := []Finding{}
	refused := v.deployed(func(i *Injector, t *tally) {
		if text := refusal(i.Deployment); byQuota(text) {
			t.add(finding(i.object(), "the API server refuses its pods: %s", text).
				with("raise the quota or the limit, or give the injector what it asks for", "kubectl describe resourcequotas,limitranges -n "+i.Namespace))
			return
		}
		if i.replicas() == 0 || i.Deployment.Status.AvailableReplicas < i.replicas() {
			return
		}
		for _, q := range v.Quotas {
			if q.Namespace == i.Namespace {
				tight = append(tight, noRoom(q, &i.Deployment.Spec.Template.Spec)...)
			}
		}
	})
	if refused.verdict == "" || len(tight) == 0 {
		return refused
	}
	return warned(tight...)
}

// noRoom says what a quota lacks for one more pod.
func noRoom(q Quota, spec *corev1.PodSpec) (all []Finding) {
	object := q.Namespace + "/resourcequota/" + q.Name
	command := "kubectl describe resourcequota " + q.Name + " -n " + q.Namespace
	names := slices.SortedFunc(maps.Keys(q.Hard), func(a, b corev1.ResourceName) int { return cmp.Compare(a, b) })
	for _, name := range names {
		need, counts := needs(spec, name)
		if !counts {
			continue
		}
		hard, used := q.Hard[name], q.Used[name]
		after := used.DeepCopy()
		after.Add(need)
		if after.Cmp(hard) > 0 {
			all = append(all, finding(object, "it has no room for one more pod of the injector, which a roll makes: %s %s of %s is used, a pod needs %s",
				name, used.String(), hard.String(), need.String()).with("raise the quota", command))
		}
	}
	return all
}

// needs is how much of what a quota counts one pod takes, and whether that is known.
func needs(spec *corev1.PodSpec, name corev1.ResourceName) (resource.Quantity, bool) {
	of := func(pick func(r corev1.ResourceRequirements) corev1.ResourceList, what corev1.ResourceName) (resource.Quantity, bool) {
		sum := resource.Quantity{}
		for n := range spec.Containers {
			sum.Add(pick(spec.Containers[n].Resources)[what])
		}
		return sum, true
	}
	requests := func(r corev1.ResourceRequirements) corev1.ResourceList { return r.Requests }
	limits := func(r corev1.ResourceRequirements) corev1.ResourceList { return r.Limits }
	switch name {
	case corev1.ResourcePods, "count/pods":
		return resource.MustParse("1"), true
	case corev1.ResourceCPU, corev1.ResourceRequestsCPU:
		return of(requests, corev1.ResourceCPU)
	case corev1.ResourceMemory, corev1.ResourceRequestsMemory:
		return of(requests, corev1.ResourceMemory)
	case corev1.ResourceLimitsCPU:
		return of(limits, corev1.ResourceCPU)
	case corev1.ResourceLimitsMemory:
		return of(limits, corev1.ResourceMemory)
	}
	return resource.Quantity{}, false
}
