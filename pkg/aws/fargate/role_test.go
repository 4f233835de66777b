package fargate

import (
	"slices"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/ec2query"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

func (c *cloud) given(name, trust string, owned bool) {
	r := &iamtypes.Role{RoleName: sdk.String(name), Arn: sdk.String("arn:aws:iam::" + account + ":role/path/" + name), CreateDate: &c.now, AssumeRolePolicyDocument: &trust}
	if owned {
		r.Tags = iamTags(aws.Tags("1"))
	}
	c.roles[name] = r
}

const anyCluster = `{"Statement":[{"Effect":"Allow","Principal":{"Service":"eks-fargate-pods.amazonaws.com"},"Action":"sts:AssumeRole"}]}`

func TestAGivenRoleIsTakenAndNotChanged(t *testing.T) {
	for _, name := range []string{"mine", "arn:aws:iam::" + account + ":role/path/mine"} {
		c := newCloud(t)
		c.given("mine", anyCluster, false)
		c.attached["mine"] = []string{PodPolicyARN("aws")}
		got, err := ensureWith(t, c, func(w *Wanted) { w.Role = name }, "web")
		if err != nil || got.Profiles[0].Role != "arn:aws:iam::"+account+":role/path/mine" {
			t.Errorf("%+v, %v", got, err)
		}
		c.changed("CreateFargateProfile fp-web")
	}
	c := newCloud(t)
	c.given("mine", anyCluster, false)
	if _, err := ensureWith(t, c, func(w *Wanted) { w.Role = "mine" }, "web"); err != nil {
		t.Error(err)
	}
	c.said("the role mine lacks the policy AmazonEKSFargatePodExecutionRolePolicy")
	c.changed("CreateFargateProfile fp-web")
}

func TestARoleThatEKSCannotTakeIsRefused(t *testing.T) {
	c := newCloud(t)
	c.given("mine", strings.Replace(anyCluster, "eks-fargate-pods", "ec2", 1), false)
	_, err := ensureWith(t, c, func(w *Wanted) { w.Role = "mine" }, "web")
	mustBe(t, err, problem.BadInput, "EKS cannot take the role mine for the Fargate profiles of shop: no statement lets the service eks-fargate-pods.amazonaws.com take it")
	c.given(roleName, strings.Replace(anyCluster, `"sts:AssumeRole"`, `"sts:AssumeRole","Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:eks:eu-west-1:123456789012:fargateprofile/other/*"}}`, 1), true)
	_, err = ensureWith(t, c, nil, "web")
	mustBe(t, err, problem.BadInput, "it wants aws:SourceArn to be arn:aws:eks:eu-west-1:123456789012:fargateprofile/other/*")
	c.given(roleName, "{", true)
	_, err = ensureWith(t, c, nil, "web")
	mustBe(t, err, problem.Failed, "cannot be read")
	c.changed()
}

// A run that was stopped between the two calls leaves a role without its policy.
func TestARoleOfOursGetsWhatItLacks(t *testing.T) {
	c := newCloud(t)
	c.given(roleName, anyCluster, true)
	ensure(t, c, "web")
	c.changed("AttachRolePolicy "+roleName, "CreateFargateProfile fp-web")
	c.said("role/" + roleName + " configured")
}

func TestSubnetsArePickedByWhereTheirRoutesLead(t *testing.T) {
	sub := func(id, zone string) ec2query.Subnet {
		return ec2query.Subnet{ID: id, VPC: "v", Zone: zone, FreeIPs: 9}
	}
	table := func(id string, main bool, routes []ec2query.Route, subnets ...string) ec2query.RouteTable {
		rt := ec2query.RouteTable{ID: id, VPC: "v", Routes: routes}
		for _, s := range subnets {
			rt.Associations = append(rt.Associations, ec2query.Association{Subnet: s})
		}
		if main {
			rt.Associations = append(rt.Associations, ec2query.Association{Main: true})
		}
		return rt
	}
	all := "0.0.0.0/0"
	igw := []ec2query.Route{{Destination: all, Gateway: "igw-1"}}
	igw6 := []ec2query.Route{{Destination6: "::/0", Gateway: "igw-1"}, {Destination: all, NAT: "nat-1"}}
	nat := []ec2query.Route{{Destination: all, NAT: "nat-1"}}
	none := []ec2query.Route{{Destination: "10.0.0.0/8", Gateway: "local"}}
	dead := []ec2query.Route{{Destination: all, NAT: "nat-1", State: "blackhole"}}
	egress := []ec2query.Route{{Destination6: "::/0", EgressOnly: "eigw-1"}, {Destination: all, TransitGateway: "tgw-1"}}
	subnets := []ec2query.Subnet{sub("a", "eu-west-1a"), sub("b", "eu-west-1b"), sub("c", "eu-west-1c")}
	for name, c := range map[string]struct {
		tables []ec2query.RouteTable
		own    []string
		want   string
	}{
		"the main table holds for those without one":      {[]ec2query.RouteTable{table("m", true, igw), table("p", false, nat, "b")}, nil, "b"},
		"a table of another VPC does not":                 {[]ec2query.RouteTable{{ID: "x", VPC: "w", Associations: []ec2query.Association{{Main: true}}, Routes: igw}, table("m", true, nat)}, nil, "a b c"},
		"a route of IPv6 to the internet is one":          {[]ec2query.RouteTable{table("m", true, igw6), table("p", false, nat, "c")}, nil, "c"},
		"a gateway for what goes out only is none":        {[]ec2query.RouteTable{table("m", true, egress)}, nil, "a b c"},
		"the cluster's own come first":                    {[]ec2query.RouteTable{table("m", true, nat)}, []string{"c"}, "c"},
		"if they are private":                             {[]ec2query.RouteTable{table("m", true, nat), table("p", false, igw, "c")}, []string{"c"}, "a b"},
		"those with a way out come before those without":  {[]ec2query.RouteTable{table("m", true, none), table("p", false, nat, "b")}, nil, "b"},
		"a way that leads nowhere is none":                {[]ec2query.RouteTable{table("m", true, dead), table("p", false, nat, "b")}, nil, "b"},
		"without any way out they are taken all the same": {[]ec2query.RouteTable{table("m", true, none)}, nil, "a b c"},
		"all public": {[]ec2query.RouteTable{table("m", true, igw)}, nil, ""},
	} {
		if got := strings.Join(ids(pick(Place(subnets, c.tables), c.own)), " "); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
	local := Place([]ec2query.Subnet{sub("l", "us-west-2-lax-1a"), sub("w", "us-east-1-wl1-bos-wlz-1"), sub("g", "us-gov-west-1a")}, nil)
	if got := ids(pick(local, nil)); !slices.Equal(got, []string{"g"}) {
		t.Errorf("of zones that are none of the region's own is left %v", got)
	}
}
