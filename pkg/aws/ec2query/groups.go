package ec2query

import "context"

// SecurityGroup is a security group with its rules.
type SecurityGroup struct {
	ID  string       `xml:"groupId"`
	VPC string       `xml:"vpcId"`
	In  []Permission `xml:"ipPermissions>item"`
	Out []Permission `xml:"ipPermissionsEgress>item"`
}

// Permission is one rule of a security group.
type Permission struct {
	// Protocol is tcp, udp and so on, or -1 for all; From and To are ports, or absent for all.
	Protocol string `xml:"ipProtocol"`
	From     *int32 `xml:"fromPort"`
	To       *int32 `xml:"toPort"`
	// Groups, Ranges, Ranges6 and Lists are what the rule is for.
	Groups  []string `xml:"groups>item>groupId"`
	Ranges  []string `xml:"ipRanges>item>cidrIp"`
	Ranges6 []string `xml:"ipv6Ranges>item>cidrIpv6"`
	Lists   []string `xml:"prefixListIds>item>prefixListId"`
}

type groupPage struct {
	Items []SecurityGroup `xml:"securityGroupInfo>item"`
	Next  string          `xml:"nextToken"`
}

// DescribeSecurityGroups returns the security groups with these ids, or all, that pass all filters.
func (c *Client) DescribeSecurityGroups(ctx context.Context, ids []string, filters ...Filter) ([]SecurityGroup, error) {
	return pages(ctx, c, "DescribeSecurityGroups", question("GroupId", ids, filters), func(p *groupPage) ([]SecurityGroup, string) { return p.Items, p.Next })
}
