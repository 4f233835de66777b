package fargate

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/ec2query"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// Placed is a subnet, judged.
type Placed struct {
	ID   string
	Zone string
	// Public says why pods on Fargate cannot be there, which get no public address; empty, they can.
	Public string
	// Way is where its route to everywhere leads, such as a NAT gateway; empty, there is none.
	Way  string
	Free int
	// Zonal says that the zone is one of the region's own, and no Local Zone or the like.
	Zonal bool
}

// zonePattern is the name of an availability zone proper; those of Local Zones and Wavelength Zones go on
// (AWS regions and zones guide).
var zonePattern = pattern(`^[a-z]{2,8}(-[a-z]+)+-[0-9]{1,2}[a-z]$`)

// Place judges subnets by the route tables of their VPC. A subnet with no table of its own has the main one.
func Place(subnets []ec2query.Subnet, tables []ec2query.RouteTable) []Placed {
	all := make([]Placed, 0, len(subnets))
	for _, s := range subnets {
		p := Placed{ID: s.ID, Zone: s.Zone, Free: s.FreeIPs, Zonal: zonePattern().MatchString(s.Zone)}
		table := tableOf(s, tables)
		if table == nil {
			all = append(all, p)
			continue
		}
		for _, r := range table.Routes {
			to := target(r)
			if strings.HasPrefix(to, "igw-") && p.Public == "" {
				p.Public = fmt.Sprintf("its route table %s sends %s to the internet gateway %s", table.ID, r.Destination+r.Destination6, to)
			}
			if r.Destination == "0.0.0.0/0" && r.State != "blackhole" {
				p.Way = to
			}
		}
		all = append(all, p)
	}
	return all
}

// tableOf is the route table that holds for a subnet.
func tableOf(s ec2query.Subnet, tables []ec2query.RouteTable) *ec2query.RouteTable {
	var main *ec2query.RouteTable
	for n := range tables {
		for _, a := range tables[n].Associations {
			if a.Subnet == s.ID {
				return &tables[n]
			}
			if a.Main && tables[n].VPC == s.VPC {
				main = &tables[n]
			}
		}
	}
	return main
}

// target is what a route leads to.
func target(r ec2query.Route) string {
	for _, to := range []string{r.Gateway, r.NAT, r.TransitGateway, r.Instance, r.Interface, r.Peering, r.EgressOnly} {
		if to != "" {
			return to
		}
	}
	return ""
}

// pick chooses the subnets for a profile: the private ones that the cluster was made with, else those of the
// VPC, and of those the ones with a way out, if any has.
func pick(placed []Placed, ofCluster []string) []Placed {
	private := slices.DeleteFunc(slices.Clone(placed), func(p Placed) bool { return p.Public != "" || !p.Zonal })
	own := slices.DeleteFunc(slices.Clone(private), func(p Placed) bool { return !slices.Contains(ofCluster, p.ID) })
	if len(own) > 0 {
		private = own
	}
	if open := slices.DeleteFunc(slices.Clone(private), func(p Placed) bool { return p.Way == "" }); len(open) > 0 {
		return open
	}
	return private
}

// subnets are those for new profiles: the ones given, checked, or those found.
func (r *run) subnets(ctx context.Context, given []string) ([]Placed, error) {
	vpc := ec2query.Filter{Name: "vpc-id", Values: []string{r.cluster.VPC}}
	all, err := r.Network.DescribeSubnets(ctx, nil, vpc)
	if err != nil {
		return nil, r.Explain(ctx, "look up the subnets of "+r.cluster.VPC, err)
	}
	tables, err := r.Network.DescribeRouteTables(ctx, nil, vpc)
	if err != nil {
		return nil, r.Explain(ctx, "look up the route tables of "+r.cluster.VPC, err)
	}
	placed := Place(all, tables)
	chosen := placed
	if len(given) > 0 {
		if chosen, err = check(placed, given, r.cluster); err != nil {
			return nil, err
		}
	} else if chosen = pick(placed, r.cluster.Subnets); len(chosen) == 0 {
		return nil, noSubnet(placed, r.cluster.VPC)
	}
	for _, p := range chosen {
		switch {
		case p.Way == "":
			r.remark(fmt.Sprintf("%s has no way out of the VPC: pods there get no image and reach no Falcon cloud unless VPC endpoints lead there", p.ID))
		case p.Free == 0:
			r.remark(fmt.Sprintf("%s has no free address: pods get none there", p.ID))
		}
	}
	return chosen, nil
}

// ids are the subnets as EKS takes them.
func ids(placed []Placed) []string {
	all := []string{}
	for _, p := range placed {
		all = append(all, p.ID)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// check refuses given subnets in which EKS would not put pods on Fargate.
func check(placed []Placed, given []string, c *Cluster) (chosen []Placed, err error) {
	for _, id := range given {
		at := slices.IndexFunc(placed, func(p Placed) bool { return p.ID == id })
		switch {
		case at < 0:
			return nil, problem.New(problem.BadInput, "leave --subnet out to have private subnets found",
				"the VPC %s of the cluster %s has no subnet %s", c.VPC, c.Name, id)
		case placed[at].Public != "":
			return nil, problem.New(problem.BadInput, "pods on Fargate need private subnets; leave --subnet out to have them found",
				"the subnet %s is public: %s", id, placed[at].Public)
		case !placed[at].Zonal:
			return nil, problem.New(problem.BadInput, "choose subnets in the region's own zones",
				"the subnet %s is in %s, where there is no Fargate", id, placed[at].Zone)
		}
		chosen = append(chosen, placed[at])
	}
	return chosen, nil
}

// noSubnet says why no subnet will do.
func noSubnet(placed []Placed, vpc string) error {
	const next = "make a private subnet, whose route table leads to a NAT gateway; eksctl create cluster --fargate makes such a VPC"
	if len(placed) == 0 {
		return problem.New(problem.Failed, next, "the VPC %s has no subnets", vpc)
	}
	why := []string{}
	for _, p := range placed {
		switch {
		case p.Public != "":
			why = append(why, p.ID+" is public ("+p.Public+")")
		default:
			why = append(why, p.ID+" is in "+p.Zone+", where there is no Fargate")
		}
	}
	return problem.New(problem.Failed, next, "the VPC %s has no private subnet for pods on Fargate: %s", vpc, strings.Join(why, "; "))
}
