package match

import (
	"fmt"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
)

// Injector decides whether the injector adds the sensor to a pod that it was asked about: by the pod's
// annotation, and without one by the injector's default. optIn says that pods must ask for the sensor
// (INJECTION_DEFAULT_DISABLED). Any other value than the two that are read is as none.
func Injector(annotations map[string]string, optIn bool) Decision {
	mark, there := annotations[manifest.InjectionKey]
	step := Step{Rule: "injection annotation", Answer: Yes}
	switch {
	case mark == manifest.Disabled:
		step.Answer, step.Why = No, fmt.Sprintf("the pod is annotated %s=%s", manifest.InjectionKey, mark)
	case mark == manifest.Enabled:
		step.Why = fmt.Sprintf("the pod is annotated %s=%s", manifest.InjectionKey, mark)
	case there:
		step.Why = fmt.Sprintf("the pod is annotated %s=%s, which means nothing (it is enabled or disabled)", manifest.InjectionKey, mark)
	default:
		step.Why = "the pod has no injection annotation"
	}
	if step.Answer == No || mark == manifest.Enabled {
		return decide(step)
	}
	byDefault := Step{injectorDefault, Yes, "the injector injects every pod that does not opt out"}
	if optIn {
		byDefault = Step{injectorDefault, No, fmt.Sprintf(
			"the injector injects only pods annotated %s=%s", manifest.InjectionKey, manifest.Enabled)}
	}
	return decide(step, byDefault)
}
