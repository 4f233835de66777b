package plugin

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/demo"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/sensor"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/stage"
)

// stages are those of up, in an order in which each stands after what it needs.
func (u *undertaking) stages() []stage.Stage {
	var all []stage.Stage
	var there []string
	if u.f.create {
		all, there = append(all, u.clusterStage()), []string{"cluster"}
	}
	profile := u.profileStage()
	profile.Needs = there
	all = append(all, profile)
	needs := []string{"fargate profile"}
	if u.f.inject.o.Image == "" {
		image := u.imageStage()
		image.Needs = []string{"repository"}
		all = append(all, u.repositoryStage(), image)
		needs = append(needs, "image")
	}
	if u.f.inject.o.CID == "" && len(u.f.inject.sources) == 0 {
		all = append(all, u.cidStage())
		needs = append(needs, "customer id")
	}
	if !u.f.noRole {
		role := u.roleStage()
		role.Needs = there
		all = append(all, role)
		needs = append(needs, "role")
	}
	injector := u.injectorStage()
	injector.Needs = needs
	all = append(all, injector)
	if !u.f.noDemo {
		last := u.demoStage()
		last.Needs = []string{"injector"}
		all = append(all, last)
	}
	return all
}

// origin finds the image at the vendor's, and what opens its registry.
func (u *undertaking) origin(ctx context.Context) (one sensor.Image, keys authn.Keychain, err error) {
	vendor, err := registryOf(ctx, u.falcon)
	if err != nil {
		return one, nil, err
	}
	all, err := sensor.Images(ctx, vendor)
	if err != nil {
		return one, nil, err
	}
	one, err = newest(ctx, vendor, all, &tagFlags{version: u.f.version})
	return one, sensor.VendorKeychain(vendor), err
}

// imageStage brings the image to the repository.
func (u *undertaking) imageStage() stage.Stage {
	from := "the vendor's newest image"
	switch {
	case u.f.source != "":
		from = u.f.source
	case u.f.version != "":
		from = "the vendor's image " + u.f.version
	}
	return stage.Stage{Name: "image", Takes: time.Minute, Will: "push " + from + " to " + u.f.repository,
		Look: func(ctx context.Context) (stage.Seen, error) {
			if u.f.source != "" {
				given, err := u.given(ctx)
				return stage.Seen{What: "push " + given + "; what is there is not sent again"}, err
			}
			one, _, err := u.origin(ctx)
			if err != nil {
				return stage.Seen{}, err
			}
			there, err := u.registry(nil).Images(ctx, u.f.repository)
			if err != nil {
				return stage.Seen{}, err
			}
			for n := range there {
				if there[n].Digest == one.Digest && there[n].Reference != "" {
					u.keep(&u.image, there[n].Reference)
					return stage.Seen{Done: true, What: there[n].Reference}, nil
				}
			}
			return stage.Seen{What: "push " + one.Reference}, nil
		},
		Make: u.pushImage}
}

// given is what --source names, in words. A version of the Falcon API that is not there is told so already when
// it is planned.
func (u *undertaking) given(ctx context.Context) (string, error) {
	if _, is := sensor.APISource(u.f.source); !is {
		return u.f.source, nil
	}
	one, err := sensor.FindTarball(ctx, u.falcon, u.f.source)
	return one.Name + " of the Falcon API", err
}

// openImage returns the image that is to be pushed, and puts what opens it into the options.
func (u *undertaking) openImage(ctx context.Context, o *sensor.Options) (source string, from *ecrAccess, err error) {
	if u.f.source != "" {
		from, err = u.s.openSource(ctx, u.f.source, u.falcon, u.f.eks.profile, o)
		return u.f.source, from, err
	}
	one, keys, err := u.origin(ctx)
	o.From = keys
	return one.Reference, nil, err
}

func (u *undertaking) pushImage(ctx context.Context, tell func(string)) (string, error) {
	o := sensor.Options{Agent: userAgent(), Strict: true, Report: func(e sensor.Event) {
		text := e.Blob + " " + string(e.State)
		if e.Total > 0 && u.s.live() {
			text = fmt.Sprintf("%s %s of %s", text, size(e.Done), size(e.Total))
		}
		tell(text)
	}}
	source, from, err := u.openImage(ctx, &o)
	if err != nil {
		return "", err
	}
	token, err := u.registry(nil).Login(ctx)
	if err != nil {
		return "", err
	}
	o.To = sensor.LoginKeychain(sensor.Login{Host: token.Host, User: token.User, Password: token.Password()}, authn.DefaultKeychain)
	result, err := sendImage(ctx, source, destination(u.repository, source), o)
	if err != nil {
		return "", pushAdvice(err, from, &ecrAccess{host: token.Host, region: u.account.Region, repository: u.f.repository,
			command: u.f.eks.command})
	}
	u.keep(&u.image, result.Reference)
	return result.Reference, nil
}

// destination names the image in the repository: by its tag at the vendor's, or as its tarball says.
func destination(repository, source string) string {
	if tag, err := name.NewTag(source, name.StrictValidation); err == nil {
		return repository + ":" + tag.TagStr()
	}
	return repository
}

// injection are the options of the installation, with what earlier stages learned.
func (u *undertaking) injection(ctx context.Context, c *kube.Cluster) (inject.Options, error) {
	if err := u.fetch(ctx, c); err != nil {
		return inject.Options{}, err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	o := u.f.inject.o
	o.Image, o.CID = u.image, u.cid
	if key, value, ok := strings.Cut(u.annotation, "="); ok {
		o.ServiceAccountAnnotations = maps.Clone(o.ServiceAccountAnnotations)
		if o.ServiceAccountAnnotations == nil {
			o.ServiceAccountAnnotations = map[string]string{}
		}
		if _, given := o.ServiceAccountAnnotations[key]; !given {
			o.ServiceAccountAnnotations[key] = value
		}
	}
	return o, o.Validate()
}

// fetch reads the credentials that are in the cluster.
func (u *undertaking) fetch(ctx context.Context, c *kube.Cluster) error {
	if !slices.ContainsFunc(u.f.inject.sources, func(s source) bool { return s.kind == fromSecret }) {
		return nil
	}
	trial := *u.f.inject
	trial.o.Image = u.image
	if trial.o.CID == "" {
		trial.o.CID = u.cid
	}
	if err := trial.fetch(ctx, c); err != nil {
		return err
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.cid, u.f.inject.o.ProvisioningToken = trial.o.CID, trial.o.ProvisioningToken
	return nil
}

// injectorStage installs the injector.
func (u *undertaking) injectorStage() stage.Stage {
	return stage.Stage{Name: "injector", Takes: 90 * time.Second, Will: "install the injector",
		Look: func(ctx context.Context) (stage.Seen, error) {
			c, err := u.s.cluster()
			if err != nil {
				return stage.Seen{}, err
			}
			o, err := u.injection(ctx, c)
			if err != nil {
				return stage.Seen{}, err
			}
			all, err := inject.Preview(ctx, c, o, u.f.inject.how, func(inject.Event) {})
			if err != nil {
				return stage.Seen{}, err
			}
			changes := 0
			for n := range all {
				if all[n].Change != kube.Unchanged {
					changes++
				}
			}
			if changes == 0 {
				return stage.Seen{Done: true, What: "installed as asked"}, nil
			}
			return stage.Seen{What: fmt.Sprintf("install the injector: %d objects differ", changes)}, nil
		},
		Make: func(ctx context.Context, tell func(string)) (string, error) {
			c, err := u.s.cluster()
			if err != nil {
				return "", err
			}
			o, err := u.injection(ctx, c)
			if err != nil {
				return "", err
			}
			if _, err := inject.Install(ctx, c, o, u.f.inject.how, func(e inject.Event) { tell(injectText(e)) }); err != nil {
				return "", err
			}
			return "pods made from now on get the sensor", nil
		}}
}

// injectText is an event of the injector's installation or removal in one line.
func injectText(e inject.Event) string {
	switch {
	case e.Trouble != "":
		return e.Object + ": " + e.Trouble
	case e.Change != "":
		return e.Object + " " + string(e.Change)
	case e.State != "":
		return e.Object + ": " + e.State
	}
	return e.Remark
}

// demoStage proves it all by a detection. It is never done: a proof is of now.
func (u *undertaking) demoStage() stage.Stage {
	what := "run " + demo.Default + " and look for its detection"
	if u.falcon == nil {
		what = "run " + demo.Default + "; without the Falcon API its detection is not looked for"
	}
	return stage.Stage{Name: "demo", Takes: 2 * time.Minute, Will: what,
		Look: func(context.Context) (stage.Seen, error) { return stage.Seen{What: what}, nil },
		Make: func(ctx context.Context, tell func(string)) (string, error) {
			c, err := u.s.cluster()
			if err != nil {
				return "", err
			}
			chosen, err := demo.Chosen([]string{demo.Default}, false)
			if err != nil {
				return "", err
			}
			o := demo.Options{Namespace: demo.Namespace, Own: true, Image: u.f.demoImage, Timeout: u.f.inject.how.Timeout,
				DetectionTimeout: u.f.detection, Now: time.Now()}
			if u.falcon != nil {
				o.Detections = u.falcon
			}
			results, err := demo.Run(ctx, c, chosen, o, demo.Reporter{
				Stage:  func(s demo.Stage) { tell(strings.TrimSuffix(s.Name+": "+s.Detail, ": ")) },
				Remark: func(format string, args ...any) { tell(fmt.Sprintf(format, args...)) }})
			if err != nil {
				return "", err
			}
			u.mu.Lock()
			defer u.mu.Unlock()
			u.proved = &results[0]
			if d := results[0].Detection; d != nil {
				return "detected: " + d.Name + ", " + d.Link, nil
			}
			return "the sensor has the agent id " + results[0].AID + "; look it up in the Falcon console", nil
		}}
}
