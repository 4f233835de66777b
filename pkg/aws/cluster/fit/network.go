package fit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/ec2query"
)

// few is how many free addresses are too few to restart a handful of workloads: each pod on Fargate needs one.
const few = 16

// anywhere are all public addresses.
var anywhere = []string{"0.0.0.0/0", "::/0"}

// tableOf is the route table of a subnet: its own, or else the main one of its VPC.
func (s *Snapshot) tableOf(subnet ec2query.Subnet) *ec2query.RouteTable {
	var main *ec2query.RouteTable
	for n := range s.Tables {
		for _, a := range s.Tables[n].Associations {
			if a.Subnet == subnet.ID {
				return &s.Tables[n]
			}
			if a.Main && s.Tables[n].VPC == subnet.VPC {
				main = &s.Tables[n]
			}
		}
	}
	return main
}

// way is where the default route of a subnet leads.
type way string

const (
	toInternet way = "internet"
	toNAT      way = "nat"
	// toOther is a transit gateway, a peer, an appliance or a line to one's own network: what is behind it does
	// not show.
	toOther  way = "other"
	toNobody way = "nobody"
	toLost   way = "lost"
)

// defaultWay is the way to everywhere, with what it goes through.
func (s *Snapshot) defaultWay(subnet ec2query.Subnet) (way, string) {
	table := s.tableOf(subnet)
	if table == nil {
		return toNobody, ""
	}
	for _, r := range table.Routes {
		if r.Destination != anywhere[0] && r.Destination6 != anywhere[1] {
			continue
		}
		through := firstOf(r.NAT, r.Gateway, r.TransitGateway, r.EgressOnly, r.Interface, r.Instance, r.Peering)
		switch {
		case r.State == "blackhole":
			return toLost, through
		case strings.HasPrefix(r.Gateway, "igw-"):
			return toInternet, through
		case r.NAT != "" || r.EgressOnly != "":
			return toNAT, through
		case through != "":
			return toOther, through
		}
	}
	return toNobody, ""
}

func firstOf(all ...string) string {
	for _, one := range all {
		if one != "" {
			return one
		}
	}
	return ""
}

// onWays are the ids of the subnets whose way is one of some.
func (s *Snapshot) onWays(ways ...way) (ids []string) {
	for _, one := range s.Subnets {
		if w, _ := s.defaultWay(one); slices.Contains(ways, w) {
			ids = append(ids, one.ID)
		}
	}
	return ids
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
	public := s.onWays(toInternet)
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
	var lost []string
	for _, one := range s.Subnets {
		if w, through := s.defaultWay(one); w == toLost {
			lost = append(lost, one.ID+" (through "+through+")")
		}
	}
	none, other, good := s.onWays(toNobody), s.onWays(toOther), s.onWays(toNAT)
	const nat = "give their route table a default route through a NAT gateway"
	switch {
	case len(lost) > 0:
		return fail(nat, "the default route of these subnets leads to what is no more: %s", strings.Join(lost, ", "))
	case len(none) > 0:
		return fail(nat+", or set a proxy with install --proxy-host", "these subnets have no default route, so no way to the Falcon cloud: %s", strings.Join(none, ", "))
	case len(other) > 0:
		return warn("allow TLS to the Falcon cloud there (*.cloudsink.net, port 443)",
			"the way of these subnets to the Falcon cloud is through %s, and what is behind it does not show from here: %s", s.throughs(toOther), strings.Join(other, ", "))
	case len(good) > 0:
		return ok("the way to the Falcon cloud is through %s", s.throughs(toNAT))
	}
	return fail(nat, "no private subnet has a way to the Falcon cloud")
}

// throughs are what the subnets of a way go through.
func (s *Snapshot) throughs(w way) string {
	var all []string
	for _, one := range s.Subnets {
		if is, through := s.defaultWay(one); is == w && !slices.Contains(all, through) {
			all = append(all, through)
		}
	}
	return strings.Join(all, ", ")
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
