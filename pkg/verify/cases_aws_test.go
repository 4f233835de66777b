package verify

import (
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/fargate"
)

// ecrImage is the sensor's image where it is in ECR.
const ecrImage = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/falcon-sensor@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// healthyAWS is an account as eksctl and this tool make it, with nodes as well.
func healthyAWS() *AWS {
	return &AWS{Cluster: "shop", Region: "eu-west-1", Owner: "123456789012", Account: "123456789012", Caller: "arn:aws:iam::123456789012:user/eve",
		Endpoint: "https://127.0.0.1:6443", Nodes: 2,
		Profiles: []fargate.Profile{
			{Name: "fp-falcon-system", Status: "ACTIVE", Selectors: []fargate.Selector{{Namespace: "falcon-system"}}, Subnets: []string{"subnet-a"},
				Role: "arn:aws:iam::123456789012:role/pods"},
			{Name: "fp-team", Status: "ACTIVE", Selectors: []fargate.Selector{{Namespace: "team-*"}}, Subnets: []string{"subnet-a", "subnet-b"},
				Role: "arn:aws:iam::123456789012:role/pods"},
		},
		Subnets: []Subnet{{ID: "subnet-a"}, {ID: "subnet-b"}},
		Group:   &SecurityGroup{ID: "sg-1", In: []Rule{{To: 65535, Groups: []string{"sg-1"}}}, Out: []Rule{{To: 65535, Addresses: []string{"0.0.0.0/0"}}}},
		Image: &StoredImage{Image: ecrImage, Registry: "123456789012.dkr.ecr.eu-west-1.amazonaws.com", Repository: "falcon-sensor", Region: "eu-west-1",
			Owner: "123456789012", Digest: "sha256:0123", Pushed: installedAt, Platforms: []string{"linux/amd64", "linux/arm64"}, ImmutableTags: true, ScanOnPush: true},
		Read: "123456789012.dkr.ecr.eu-west-1.amazonaws.com/web:1",
		Role: []RoleLink{{Name: "provider", State: "ok", Why: "IAM takes the tokens"}, {Name: "annotation", State: "ok", Why: "it names the role"}},
	}
}

// inCloud breaks the account.
func inCloud(damage func(a *AWS)) func(s *Snapshot) { return func(s *Snapshot) { damage(s.AWS) } }

// notLooked is an account of which a part could not be looked at.
func notLooked(part AWSPart, why string) func(s *Snapshot) {
	return inCloud(func(a *AWS) { a.Unknown = map[AWSPart]string{part: why} })
}

// serverless takes the nodes away, and the profiles that are not named.
func serverless(left ...fargate.Profile) func(s *Snapshot) {
	return inCloud(func(a *AWS) { a.Nodes, a.Profiles = 0, left })
}

// forInjector is a profile for the injector in a state.
func forInjector(status string) fargate.Profile {
	return fargate.Profile{Name: "fp-falcon-system", Status: status, Selectors: []fargate.Selector{{Namespace: "falcon-system"}}, Role: "arn:aws:iam::1:role/pods",
		Issues: []fargate.Issue{{Code: "AccessDenied", Message: "the role may not be assumed"}}}
}

// onFargateNow has the injector run on Fargate.
func onFargateNow(s *Snapshot) {
	for n := range s.Injectors[0].Pods {
		s.Injectors[0].Pods[n].Spec.NodeName = "fargate-ip-10-0-0-1"
	}
}

// unproved has no dry-run pod come back with the sensor.
func unproved(s *Snapshot) {
	s.Canaries = nil
	onFargateNow(s)
}

// pulling has pods of a namespace on Fargate hang in pulling the sensor from ECR.
func pulling(says string) func(s *Snapshot) {
	return added(with(carrier("team-a", "api-1", api), func(p *Pod) {
		p.Node, p.FargateProfile, p.Traits.Fargate, p.Phase = "fargate-ip-10-0-0-2", "fp-team", true, "Pending"
		p.Sidecar = &Sidecar{Name: "crowdstrike-falcon-container", Image: ecrImage, Trouble: "ErrImagePull: " + says, PullTrouble: true}
	}))
}

const (
	forbidden403 = "failed to resolve reference: pulling from host 123456789012.dkr.ecr.eu-west-1.amazonaws.com failed with status code [manifests 7]: 403 Forbidden"
	noRoute      = "failed to do request: Head https://123456789012.dkr.ecr.eu-west-1.amazonaws.com/v2/falcon-sensor/manifests/7: dial tcp 10.0.0.9:443: i/o timeout"
	deniedGroups = "look up the security group sg-1: the right ec2:DescribeSecurityGroups is missing"
	noLogin      = "there are no AWS credentials in the environment, in the profile or on this machine; log in"
	notEKS       = "the kubeconfig's context names no cluster of EKS"
)

// fargatePod is one on Fargate, with a ready sensor.
func fargatePod(namespace, name string, labels map[string]string) Pod {
	return with(carrier(namespace, name, api), func(p *Pod) {
		p.Node, p.Traits.Fargate, p.Labels = "fargate-ip-10-0-0-3", true, labels
	})
}

var brokenAWS = map[string]breaks{
	"FC901": {
		"another account": inCloud(func(a *AWS) { a.Owner = "210987654321" }),
		"no such cluster": inCloud(func(a *AWS) { a.Absent = true }),
		"another server":  inCloud(func(a *AWS) { a.Endpoint = "https://A.gr7.eu-west-1.eks.amazonaws.com" }),
		"no credentials":  notLooked(AWSSession, noLogin),
		"denied":          notLooked(AWSCluster, "look up the cluster shop: the right eks:DescribeCluster is missing"),
		"not EKS":         inCloud(func(a *AWS) { *a = AWS{Elsewhere: notEKS} }),
	},
	"FC902": {
		"no profile":      serverless(),
		"another profile": serverless(fargate.Profile{Name: "fp-team", Status: "ACTIVE", Selectors: []fargate.Selector{{Namespace: "team-*"}}}),
		"being made":      serverless(forInjector("CREATING")),
		"being deleted":   serverless(forInjector("DELETING")),
		"failed":          serverless(forInjector("CREATE_FAILED")),
		"nodes unknown": func(s *Snapshot) {
			serverless()(s)
			notLooked(AWSNodes, "list the node groups of shop: the right eks:ListNodegroups is missing")(s)
		},
		"denied":         notLooked(AWSProfiles, "list the Fargate profiles of shop: the right eks:ListFargateProfiles is missing"),
		"no credentials": notLooked(AWSSession, noLogin),
		"not EKS":        inCloud(func(a *AWS) { *a = AWS{Elsewhere: notEKS} }),
	},
	"FC903": {
		"no profile": added(fargatePod("default", "api-1", nil), fargatePod("default", "api-2", nil)),
		"by a label": func(s *Snapshot) {
			s.AWS.Profiles = append(s.AWS.Profiles, fargate.Profile{Name: "fp-default", Status: "ACTIVE",
				Selectors: []fargate.Selector{{Namespace: "default", Labels: map[string]string{"app": "web"}}}})
			added(fargatePod("default", "api-1", map[string]string{"app": "api"}), fargatePod("default", "web-1", map[string]string{"app": "web"}))(s)
		},
		"being deleted": func(s *Snapshot) {
			s.AWS.Profiles[1].Status = "DELETING"
			added(fargatePod("team-a", "api-1", nil))(s)
		},
		"denied":  notLooked(AWSProfiles, "look up the Fargate profile fp-team: the right eks:DescribeFargateProfile is missing"),
		"not EKS": inCloud(func(a *AWS) { *a = AWS{Elsewhere: notEKS} }),
	},
	"FC904": {
		"no repository":        inCloud(func(a *AWS) { a.Image.NoRepository = true }),
		"no image":             inCloud(func(a *AWS) { a.Image.Absent = true }),
		"another architecture": inCloud(func(a *AWS) { a.Image.Platforms = []string{"linux/arm64"} }),
		"no image, and FC505 says so": func(s *Snapshot) {
			s.AWS.Image.Absent = true
			s.Images[1].Absent = true
		},
		"platforms unknown": notLooked(AWSPlatforms, "the registry answers 403: not authorized to perform: ecr:BatchGetImage"),
		"not in ECR":        inCloud(func(a *AWS) { a.Image = nil }),
		"denied":            notLooked(AWSImage, "look at falcon-sensor@sha256:0123: the right ecr:DescribeImages is missing"),
		"not EKS":           inCloud(func(a *AWS) { *a = AWS{Elsewhere: notEKS} }),
	},
	"FC905": {
		"no right": pulling(forbidden403),
		"no way":   pulling(noRoute),
		"of another account": func(s *Snapshot) {
			s.AWS.Image.Owner = "210987654321"
			pulling(forbidden403)(s)
		},
		"the injector itself": func(s *Snapshot) {
			p := &s.Injectors[0].Pods[0]
			p.Spec.Containers[0].Image = ecrImage
			p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "injector", State: corev1.ContainerState{
				Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff", Message: "Back-off: ErrImagePull: " + forbidden403}}}}
		},
		"not in ECR": inCloud(func(a *AWS) { a.Image = nil }),
		"not EKS":    inCloud(func(a *AWS) { *a = AWS{Elsewhere: notEKS} }),
	},
	"FC906": {
		"no role on Fargate": func(s *Snapshot) {
			onFargateNow(s)
			s.AWS.Role = []RoleLink{{"provider", "broken", "IAM has no OIDC provider for it", "kubectl falcon aws irsa ensure"}, {"annotation", "broken", "it names none", "x"}}
		},
		"no role on a node": inCloud(func(a *AWS) { a.Role[1].State = "broken" }),
		"role without the right": inCloud(func(a *AWS) {
			a.Role = append(a.Role, RoleLink{"policy", "broken", "it lacks ecr:BatchGetImage", "kubectl falcon aws irsa ensure"})
		}),
		"link unknown": inCloud(func(a *AWS) { a.Role[1].State, a.Role[1].Why = "unknown", "the cluster does not say" }),
		"nothing to read": func(s *Snapshot) {
			s.AWS.Read, s.AWS.Role = "", nil
		},
		"denied":  notLooked(AWSRole, "look up the role falcon-injector-shop-eu-west-1: the right iam:GetRole is missing"),
		"not EKS": inCloud(func(a *AWS) { *a = AWS{Elsewhere: notEKS} }),
	},
	"FC907": {
		"public": inCloud(func(a *AWS) {
			a.Subnets[1].Public = "its route table rtb-1 sends 0.0.0.0/0 to the internet gateway igw-1"
		}),
		"no profiles": inCloud(func(a *AWS) { a.Profiles = nil }),
		"denied":      notLooked(AWSSubnets, "look up the subnets of shop: the right ec2:DescribeSubnets is missing"),
		"not EKS":     inCloud(func(a *AWS) { *a = AWS{Elsewhere: notEKS} }),
	},
	"FC908": {
		"closed": func(s *Snapshot) {
			unproved(s)
			s.AWS.Group.In = []Rule{{From: 443, To: 443, Groups: []string{"sg-1"}}, {To: 65535, Groups: []string{"sg-2"}}}
		},
		"closed both ways": func(s *Snapshot) {
			unproved(s)
			s.AWS.Group.In, s.AWS.Group.Out = nil, nil
		},
		"on nodes": func(s *Snapshot) { s.Canaries = nil },
		"no group": func(s *Snapshot) {
			unproved(s)
			s.AWS.Group = nil
		},
		"denied": func(s *Snapshot) {
			unproved(s)
			notLooked(AWSGroup, deniedGroups)(s)
		},
		"not EKS": inCloud(func(a *AWS) { *a = AWS{Elsewhere: notEKS} }),
	},
	"FC909": {
		"movable tags": inCloud(func(a *AWS) { a.Image.ImmutableTags = false }),
		"no scan":      inCloud(func(a *AWS) { a.Image.ScanOnPush = false }),
		"expires": inCloud(func(a *AWS) {
			a.Image.Expires = "rule 1 lets it go on " + installedAt.AddDate(0, 0, 14).Format(time.DateOnly) + ", 14 days after it was pushed"
		}),
		"no image": inCloud(func(a *AWS) { a.Image.Absent = true }),
		"denied":   notLooked(AWSRepository, "read the lifecycle policy of falcon-sensor: the right ecr:GetLifecyclePolicy is missing"),
		"not EKS":  inCloud(func(a *AWS) { *a = AWS{Elsewhere: notEKS} }),
	},
	"FC910": {
		"being made":    inCloud(func(a *AWS) { a.Profiles[0].Status = "CREATING" }),
		"being deleted": inCloud(func(a *AWS) { a.Profiles[1].Status = "DELETING" }),
		"failed":        inCloud(func(a *AWS) { a.Profiles[0] = forInjector("CREATE_FAILED") }),
		"denied":        notLooked(AWSProfiles, "list the Fargate profiles of shop: the right eks:ListFargateProfiles is missing"),
		"not EKS":       inCloud(func(a *AWS) { *a = AWS{Elsewhere: notEKS} }),
	},
}
