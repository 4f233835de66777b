package verify

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/distribution/reference"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

var configurationChecks = []Check{
	{
		ID: "FC501", Title: "the injector has a well-formed customer id", Severity: Error, Needs: []string{listDeployments, listConfigMaps},
		Hint:  "copy the customer id whole, with its checksum, from the Falcon console, and give it to the tool that manages the injector (FC203)",
		Judge: judgeCID,
	},
	{
		ID: "FC502", Title: "the sensor image is set and can be read", Severity: Error, Needs: []string{listDeployments, listConfigMaps},
		Hint:  "give the tool that manages the injector (FC203) the image as REGISTRY/NAME:TAG or REGISTRY/NAME@sha256:DIGEST",
		Judge: configured(judgeImage),
	},
	{
		ID: "FC503", Title: "the sensor image does not move: it is no latest", Severity: Warning, Needs: []string{listDeployments, listConfigMaps},
		Hint:  "pin the image by its digest, as NAME@sha256:DIGEST, or by a tag that is never written again",
		Judge: configured(judgePinned),
	},
	{
		ID: "FC504", Title: "the injector runs the image that it gives to pods", Severity: Warning,
		Needs: []string{listDeployments, listConfigMaps},
		Hint:  "give both the same reference with the tool that manages the injector (FC203)",
		Judge: configured(judgeSameImage),
	},
	{
		ID: "FC505", Title: "the sensor image is there for every architecture of the nodes", Severity: Error,
		Part: deepPart, Needs: []string{listDeployments, listConfigMaps, listNodes},
		Hint:  "copy the image to your registry with all its platforms",
		Judge: judgePlatforms,
	},
	{
		ID: "FC506", Title: "the pull secret has credentials for the sensor image's registry", Severity: Error,
		Needs: []string{listDeployments, listConfigMaps, getSecrets, listSecrets},
		Hint:  "make the pull secret anew",
		Judge: configured(judgePullSecret),
	},
	{
		ID: "FC507", Title: "the pull secret is in every namespace in scope", Severity: Error,
		Needs: []string{listDeployments, listConfigMaps, listSecrets, listWebhooks, listNamespaces},
		Judge: configured(judgePullSecretCopies),
	},
	{
		ID: "FC508", Title: "the injector has read its present configuration", Severity: Warning,
		Needs: []string{listDeployments, listConfigMaps, listPods},
		Hint:  "restart the injector: it reads its configuration only when it starts",
		Judge: configured(judgeConfigRead),
	},
	{
		ID: "FC509", Title: "limit ranges admit the sensor", Severity: Error, Needs: []string{listWebhooks, listNamespaces, listLimits},
		Hint:  "change the limit range, or the sensor's resources with the tool that manages the injector (FC203)",
		Judge: judgeLimits,
	},
	{
		ID: "FC510", Title: "the sensor does not trace for debugging", Severity: Warning, Needs: []string{listDeployments, listConfigMaps},
		Hint:  "set FALCONCTL_OPT_TRACE to none with the tool that manages the injector (FC203), and restart the workloads",
		Judge: configured(judgeTrace),
	},
}

// configured makes a check of a judgement on the main injector's configuration, which is there.
func configured(judge func(v *View, c *Config) Outcome) func(v *View) Outcome {
	return func(v *View) Outcome {
		switch {
		case v.Main == nil:
			return skipped("there is no injector")
		case v.Main.Config == nil:
			return skipped("the injector's configuration was not seen")
		case v.Main.Config.Missing:
			return skipped("the injector's configuration is not there (FC501)")
		}
		return judge(v, v.Main.Config)
	}
}

// configObject names the main injector's configuration.
func (v *View) configObject() string { return v.Main.Namespace + "/configmap/" + v.Main.Config.Name }

func judgeCID(v *View) Outcome {
	if v.Main == nil || v.Main.Config == nil {
		return configured(nil)(v)
	}
	c := v.Main.Config
	switch {
	case c.Missing:
		f := finding(v.configObject(), "the injector's configuration is not there")
		f.Hint = "bring it back with the tool that manages the injector (FC203)"
		return found(f)
	case c.CID == "" && c.Elsewhere:
		return undecided("the customer id seems to come from a Secret, which is not read")
	case c.CID == "":
		return found(finding(v.configObject(), "there is no customer id in it (FALCONCTL_OPT_CID)"))
	case !c.CIDForm:
		return found(finding(v.configObject(), "%q does not have the form of a customer id: 32 hexadecimal digits, a dash and 2 more", c.CID))
	}
	return passed()
}

func judgeImage(v *View, c *Config) Outcome {
	if c.Image == "" {
		return found(finding(v.configObject(), "there is no sensor image in it (FALCON_IMAGE)"))
	}
	if _, err := reference.ParseNormalizedNamed(c.Image); err != nil {
		return found(finding(v.configObject(), "%q is not an image: %v", c.Image, err))
	}
	return passed()
}

// parsedImage is the configured image, or the outcome of a check that can say nothing without it.
func parsedImage(c *Config) (reference.Named, *Outcome) {
	named, err := reference.ParseNormalizedNamed(c.Image)
	if err != nil {
		o := skipped("no image can be read from the injector's configuration (FC502)")
		return nil, &o
	}
	return named, nil
}

func judgePinned(v *View, c *Config) Outcome {
	named, unread := parsedImage(c)
	if unread != nil {
		return *unread
	}
	const consequence = "so pods of different days get different sensors"
	tagged, hasTag := named.(reference.Tagged)
	_, pinned := named.(reference.Digested)
	switch {
	case pinned:
	case !hasTag:
		return found(finding(v.configObject(), "%s has no tag, which means latest, %s", c.Image, consequence))
	case tagged.Tag() == "latest":
		return found(finding(v.configObject(), "%s has the tag latest, which moves, %s", c.Image, consequence))
	}
	return passed()
}

func judgeSameImage(v *View, c *Config) Outcome {
	d := v.Main.Deployment
	switch {
	case d == nil:
		return skipped("the injector's Deployment is not there")
	case c.Image == "":
		return skipped("no image can be read from the injector's configuration (FC502)")
	}
	own := injectorImage(d)
	if own == "" || sameImage(own, c.Image) {
		return passed()
	}
	return found(finding(d.Namespace+"/deployment/"+d.Name, "it runs %s, and gives %s to pods", own, c.Image))
}

// injectorImage is the image of the container that answers the webhook: the first, or the one that is
// named after an injector if something else was put beside it.
func injectorImage(d *appsv1.Deployment) string {
	all := d.Spec.Template.Spec.Containers
	at := slices.IndexFunc(all, func(c corev1.Container) bool {
		return strings.HasSuffix(c.Name, "injector") || c.Name == "falcon-sensor"
	})
	switch {
	case at >= 0:
		return all[at].Image
	case len(all) > 0:
		return all[0].Image
	}
	return ""
}

func judgePlatforms(v *View) Outcome {
	t := v.sensorTrial()
	if t == nil {
		return skipped("the sensor image was not looked up")
	}
	object := "image/" + t.Image
	switch {
	case t.Absent:
		f := finding(object, "its registry has no such image")
		f.Message = (&remark{why: f.Message, cause: t.Message}).message()
		return found(f)
	case t.Message != "":
		return undecided("the sensor image could not be looked up: %s", t.Message)
	case len(t.Platforms) == 0:
		return undecided("its registry does not say for which platforms %s is", t.Image)
	}
	var all []Finding
	for _, want := range v.unserved(t.Platforms) {
		all = append(all, finding(object, "there are nodes of %s, and the image is only for %s", want, strings.Join(t.Platforms, ", ")))
	}
	return found(all...)
}

func judgeConfigRead(v *View, c *Config) Outcome {
	var late []string
	for n := range v.Main.Pods {
		p := &v.Main.Pods[n]
		if at := started(p); !at.IsZero() && at.Before(c.Changed) && p.DeletionTimestamp == nil {
			late = append(late, p.Name)
		}
	}
	if len(late) == 0 {
		return passed()
	}
	f := finding(v.configObject(), "it was changed at %s, after these pods of the injector started", c.Changed.UTC().Format(time.RFC3339))
	f.Pods, f.Examples = len(late), some(late)
	if d := v.Main.Deployment; d != nil {
		f.Hint, f.Command = "restart the injector: it reads its configuration only when it starts",
			fmt.Sprintf("kubectl rollout restart -n %s deployment/%s", d.Namespace, d.Name)
	}
	return found(f)
}

// started is when the containers of a pod started last: that is when they got their environment.
func started(p *corev1.Pod) (at time.Time) {
	if p.Status.StartTime != nil {
		at = p.Status.StartTime.Time
	}
	for _, s := range p.Status.ContainerStatuses {
		if s.State.Running != nil && s.State.Running.StartedAt.After(at) {
			at = s.State.Running.StartedAt.Time
		}
	}
	return at
}

func judgeTrace(v *View, c *Config) Outcome {
	if strings.EqualFold(c.Trace, "debug") {
		return found(finding(v.configObject(), "FALCONCTL_OPT_TRACE is %s", c.Trace))
	}
	return passed()
}
