package verify

import (
	"fmt"
	"slices"
	"strings"

	"github.com/distribution/reference"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
)

// inECR makes a check of the sensor's image, if that is in ECR.
func inECR(judge func(v *View, a *AWS, s *StoredImage) Outcome) func(v *View, a *AWS) Outcome {
	return func(v *View, a *AWS) Outcome {
		switch {
		case v.Main == nil || v.Main.Config == nil || v.Main.Config.Image == "":
			return skipped("there is no configured sensor image")
		case a.Image == nil:
			return skipped("the sensor image is not in ECR: %s", v.Main.Config.Image)
		}
		return judge(v, a, a.Image)
	}
}

// object is how findings call the repository.
func (s *StoredImage) object() string { return "repository/" + s.Repository }

func judgeStored(v *View, a *AWS, s *StoredImage) Outcome {
	object := "image/" + s.Image
	copied := fmt.Sprintf("kubectl falcon sensor push SOURCE %s/%s:TAG", s.Registry, s.Repository)
	var all []Finding
	switch {
	case s.NoRepository:
		all = append(all, finding(object, "there is no repository %s in %s", s.Repository, s.Region).
			with("make it, and push the image there (sensor push)", "kubectl falcon aws ecr ensure "+s.Repository+" --region "+s.Region))
	case s.Absent:
		all = append(all, finding(object, "the repository %s has no such image", s.Repository).
			with("push it there, or configure one that is there: kubectl falcon aws ecr images "+s.Repository, copied))
	case a.Unknown[AWSPlatforms] != "":
		return undecided("the image is there, and for which platforms does not show: %s", a.Unknown[AWSPlatforms])
	default:
		for _, want := range v.unserved(s.Platforms) {
			all = append(all, finding(object, "there are nodes of %s, and the image is only for %s", want, strings.Join(s.Platforms, ", ")).
				with("push the image with all its platforms", copied))
		}
	}
	// With --deep the registry was asked as well.
	if t := v.sensorTrial(); len(all) > 0 && t != nil && (t.Absent || len(v.unserved(t.Platforms)) > 0) {
		return leftTo("FC505")
	}
	return found(all...)
}

// sensorTrial is what was found about the sensor image at its registry, or nil.
func (v *View) sensorTrial() *ImageTrial {
	if at := slices.IndexFunc(v.Images, func(t ImageTrial) bool { return t.Sensor }); at >= 0 {
		return &v.Images[at]
	}
	return nil
}

// unserved are the nodes' platforms that are not among some. If those are not known, none is.
func (v *View) unserved(platforms []string) (all []string) {
	for _, want := range v.Architectures {
		if len(platforms) > 0 && !slices.ContainsFunc(platforms, func(p string) bool { return p == want || strings.HasPrefix(p, want+"/") }) {
			all = append(all, want)
		}
	}
	return all
}

// obstacle is what keeps a pod from pulling an image in ECR.
type obstacle int

const (
	noObstacle obstacle = iota
	// noRight is an answer of ECR, or none of its login.
	noRight
	// noWay is a registry that is not reached.
	noWay
)

// obstacleIn reads it out of the kubelet's words, which have containerd's, and in those ECR's.
func obstacleIn(text string) obstacle {
	text = strings.ToLower(text)
	has := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(text, w) })
	}
	switch {
	case has("403 forbidden", "401 unauthorized", "no basic auth credentials", "not authorized to perform", "authorization failed", "access denied", "authorization token has expired"):
		return noRight
	case has("i/o timeout", "no route to host", "no such host", "connection refused", "deadline exceeded", "tls handshake timeout", "network is unreachable"):
		return noWay
	}
	return noObstacle
}

// from says whether an image is of the registry.
func (s *StoredImage) from(image string) bool {
	named, err := reference.ParseNormalizedNamed(image)
	return err == nil && reference.Domain(named) == s.Registry
}

// ecrTrouble is what keeps a pod's sensor from being pulled from ECR, as far as AWS was asked.
func (v *View) ecrTrouble(p *Pod) obstacle {
	if v.AWS == nil || v.AWS.Image == nil || p.Sidecar == nil || !p.Sidecar.PullTrouble || !v.AWS.Image.from(p.Sidecar.Image) {
		return noObstacle
	}
	return obstacleIn(p.Sidecar.Trouble + " " + p.Sidecar.InitTrouble)
}

func judgePulls(v *View, a *AWS, s *StoredImage) Outcome {
	var all []Finding
	for n := range v.Main.Pods {
		p := &v.Main.Pods[n]
		if text := kube.Trouble(p); p.DeletionTimestamp == nil && s.from(server(&p.Spec).Image) {
			if o := obstacleIn(text); o != noObstacle {
				all = append(all, s.remedy(a, o, p.Labels[fargateProfile], p.Spec.NodeName).
					finding(v.Main.Namespace+"/pod/"+p.Name, text))
			}
		}
	}
	pulled := v.pulledIn()
	return found(append(all, v.perWorkload(func(p *Pod, j *Judged) *remark {
		if v.faultOf(p, j, pulled) != ecrFault {
			return nil
		}
		r := s.remedy(a, v.ecrTrouble(p), p.FargateProfile, p.Node)
		r.cause = j.Cause
		return r
	})...)...)
}

// finding makes one of a remark.
func (r *remark) finding(object, cause string) Finding {
	r.cause = cause
	return finding(object, "%s", r.message()).with(r.hint, r.command)
}

// remedy is what is to be said of an obstacle, by where the pod runs.
func (s *StoredImage) remedy(a *AWS, o obstacle, profile, node string) *remark {
	if o == noWay {
		return &remark{why: "it does not reach the registry " + s.Registry,
			hint: "give its subnet a way out by a NAT gateway, or VPC endpoints for ecr.api, ecr.dkr and s3", command: "kubectl falcon aws cluster check " + a.Cluster + " --region " + a.Region}
	}
	r := &remark{why: "ECR does not let it pull the image"}
	const policy = "arn:aws:iam::aws:policy/AmazonEKSFargatePodExecutionRolePolicy"
	role := ""
	for n := range a.Profiles {
		if p := &a.Profiles[n]; p.Name == profile {
			role = p.Role[strings.LastIndexByte(p.Role, '/')+1:]
		}
	}
	switch {
	case s.Owner != "" && a.Account != "" && s.Owner != a.Account:
		r.hint = "let this account pull in the policy of the repository, with credentials of the account " + s.Owner
		r.command = fmt.Sprintf("kubectl falcon aws ecr ensure %s --region %s --allow-account %s", s.Repository, s.Region, a.Account)
	case role != "":
		r.hint = "give the pod execution role of the profile " + profile + " the right to pull"
		r.command = "aws iam attach-role-policy --role-name " + role + " --policy-arn " + strings.Replace(policy, "arn:aws:", "arn:"+aws.PartitionOf(a.Region)+":", 1)
	case profile != "" || strings.HasPrefix(node, fargateNode):
		r.hint = "give the pod execution role of its Fargate profile the policy AmazonEKSFargatePodExecutionRolePolicy"
		r.command = "kubectl falcon aws fargate list" + a.where()
	default:
		r.hint = "give the role of the node " + node + " the policy AmazonEC2ContainerRegistryPullOnly"
	}
	return r
}

// judgeRole asks for a role only where the injector has to read an image: of pods whose containers have a
// command it reads none.
func judgeRole(v *View, a *AWS) Outcome {
	switch {
	case v.Main == nil || v.Main.Deployment == nil:
		return skipped(noDeployment)
	case a.Read == "":
		return skipped("no pod in scope has an image in ECR whose entry point the injector must read")
	case a.Unknown[AWSRole] != "":
		return undecided("%s", a.Unknown[AWSRole])
	}
	is := func(state string) func(RoleLink) bool { return func(l RoleLink) bool { return l.State == state } }
	// Of several that are broken one comes from another.
	broken, unknown := slices.IndexFunc(a.Role, is("broken")), slices.IndexFunc(a.Role, is("unknown"))
	switch {
	case broken >= 0 && !v.Main.onFargate() && !a.roleNamed():
		return undecided("it has no role of its own, and whether that of its node lets it read %s does not show here (FC613 tries it, with --deep)", a.Read)
	case broken >= 0:
		l := a.Role[broken]
		return found(finding(v.Main.Namespace+"/serviceaccount/"+v.Main.account(), "the injector must read the entry point of %s, and %s", a.Read, l.Why).
			with("mend it; kubectl falcon aws irsa check shows every link", l.Next))
	case unknown >= 0:
		return undecided("%s", a.Role[unknown].Why)
	}
	return passed()
}

// account is the injector's ServiceAccount.
func (i *Injector) account() string {
	if name := i.Deployment.Spec.Template.Spec.ServiceAccountName; name != "" {
		return name
	}
	return "default"
}

// roleNamed says whether the injector's ServiceAccount names a role, or has one by EKS Pod Identity.
func (a *AWS) roleNamed() bool {
	return slices.ContainsFunc(a.Role, func(l RoleLink) bool {
		return (l.Name == "annotation" || l.Name == "association") && l.State == "ok"
	})
}

func judgeRepository(_ *View, _ *AWS, s *StoredImage) Outcome {
	if s.NoRepository || s.Absent {
		return leftTo("FC904")
	}
	ensure := "kubectl falcon aws ecr ensure " + s.Repository + " --region " + s.Region + " --update"
	var all []Finding
	if !s.ImmutableTags {
		all = append(all, finding(s.object(), "its tags can be moved: another image can take the name of the sensor's").with("make them immutable", ensure))
	}
	if !s.ScanOnPush {
		all = append(all, finding(s.object(), "images are not scanned when they are pushed").with("turn scan on push on, unless the registry scans by itself", ensure))
	}
	if s.Expires != "" {
		all = append(all, finding(s.object(), "its lifecycle policy will delete the sensor image: %s; new pods cannot pull it then", s.Expires).
			with("keep more images in the lifecycle policy of the repository", fmt.Sprintf("aws ecr get-lifecycle-policy --repository-name %s --region %s", s.Repository, s.Region)))
	}
	return found(all...)
}
