package fit

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/version"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/fargate"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// Verdict is what was found about one thing.
type Verdict string

// The verdicts.
const (
	OK      Verdict = "ok"
	Warning Verdict = "warning"
	Fail    Verdict = "fail"
	// Unknown is what could not be asked.
	Unknown Verdict = "unknown"
)

// Finding is the judgement of one thing.
type Finding struct {
	Check   string  `json:"check"`
	Verdict Verdict `json:"verdict"`
	// Reason says why, Next what to do about it.
	Reason string `json:"reason"`
	Next   string `json:"next,omitempty"`
}

// Report is the judgement of a cluster.
type Report struct {
	Cluster string `json:"cluster"`
	Region  string `json:"region"`
	ARN     string `json:"arn"`
	// Verdict is the worst of the findings'; what could not be asked does not count.
	Verdict  Verdict   `json:"verdict"`
	Findings []Finding `json:"checks"`
}

// Count is how many findings have a verdict.
func (r *Report) Count(v Verdict) (n int) {
	for i := range r.Findings {
		if r.Findings[i].Verdict == v {
			n++
		}
	}
	return n
}

// The names of the checks, in the order in which they are told.
const (
	CheckActive    = "active"
	CheckVersion   = "version"
	CheckHealth    = "health"
	CheckInjector  = "injector-profile"
	CheckDNS       = "coredns-profile"
	CheckCompute   = "coredns-compute"
	CheckProfiles  = "profile-health"
	CheckSubnets   = "private-subnets"
	CheckEgress    = "egress"
	CheckAddresses = "free-addresses"
	CheckEndpoint  = "endpoint"
	CheckProvider  = "oidc-provider"
)

// Oldest is the oldest Kubernetes that the injector runs on.
const Oldest = "1.30"

// Namespace is the injector's.
const Namespace = "falcon-system"

// Judge judges a snapshot. now is what ends of support are held against.
func Judge(s *Snapshot, now time.Time) *Report {
	r := &Report{Cluster: s.Cluster.Name, Region: s.Cluster.Region, ARN: s.Cluster.ARN, Verdict: OK}
	for _, one := range []struct {
		name string
		do   func(*Snapshot) Finding
	}{
		{CheckActive, active},
		{CheckVersion, func(s *Snapshot) Finding { return supported(s, now) }},
		{CheckHealth, healthy},
		{CheckInjector, injectorProfile},
		{CheckDNS, dnsProfile},
		{CheckCompute, dnsCompute},
		{CheckProfiles, profilesHealthy},
		{CheckSubnets, private},
		{CheckEgress, egress},
		{CheckAddresses, addresses},
		{CheckEndpoint, endpoint},
		{CheckProvider, provider},
	} {
		f := one.do(s)
		f.Check = one.name
		r.Findings = append(r.Findings, f)
		if f.Verdict == Fail || f.Verdict == Warning && r.Verdict == OK {
			r.Verdict = f.Verdict
		}
	}
	return r
}

func ok(format string, args ...any) Finding {
	return Finding{Verdict: OK, Reason: fmt.Sprintf(format, args...)}
}

func warn(next, format string, args ...any) Finding {
	return Finding{Verdict: Warning, Next: next, Reason: fmt.Sprintf(format, args...)}
}

func fail(next, format string, args ...any) Finding {
	return Finding{Verdict: Fail, Next: next, Reason: fmt.Sprintf(format, args...)}
}

// unknown is the finding about a part that could not be asked.
func (s *Snapshot) unknown(p Part) Finding {
	why := s.Unknown[p]
	if why == nil {
		return Finding{Verdict: Unknown, Reason: "it was not asked"}
	}
	f := Finding{Verdict: Unknown, Reason: why.Error()}
	if told, ok := errors.AsType[*problem.Error](why); ok {
		f.Next = told.Next()
	}
	return f
}

func active(s *Snapshot) Finding {
	switch s.Cluster.Status {
	case "ACTIVE", "UPDATING":
		return ok("the EKS cluster is %s", s.Cluster.Status)
	case "CREATING", "PENDING":
		return fail("wait until it is ACTIVE, then run this again", "the EKS cluster is being created")
	}
	return fail("kubectl falcon aws cluster delete "+s.Cluster.Name+" --region "+s.Cluster.Region, "the EKS cluster is %s", s.Cluster.Status)
}

func supported(s *Snapshot, now time.Time) Finding {
	next := fmt.Sprintf("aws eks update-cluster-version --name %s --region %s --kubernetes-version VERSION", s.Cluster.Name, s.Cluster.Region)
	is, err := version.ParseGeneric(s.Cluster.Version)
	switch {
	case err != nil:
		return fail("", "Kubernetes %q is no version", s.Cluster.Version)
	case is.LessThan(version.MustParseGeneric(Oldest)):
		return fail(next, "Kubernetes %s is older than %s, which the injector needs", s.Cluster.Version, Oldest)
	case s.Versions == nil:
		return ok("Kubernetes %s runs the injector; how long EKS supports it could not be asked: %s", s.Cluster.Version, s.unknown(PartVersions).Reason)
	}
	at := slices.IndexFunc(s.Versions, func(v Version) bool { return v.Version == s.Cluster.Version })
	if at < 0 {
		return warn(next, "Kubernetes %s is none that EKS offers any more", s.Cluster.Version)
	}
	v := s.Versions[at]
	switch v.Status {
	case "STANDARD_SUPPORT":
		if !v.StandardEnd.IsZero() && v.StandardEnd.Before(now.AddDate(0, 1, 0)) {
			return warn(next, "EKS's standard support of Kubernetes %s ends on %s", v.Version, v.StandardEnd.Format(time.DateOnly))
		}
	case "EXTENDED_SUPPORT":
		return warn(next, "Kubernetes %s has only EKS's extended support, which costs more, until %s", v.Version, v.ExtendedEnd.Format(time.DateOnly))
	case "UNSUPPORTED":
		return warn(next, "EKS supports Kubernetes %s no more", v.Version)
	}
	return ok("Kubernetes %s is supported by EKS and runs the injector", v.Version)
}

func healthy(s *Snapshot) Finding {
	if len(s.Cluster.Issues) == 0 {
		return ok("EKS reports no issue")
	}
	return fail("mend it, as the EKS user guide says under \"Cluster health FAQs\"", "EKS says: %s", strings.Join(s.Cluster.Issues, "; "))
}

// covering is the profile that takes a pod, and one that would if it were active.
func (s *Snapshot) covering(namespace string, labels map[string]string) (usable, other *fargate.Profile) {
	for n := range s.Profiles {
		p := &s.Profiles[n]
		if !slices.ContainsFunc(p.Selectors, func(one fargate.Selector) bool { return one.Matches(namespace, labels) }) {
			continue
		}
		if p.Status == "ACTIVE" {
			return p, nil
		}
		if other == nil {
			other = p
		}
	}
	return nil, other
}

// hasNodes says whether pods can run elsewhere than on Fargate.
func (s *Snapshot) hasNodes() bool {
	return s.Cluster.AutoMode || len(s.Groups) > 0 || s.Inside != nil && s.Inside.Nodes > 0
}

// noNodes says on what ground there are no nodes, or nothing if that is not known.
func (s *Snapshot) noNodes() string {
	switch {
	case s.Inside != nil:
		return "there are no nodes"
	case s.Groups != nil:
		return "EKS has no node groups of the cluster"
	}
	return ""
}

func injectorProfile(s *Snapshot) Finding {
	if s.Profiles == nil {
		return s.unknown(PartProfiles)
	}
	next := fmt.Sprintf("kubectl falcon aws fargate ensure --cluster %s --region %s", s.Cluster.Name, s.Cluster.Region)
	usable, other := s.covering(Namespace, map[string]string{})
	switch {
	case usable != nil:
		return ok("the Fargate profile %s takes the pods of %s", usable.Name, Namespace)
	case other != nil && other.Status == "CREATING":
		return warn("wait until it is ACTIVE, then run this again", "the Fargate profile %s, which takes the pods of %s, is being created", other.Name, Namespace)
	case other != nil:
		return fail(next, "the Fargate profile %s, which would take the pods of %s, is %s", other.Name, Namespace, other.Status)
	case s.hasNodes():
		return ok("no Fargate profile takes the pods of %s, but there are nodes for them", Namespace)
	}
	if s.noNodes() == "" {
		return s.unknown(PartGroups)
	}
	return fail(next, "no Fargate profile takes the pods of %s, and %s", Namespace, s.noNodes())
}

func profilesHealthy(s *Snapshot) Finding {
	if s.Profiles == nil {
		return s.unknown(PartProfiles)
	}
	for n := range s.Profiles {
		p := &s.Profiles[n]
		if p.Failed() || len(p.Issues) > 0 {
			return warn(fmt.Sprintf("kubectl falcon aws fargate delete %s --cluster %s --region %s", p.Name, s.Cluster.Name, s.Cluster.Region), "the Fargate profile %s is %s: %s", p.Name, p.Status, p.Why())
		}
	}
	return ok("EKS reports no issue of %s", plural(len(s.Profiles), "Fargate profile"))
}

func provider(s *Snapshot) Finding {
	if s.Provider == nil {
		return s.unknown(PartProvider)
	}
	if !*s.Provider {
		return warn(fmt.Sprintf("kubectl falcon aws irsa ensure --cluster %s --region %s", s.Cluster.Name, s.Cluster.Region),
			"IAM has no OIDC provider for the cluster, so on Fargate the injector cannot read images in ECR")
	}
	return ok("IAM has the cluster's OIDC provider, so service accounts can have roles")
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
