package fit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/fargate"
)

// few is how many free addresses are too few to restart a handful of workloads: each pod on Fargate needs one.
const few = 16

// anywhere are all public addresses.
var anywhere = []string{"0.0.0.0/0", "::/0"}

// the ways on which a subnet may lead to everywhere.
type way string

const (
	toInternet way = "internet"
	toNAT      way = "nat"
	// toOther is a transit gateway, a peer, an appliance or a line to one's own network: what is behind it does
	// not show.
	toOther way = "other"
	// toNobody is no default route, or one to what is no more.
	toNobody way = "nobody"
)

func wayOf(p *fargate.Placed) way {
	switch {
	case p.Public != "" || strings.HasPrefix(p.Way, "igw-"):
		return toInternet
	case strings.HasPrefix(p.Way, "nat-"):
		return toNAT
	case p.Way != "":
		return toOther
	}
	return toNobody
}

// on are the ids of the subnets whose way is w, and what they go through.
func (s *Snapshot) on(w way) (ids, through []string) {
	all := fargate.Place(s.Subnets, s.Tables)
	for n := range all {
		if wayOf(&all[n]) != w {
			continue
		}
		ids = append(ids, all[n].ID)
		if !slices.Contains(through, all[n].Way) {
			through = append(through, all[n].Way)
		}
	}
	return ids, through
}

// whose says what the subnets are of.
func (s *Snapshot) whose() string {
	if len(s.Profiles) > 0 {
		return "the Fargate profiles"
	}
	return "the cluster"
}

func private(s *Snapshot) Finding {
	if s.Subnets == nil {
		return s.unknown(PartNetwork)
	}
	public, _ := s.on(toInternet)
	switch {
	case len(s.Subnets) == 0:
		return fail("give the cluster private subnets in two zones", "%s has no subnets", s.whose())
	case len(public) == len(s.Subnets):
		return fail("make private subnets with a NAT gateway, and give them to the cluster: Fargate takes no others",
			"all subnets of %s lead to an internet gateway: %s", s.whose(), strings.Join(public, ", "))
	case len(public) > 0 && len(s.Profiles) > 0:
		return fail("make the profiles anew with private subnets alone: kubectl falcon aws fargate ensure chooses them",
			"subnets of the Fargate profiles lead to an internet gateway: %s", strings.Join(public, ", "))
	}
	return ok("%s of %s are private", plural(len(s.Subnets)-len(public), "subnet"), s.whose())
}

func egress(s *Snapshot) Finding {
	if s.Subnets == nil {
		return s.unknown(PartNetwork)
	}
	const nat = "give their route table a default route through a NAT gateway"
	none, _ := s.on(toNobody)
	other, behind := s.on(toOther)
	good, gateways := s.on(toNAT)
	switch {
	case len(none) > 0:
		return fail(nat, "these subnets have no default route that leads anywhere, so no way to the Falcon cloud: %s", strings.Join(none, ", "))
	case len(other) > 0:
		return warn("see that TLS to *.cloudsink.net, port 443, is let through there",
			"the way of these subnets to the Falcon cloud is through %s, and what is behind it does not show from here: %s",
			strings.Join(behind, ", "), strings.Join(other, ", "))
	case len(good) > 0:
		return ok("the way to the Falcon cloud is through %s", strings.Join(gateways, ", "))
	}
	return fail(nat, "no private subnet has a way to the Falcon cloud")
}

func addresses(s *Snapshot) Finding {
	if s.Subnets == nil {
		return s.unknown(PartNetwork)
	}
	all, scarce := 0, []string{}
	for _, one := range s.Subnets {
		all += one.FreeIPs
		if one.FreeIPs < few {
			scarce = append(scarce, fmt.Sprintf("%s has %d", one.ID, one.FreeIPs))
		}
	}
	const next = "give the cluster larger subnets, or remove what is not needed: each pod on Fargate has an address of its own"
	switch {
	case len(s.Subnets) > 0 && all == 0:
		return fail(next, "the subnets have no free addresses")
	case len(scarce) > 0:
		return warn(next, "there are few free addresses: %s", strings.Join(scarce, ", "))
	}
	return ok("the subnets have %d free addresses", all)
}

func endpoint(s *Snapshot) Finding {
	c := &s.Cluster
	update := fmt.Sprintf("aws eks update-cluster-config --name %s --region %s --resources-vpc-config endpointPrivateAccess=true", c.Name, c.Region)
	open := len(c.CIDRs) == 0 || slices.ContainsFunc(c.CIDRs, func(one string) bool { return slices.Contains(anywhere, one) })
	switch {
	case !c.Public && !c.Private:
		return fail(update, "the API server can be reached from nowhere")
	case c.Public && !open && !c.Private:
		return warn(update, "the API server is open to %s alone, also for pods on Fargate: the address of their NAT must be among them, or the endpoint private too", strings.Join(c.CIDRs, ", "))
	case !c.Public:
		return ok("the API server can be reached from within the VPC alone, so run kubectl there")
	case !open:
		return ok("the API server is open to %s, and to the VPC", strings.Join(c.CIDRs, ", "))
	}
	return ok("the API server is open to everybody with credentials")
}
