package ec2query

import (
	"context"
	"fmt"
	"net/url"
	"slices"
)

// Subnet is a subnet of a VPC.
type Subnet struct {
	ID      string `xml:"subnetId"`
	VPC     string `xml:"vpcId"`
	Zone    string `xml:"availabilityZone"`
	CIDR    string `xml:"cidrBlock"`
	State   string `xml:"state"`
	FreeIPs int    `xml:"availableIpAddressCount"`
	// PublicIPs says that what starts in it gets a public address.
	PublicIPs bool  `xml:"mapPublicIpOnLaunch"`
	Tags      []Tag `xml:"tagSet>item"`
}

// Tag is a tag.
type Tag struct {
	Key   string `xml:"key"`
	Value string `xml:"value"`
}

// RouteTable is a route table of a VPC.
type RouteTable struct {
	ID           string        `xml:"routeTableId"`
	VPC          string        `xml:"vpcId"`
	Associations []Association `xml:"associationSet>item"`
	Routes       []Route       `xml:"routeSet>item"`
}

// Association says for what a route table holds: for a subnet, or, if it is the main one, for all subnets of
// the VPC that have no other.
type Association struct {
	Subnet string `xml:"subnetId"`
	Main   bool   `xml:"main"`
}

// Route is a route. One of the fields after State is set, or none for those within the VPC.
type Route struct {
	// Destination is in IPv4, Destination6 in IPv6.
	Destination  string `xml:"destinationCidrBlock"`
	Destination6 string `xml:"destinationIpv6CidrBlock"`
	// State is active, or blackhole when what it leads to is no more.
	State string `xml:"state"`
	// Gateway is an internet gateway (igw-...), a virtual private one (vgw-...), an endpoint (vpce-...) or "local".
	Gateway        string `xml:"gatewayId"`
	NAT            string `xml:"natGatewayId"`
	TransitGateway string `xml:"transitGatewayId"`
	Instance       string `xml:"instanceId"`
	Interface      string `xml:"networkInterfaceId"`
	Peering        string `xml:"vpcPeeringConnectionId"`
	EgressOnly     string `xml:"egressOnlyInternetGatewayId"`
}

// Filter keeps what has one of the values, as EC2's own filters do, such as vpc-id.
type Filter struct {
	Name   string
	Values []string
}

// DescribeSubnets returns the subnets with these ids, or all, that pass all filters.
func (c *Client) DescribeSubnets(ctx context.Context, ids []string, filters ...Filter) ([]Subnet, error) {
	return pages(ctx, c, "DescribeSubnets", question("SubnetId", ids, filters), func(p *subnetPage) ([]Subnet, string) { return p.Items, p.Next })
}

// DescribeRouteTables returns the route tables with these ids, or all, that pass all filters.
func (c *Client) DescribeRouteTables(ctx context.Context, ids []string, filters ...Filter) ([]RouteTable, error) {
	return pages(ctx, c, "DescribeRouteTables", question("RouteTableId", ids, filters), func(p *tablePage) ([]RouteTable, string) { return p.Items, p.Next })
}

type subnetPage struct {
	Items []Subnet `xml:"subnetSet>item"`
	Next  string   `xml:"nextToken"`
}

type tablePage struct {
	Items []RouteTable `xml:"routeTableSet>item"`
	Next  string       `xml:"nextToken"`
}

// question are the parameters of one that asks for things by ids and filters.
func question(idName string, ids []string, filters []Filter) url.Values {
	q := url.Values{}
	for n, id := range ids {
		q.Set(fmt.Sprintf("%s.%d", idName, n+1), id)
	}
	for n, f := range filters {
		q.Set(fmt.Sprintf("Filter.%d.Name", n+1), f.Name)
		for m, value := range f.Values {
			q.Set(fmt.Sprintf("Filter.%d.Value.%d", n+1, m+1), value)
		}
	}
	return q
}

// pages asks until there are no more.
func pages[P, T any](ctx context.Context, c *Client, operation string, q url.Values, read func(*P) ([]T, string)) ([]T, error) {
	var all []T
	seen := []string{}
	for {
		page := new(P)
		if err := c.call(ctx, operation, q, page); err != nil {
			return nil, err
		}
		items, next := read(page)
		all = append(all, items...)
		if next == "" || slices.Contains(seen, next) {
			return all, nil
		}
		seen = append(seen, next)
		q.Set("NextToken", next)
	}
}
