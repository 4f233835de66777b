package verify

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/fargate"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
)

var awsChecks = []Check{
	{ID: "FC901", Title: "the AWS credentials are for the account of the cluster, and EKS knows it", Severity: Error, Part: awsPart,
		Judge: inAWS(judgeAccount, AWSCaller, AWSCluster)},
	{ID: "FC902", Title: "the injector's pods have a place: a Fargate profile or nodes", Severity: Error, Part: awsPart,
		After: []string{"FC901"}, Needs: []string{listDeployments, listNodes},
		Judge: inAWS(judgePlace, AWSCluster, AWSProfiles)},
	{ID: "FC903", Title: "a Fargate profile selects every pod that runs on Fargate", Severity: Warning, Part: awsPart,
		After: []string{"FC901"}, Needs: []string{listPods, listNamespaces, listWebhooks},
		Judge: inAWS(judgeSelectors, AWSCluster, AWSProfiles)},
	{ID: "FC904", Title: "the sensor image is in ECR, for every architecture of the nodes", Severity: Error, Part: awsPart,
		Needs: []string{listDeployments, listConfigMaps, listNodes}, Judge: inAWS(inECR(judgeStored), AWSImage)},
	{ID: "FC905", Title: "ECR lets pods pull the sensor image where they run", Severity: Error, Part: awsPart,
		Needs: []string{listDeployments, listConfigMaps, listPods}, Judge: inAWS(inECR(judgePulls))},
	{ID: "FC906", Title: "the injector has a role with which it reads images in ECR", Severity: Warning, Part: awsPart,
		After: []string{"FC901"}, Needs: []string{listDeployments, listPods, listNamespaces, listWebhooks, "get serviceaccounts"},
		Judge: inAWS(judgeRole, AWSCluster)},
	{ID: "FC907", Title: "the subnets of the Fargate profiles are private", Severity: Error, Part: awsPart,
		After: []string{"FC901"}, Judge: inAWS(judgeSubnets, AWSCluster, AWSProfiles, AWSSubnets)},
	{ID: "FC908", Title: "the cluster's security group lets the API server reach the injector", Severity: Warning, Part: awsPart,
		After: []string{"FC901"}, Needs: []string{listDeployments, listConfigMaps, listPods},
		Judge: inAWS(judgePort, AWSCluster)},
	{ID: "FC909", Title: "the repository in ECR keeps the sensor image as it is", Severity: Warning, Part: awsPart,
		Needs: []string{listDeployments, listConfigMaps}, Judge: inAWS(inECR(judgeRepository), AWSRepository)},
	{ID: "FC910", Title: "which Fargate profiles are being made or deleted, or failed", Severity: Info, Part: awsPart,
		After: []string{"FC901"}, Judge: inAWS(judgeChanging, AWSCluster, AWSProfiles)},
}

// inAWS makes a check of what was seen in AWS. Nothing can be said if one of the parts could not be looked at.
func inAWS(judge func(v *View, a *AWS) Outcome, parts ...AWSPart) func(v *View) Outcome {
	return func(v *View) Outcome {
		a := v.AWS
		switch {
		case a == nil:
			return skipped("AWS was not looked at")
		case a.Elsewhere != "":
			return skipped("%s", a.Elsewhere)
		}
		for _, part := range append([]AWSPart{AWSSession}, parts...) {
			if why := a.Unknown[part]; why != "" {
				return undecided("%s", why)
			}
		}
		return judge(v, a)
	}
}

// object is how findings call the cluster.
func (a *AWS) object() string { return "cluster/" + a.Cluster }

// where are the flags that name the cluster.
func (a *AWS) where() string { return " --cluster " + a.Cluster + " --region " + a.Region }

func judgeAccount(v *View, a *AWS) Outcome {
	switch {
	case a.Owner != "" && a.Owner != a.Account:
		return found(finding(a.object(), "the kubeconfig says that it is in the account %s, and the credentials are %s's, of the account %s",
			a.Owner, a.Caller, a.Account).with("choose other credentials with --profile", ""))
	case a.Absent:
		return found(finding(a.object(), "EKS has no such cluster in %s, in the account %s of %s", a.Region, a.Account, a.Caller).
			with("choose the account with --profile, the region with --region, or name the cluster with --eks-cluster", "aws eks list-clusters --region "+a.Region))
	case a.Endpoint != "" && v.Host != "" && host(v.Host) != host(a.Endpoint):
		// A tunnel or a proxy has another name too.
		return warned(finding(a.object(), "its API server is %s, and the kubeconfig's is %s", a.Endpoint, v.Host).
			with("see that it is the same cluster, unless the way to it is through a proxy", ""))
	}
	return passed()
}

// host is that of an address, in lower case.
func host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return strings.ToLower(u.Host)
}

// selecting are the profiles that select a pod: one that EKS uses, and one that it would if it could.
func (a *AWS) selecting(namespace string, labels map[string]string) (usable, other *fargate.Profile) {
	for n := range a.Profiles {
		p := &a.Profiles[n]
		if !slices.ContainsFunc(p.Selectors, func(s fargate.Selector) bool { return s.Matches(namespace, labels) }) {
			continue
		}
		if p.Status == profileActive {
			return p, nil
		}
		if other == nil || other.Failed() {
			other = p
		}
	}
	return nil, other
}

// EKS's words for the state of a profile.
const (
	profileActive   = "ACTIVE"
	profileCreating = "CREATING"
	profileDeleting = "DELETING"
)

func judgePlace(v *View, a *AWS) Outcome {
	namespace, labels := manifest.Namespace, map[string]string{}
	if v.Main != nil && v.Main.Deployment != nil {
		namespace, labels = v.Main.Namespace, v.Main.Deployment.Spec.Template.Labels
	}
	usable, other := a.selecting(namespace, labels)
	switch {
	case usable != nil || a.Nodes > 0 || a.Nodemaker != "":
		return passed()
	case other != nil && other.Status == profileCreating:
		return warned(profileFinding(other, "it selects the injector's pods, and is being made").
			with("wait until it is ACTIVE; pods made before that must be made anew", ""))
	case a.Unknown[AWSNodes] != "":
		return undecided("no Fargate profile selects the injector's pods, and %s", a.Unknown[AWSNodes])
	}
	command := "kubectl falcon aws fargate ensure" + a.where()
	if other != nil && other.Status == profileDeleting {
		return found(profileFinding(other, "it selects the injector's pods, is being deleted, and there are no nodes").
			with("make it anew", command))
	}
	if other != nil {
		return found(profileFinding(other, "it would select the injector's pods and is %s (%s), and there are no nodes", other.Status, other.Why()).
			with("mend what EKS says, and make it anew", command+" --replace-failed"))
	}
	return found(finding("namespace/"+namespace, "no Fargate profile selects the injector's pods, and there are no nodes").
		with("make a profile for them", command))
}

// profileFinding is one about a profile.
func profileFinding(p *fargate.Profile, format string, args ...any) Finding {
	return finding("fargateprofile/"+p.Name, format, args...)
}

// judgeSelectors leaves pods that wait for a profile in the injector's scope to FC714, which is about them.
func judgeSelectors(v *View, a *AWS) Outcome {
	var all []Finding
	at := map[string]int{}
	for n := range v.Pods {
		p, j := &v.Pods[n], &v.Verdicts[n]
		if j.Verdict == Ended || j.Verdict == NoProfile || !p.onFargate() {
			continue
		}
		if usable, other := a.selecting(p.Namespace, p.Labels); usable != nil || other != nil && other.Status == profileCreating {
			continue
		}
		m, seen := at[p.Namespace]
		if !seen {
			m = len(all)
			at[p.Namespace] = m
			all = append(all, finding("namespace/"+p.Namespace, "").with("make a profile that selects them, before they are restarted",
				"kubectl falcon aws fargate ensure --no-injector --namespaces "+p.Namespace+a.where()))
		}
		f := &all[m]
		f.Pods++
		if len(f.Examples) < exampleCount {
			f.Examples = append(f.Examples, p.Name)
		}
		f.Message = fmt.Sprintf("no Fargate profile selects %s there any more", counted(f.Pods, "pod"))
	}
	return found(all...)
}

func judgeSubnets(_ *View, a *AWS) Outcome {
	if len(a.Profiles) == 0 {
		return skipped("the cluster has no Fargate profile")
	}
	public := map[string]string{}
	for _, s := range a.Subnets {
		public[s.ID] = s.Public
	}
	var all []Finding
	for n := range a.Profiles {
		p := &a.Profiles[n]
		for _, id := range p.Subnets {
			if why := public[id]; why != "" {
				all = append(all, profileFinding(p, "its subnet %s is public: %s", id, why).
					with("route the subnet to a NAT gateway instead, or make a profile with private subnets in its place: profiles cannot be changed",
						"kubectl falcon aws fargate list"+a.where()))
			}
		}
	}
	return found(all...)
}

// judgePort asks the rules of the security group only where no dry-run pod came back with the sensor: one that
// did is a proof. Pods on Fargate have the group that the control plane has; of nodes this need not be so.
func judgePort(v *View, a *AWS) Outcome {
	if v.Main == nil || v.Main.Deployment == nil {
		return skipped(noDeployment)
	}
	if slices.ContainsFunc(v.Canaries, func(c Canary) bool { return c.Sidecar != "" }) {
		return passed()
	}
	if why := a.Unknown[AWSGroup]; why != "" {
		return undecided("%s", why)
	}
	if a.Group == nil {
		return skipped("EKS names no security group of the cluster")
	}
	if !v.Main.onFargate() {
		return undecided("the injector runs on nodes, whose security groups do not show here")
	}
	port := v.Main.portNumber()
	var all []Finding
	for _, way := range []struct {
		rules []Rule
		says  string
		flag  string
	}{{a.Group.In, "in", "ingress"}, {a.Group.Out, "out", "egress"}} {
		if slices.ContainsFunc(way.rules, func(r Rule) bool { return r.lets(port, a.Group.ID) }) {
			continue
		}
		all = append(all, finding("securitygroup/"+a.Group.ID, "no rule lets TCP port %d %s, from the group to itself: the API server does not reach the injector",
			port, way.says).with("let it through", fmt.Sprintf("aws ec2 authorize-security-group-%s --region %s --group-id %s --ip-permissions "+
			"\"IpProtocol=tcp,FromPort=%d,ToPort=%[4]d,UserIdGroupPairs=[{GroupId=%[3]s}]\"", way.flag, a.Region, a.Group.ID, port)))
	}
	return found(all...)
}

// lets says whether a rule lets a port through for a group, or for addresses: which the control plane has among
// them does not show.
func (r *Rule) lets(port int32, group string) bool {
	return r.From <= port && port <= r.To && (slices.Contains(r.Groups, group) || len(r.Addresses) > 0)
}

// onFargate says whether the injector's pods run there.
func (i *Injector) onFargate() bool {
	for n := range i.Pods {
		p := &i.Pods[n]
		if strings.HasPrefix(p.Spec.NodeName, fargateNode) || p.Spec.SchedulerName == fargateScheduler {
			return true
		}
	}
	return false
}

// portNumber is the port at which the injector's pods listen.
func (i *Injector) portNumber() int32 {
	for _, c := range i.Deployment.Spec.Template.Spec.Containers {
		for _, port := range c.Ports {
			return port.ContainerPort
		}
	}
	return manifest.Defaults().Port
}

func judgeChanging(_ *View, a *AWS) Outcome {
	var all []Finding
	for n := range a.Profiles {
		p := &a.Profiles[n]
		switch {
		case p.Failed():
			all = append(all, profileFinding(p, "it is %s: %s", p.Status, p.Why()).
				with("delete it, or have fargate ensure --replace-failed make it anew", "kubectl falcon aws fargate delete "+p.Name+a.where()))
		case p.Status != profileActive:
			all = append(all, profileFinding(p, "it is %s, and EKS makes or deletes no other of the cluster meanwhile", p.Status).
				with("wait: it takes EKS minutes", "kubectl falcon aws fargate list"+a.where()))
		}
	}
	return found(all...)
}
