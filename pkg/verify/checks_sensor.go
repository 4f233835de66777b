package verify

import (
	"fmt"
	"slices"
	"strings"
)

var sensorChecks = []Check{
	{ID: "FC801", Title: "every sensor can be asked for its agent id", Severity: Error, Part: aidsPart,
		Needs: []string{listPods, execPods}, Judge: asked(judgeAsked)},
	{ID: "FC802", Title: "every sensor has an agent id", Severity: Error, Part: aidsPart,
		Needs: []string{listPods, execPods}, Judge: asked(judgeAID)},
	{ID: "FC803", Title: "no two pods have the same agent id", Severity: Warning, Part: aidsPart,
		Needs: []string{listPods, execPods}, Judge: asked(judgeSameAID)},
	{ID: "FC804", Title: "no policy forbids to run a command in a pod", Severity: Warning, Part: aidsPart,
		Needs: []string{listPods, execPods}, Judge: asked(judgeExecPolicy)},
	{ID: "FC805", Title: "every sensor has the customer id that is configured", Severity: Warning, Part: aidsPart,
		Needs: []string{listPods, execPods}, Judge: asked(judgeSensorCID)},
	{ID: "FC806", Title: "which versions of the sensor run", Severity: Info, Part: aidsPart,
		Needs: []string{listPods, execPods}, Judge: asked(judgeSensorVersions)},
}

// asked makes a check of a judgement on the sensors that were asked.
func asked(judge func(v *View) Outcome) func(v *View) Outcome {
	return func(v *View) Outcome {
		if len(v.Sensors) == 0 {
			return skipped("no pod in question has a sensor that could be asked")
		}
		return judge(v)
	}
}

// perSensor makes a finding of each workload of whose sensors there is the same to say. Pods whose sensor is
// not up are those of FC703 and its like, so nothing more is said of them.
func (v *View) perSensor(say func(p *Pod, s *Sensor) *remark) []Finding {
	at := map[[2]string]*Sensor{}
	for n := range v.Sensors {
		s := &v.Sensors[n]
		at[[2]string{s.Namespace, s.Pod}] = s
	}
	return v.perWorkload(func(p *Pod, j *Judged) *remark {
		s := at[[2]string{p.Namespace, p.Name}]
		if s == nil || j.Verdict != Injected && j.Verdict != Drifted {
			return nil
		}
		return say(p, s)
	})
}

func judgeAsked(v *View) Outcome {
	return found(v.perSensor(func(p *Pod, s *Sensor) *remark {
		if s.Error == "" || s.Policy {
			return nil
		}
		return &remark{why: "the sensor could not be asked", cause: s.Error, hint: "try it by hand",
			command: fmt.Sprintf("kubectl exec -n %s %s -c %s -- falconctl -g --aid", p.Namespace, p.Name, p.Sidecar.Name)}
	})...)
}

func judgeAID(v *View) Outcome {
	return found(v.perSensor(func(p *Pod, s *Sensor) *remark {
		r := &remark{hint: "check the customer id (FC501), and the way out to the vendor's cloud: port 443, and the proxy if there is one",
			command: fmt.Sprintf("kubectl falcon aid -n %s %s --wait", p.Namespace, p.Name)}
		switch {
		// A sensor that has just come up is still registering.
		case s.Error != "" || v.Taken.Sub(p.Created) < starting:
			return nil
		case s.AID == "":
			r.why = "the sensor has no agent id, so it has not registered"
		case strings.Trim(s.AID, "0") == "":
			r.why = "the sensor's agent id is all zeros, so it has not registered"
		default:
			return nil
		}
		return r
	})...)
}

func judgeSameAID(v *View) Outcome {
	pods := map[string][]string{}
	for n := range v.Sensors {
		s := &v.Sensors[n]
		if id := strings.ToLower(s.AID); strings.Trim(id, "0") != "" {
			pods[id] = append(pods[id], s.Namespace+"/"+s.Pod)
		}
	}
	var all []Finding
	for _, id := range sortedKeys(pods) {
		if len(pods[id]) < 2 {
			continue
		}
		f := finding("agent/"+id, "%d pods answer with this agent id, and each should have its own", len(pods[id]))
		f.Hint = "see whether they are copies of one file system, such as a snapshot or a shared volume, and make all but one anew"
		f.Pods, f.Examples = len(pods[id]), some(pods[id])
		all = append(all, f)
	}
	return found(all...)
}

func judgeExecPolicy(v *View) Outcome {
	// One policy forbids it in many pods: it is one finding for each namespace and message.
	pods := map[[2]string][]string{}
	for n := range v.Sensors {
		if s := &v.Sensors[n]; s.Policy {
			pods[[2]string{s.Namespace, s.Error}] = append(pods[[2]string{s.Namespace, s.Error}], s.Pod)
		}
	}
	keys := make([][2]string, 0, len(pods))
	for k := range pods {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b [2]string) int { return strings.Compare(a[0]+a[1], b[0]+b[1]) })
	var all []Finding
	for _, k := range keys {
		r := remark{why: "its sensors cannot be asked", cause: k[1]}
		f := finding("namespace/"+k[0], "%s", r.message())
		f.Hint = "ask whoever runs the policy to permit kubectl exec into the sensor's container"
		f.Pods, f.Examples = len(pods[k]), some(pods[k])
		all = append(all, f)
	}
	return found(all...)
}

func judgeSensorCID(v *View) Outcome {
	return found(v.perSensor(func(p *Pod, s *Sensor) *remark {
		if s.CIDFits != "no" {
			return nil
		}
		hint, command := p.Workload.restart(p.Namespace, p.Name)
		return &remark{why: "its sensor has another customer id than the injector is configured with", hint: hint, command: command}
	})...)
}

func judgeSensorVersions(v *View) Outcome {
	pods := map[string][]string{}
	for n := range v.Sensors {
		if s := &v.Sensors[n]; s.Version != "" {
			pods[s.Version] = append(pods[s.Version], s.Namespace+"/"+s.Pod)
		}
	}
	if len(pods) < 2 {
		return passed()
	}
	var all []Finding
	for _, version := range sortedKeys(pods) {
		f := finding("version/"+version, "one of %d versions that run", len(pods))
		f.Pods, f.Examples = len(pods[version]), some(pods[version])
		all = append(all, f)
	}
	return found(all...)
}
