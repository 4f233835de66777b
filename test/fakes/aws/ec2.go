package aws

import (
	"context"
	"crypto/rand"
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
)

// refusal is an error in AWS's words.
type refusal string

func (r refusal) Error() string { return string(r) }

// subnet is what EKS looks at.
type subnet struct {
	ID   string `xml:"subnetId"`
	VPC  string `xml:"vpcId"`
	Zone string `xml:"availabilityZone"`
	// Public is a subnet with a route to an internet gateway.
	Public bool `xml:"-"`
}

type routeTables struct {
	Tables []struct {
		VPC    string `xml:"vpcId"`
		Routes []struct {
			Gateway string `xml:"gatewayId"`
		} `xml:"routeSet>item"`
		Associations []struct {
			Subnet string `xml:"subnetId"`
			Main   bool   `xml:"main"`
		} `xml:"associationSet>item"`
	} `xml:"routeTableSet>item"`
}

// subnets reads subnets and finds out which are public: by the table that they are associated with, else by the
// main table of their VPC ("Subnet routing", Amazon VPC user guide).
func (c *Cloud) subnets(ctx context.Context, region string, ids ...string) ([]subnet, error) {
	var described struct {
		Subnets []subnet `xml:"subnetSet>item"`
	}
	var tables routeTables
	if err := c.readEC2(ctx, region, "DescribeSubnets", &described); err != nil {
		return nil, err
	}
	if err := c.readEC2(ctx, region, "DescribeRouteTables", &tables); err != nil {
		return nil, err
	}
	var found []subnet
	for _, id := range ids {
		n := slices.IndexFunc(described.Subnets, func(s subnet) bool { return s.ID == id })
		if n < 0 {
			return nil, refusal("The subnet ID '" + id + "' does not exist")
		}
		s := described.Subnets[n]
		s.Public = tables.public(s.ID, s.VPC)
		found = append(found, s)
	}
	return found, nil
}

// public says whether a subnet has a route to an internet gateway.
func (t routeTables) public(id, vpc string) bool {
	ofMain, own := false, false
	for _, table := range t.Tables {
		open := false
		for _, route := range table.Routes {
			open = open || strings.HasPrefix(route.Gateway, "igw-")
		}
		for _, association := range table.Associations {
			if association.Subnet == id {
				return open
			}
			if association.Main && table.VPC == vpc {
				ofMain, own = open, true
			}
		}
	}
	return own && ofMain
}

func (c *Cloud) readEC2(ctx context.Context, region, action string, into any) error {
	answer, err := c.ask(ctx, "ec2", region, action)
	if err != nil {
		return err
	}
	return xml.Unmarshal(answer.body, into)
}

// likeAWS gives the default VPC of the region its internet gateway, which moto leaves out ("Default VPCs",
// Amazon VPC user guide).
func (c *Cloud) likeAWS(ctx context.Context) error {
	region := c.options.Region
	var vpcs struct {
		IDs []string `xml:"vpcSet>item>vpcId"`
	}
	answer, err := c.ask(ctx, "ec2", region, "DescribeVpcs", "Filter.1.Name", "is-default", "Filter.1.Value.1", "true")
	if err != nil {
		return err
	}
	if err := xml.Unmarshal(answer.body, &vpcs); err != nil || len(vpcs.IDs) == 0 {
		return err
	}
	return c.openMain(ctx, region, vpcs.IDs[0])
}

// openMain routes the main table of a VPC to a new internet gateway, unless it has one: moto may be shared.
func (c *Cloud) openMain(ctx context.Context, region, vpc string) error {
	var tables struct {
		IDs      []string `xml:"routeTableSet>item>routeTableId"`
		Gateways []string `xml:"routeTableSet>item>routeSet>item>gatewayId"`
	}
	answer, err := c.ask(ctx, "ec2", region, "DescribeRouteTables", "Filter.1.Name", "vpc-id", "Filter.1.Value.1", vpc,
		"Filter.2.Name", "association.main", "Filter.2.Value.1", "true")
	if err != nil {
		return err
	}
	if err := xml.Unmarshal(answer.body, &tables); err != nil || len(tables.IDs) == 0 {
		return fmt.Errorf("VPC %s has no main route table: %w", vpc, err)
	}
	if slices.ContainsFunc(tables.Gateways, func(id string) bool { return strings.HasPrefix(id, "igw-") }) {
		return nil
	}
	return c.openTable(ctx, region, vpc, tables.IDs[0])
}

// openTable routes a table to a new internet gateway.
func (c *Cloud) openTable(ctx context.Context, region, vpc, table string) error {
	gateway, err := c.id(ctx, region, "CreateInternetGateway", "internetGateway>internetGatewayId")
	if err != nil {
		return err
	}
	if _, err := c.ask(ctx, "ec2", region, "AttachInternetGateway", "InternetGatewayId", gateway, "VpcId", vpc); err != nil {
		return err
	}
	_, err = c.ask(ctx, "ec2", region, "CreateRoute", "RouteTableId", table, "DestinationCidrBlock", "0.0.0.0/0", "GatewayId", gateway)
	return err
}

// id does a call that makes something and returns its id, which is at that path of the answer.
func (c *Cloud) id(ctx context.Context, region, action, at string, pairs ...string) (string, error) {
	answer, err := c.ask(ctx, "ec2", region, action, pairs...)
	if err != nil {
		return "", err
	}
	path := strings.Split(at, ">")
	decoder, depth := xml.NewDecoder(strings.NewReader(string(answer.body))), 0
	for {
		token, err := decoder.Token()
		if err != nil {
			return "", fmt.Errorf("%s: no %s in the answer", action, at)
		}
		start, ok := token.(xml.StartElement)
		if !ok || start.Name.Local != path[depth] {
			continue
		}
		if depth++; depth == len(path) {
			var id string
			err := decoder.DecodeElement(&id, &start)
			return id, err
		}
	}
}

// newGroup makes the security group that EKS makes for a cluster: all comes in from the group itself, and all goes
// out ("View Amazon EKS security group requirements for clusters", EKS user guide).
func (c *Cloud) newGroup(ctx context.Context, region, vpc, cluster string) (string, error) {
	group, err := c.id(ctx, region, "CreateSecurityGroup", "groupId", "GroupName", "eks-cluster-sg-"+cluster+"-"+strings.ToLower(rand.Text())[:9],
		"GroupDescription", "EKS created security group applied to ENI that is attached to EKS Control Plane master nodes", "VpcId", vpc)
	if err != nil {
		return "", err
	}
	_, err = c.ask(ctx, "ec2", region, "AuthorizeSecurityGroupIngress", "GroupId", group, "IpPermissions.1.IpProtocol", "-1",
		"IpPermissions.1.Groups.1.GroupId", group)
	return group, err
}

// CloseGroup takes the rule away by which a cluster's security group lets itself in, as a person may have done.
func (c *Cloud) CloseGroup(ctx context.Context, name string) error {
	c.eksMu.Lock()
	defer c.eksMu.Unlock()
	k, _, err := c.cluster(ctx, c.options.Region, name)
	if err != nil {
		return err
	}
	_, err = c.ask(ctx, "ec2", k.region, "RevokeSecurityGroupIngress", "GroupId", k.group, "IpPermissions.1.IpProtocol", "-1",
		"IpPermissions.1.Groups.1.GroupId", k.group)
	return err
}
