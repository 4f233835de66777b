package ec2query

import (
	"net/http"
	"net/http/httptest"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/wire"
)

func client(t *testing.T, handler http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return New(wire.Settings{Endpoint: server.URL, Config: sdk.Config{Region: "eu-west-1", Credentials: credentials.NewStaticCredentialsProvider("a", "b", "")}})
}

func TestSubnetsOfAllPages(t *testing.T) {
	pages := []string{
		`<DescribeSubnetsResponse><subnetSet><item><subnetId>subnet-1</subnetId><vpcId>vpc-1</vpcId><availabilityZone>eu-west-1a</availabilityZone>` +
			`<cidrBlock>10.0.0.0/24</cidrBlock><state>available</state><availableIpAddressCount>250</availableIpAddressCount>` +
			`<mapPublicIpOnLaunch>true</mapPublicIpOnLaunch><tagSet><item><key>k</key><value>v</value></item></tagSet></item></subnetSet><nextToken>more</nextToken></DescribeSubnetsResponse>`,
		`<DescribeSubnetsResponse><subnetSet><item><subnetId>subnet-2</subnetId></item></subnetSet></DescribeSubnetsResponse>`}
	asked := 0
	c := client(t, func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		want := map[string]string{"Action": "DescribeSubnets", "Version": version, "SubnetId.1": "subnet-1", "SubnetId.2": "subnet-2",
			"Filter.1.Name": "vpc-id", "Filter.1.Value.1": "vpc-1", "Filter.1.Value.2": "vpc-2"}
		if asked > 0 {
			want["NextToken"] = "more"
		}
		for name, value := range want {
			if r.Form.Get(name) != value {
				t.Errorf("%s is %q", name, r.Form.Get(name))
			}
		}
		if len(r.Form) != len(want) {
			t.Errorf("got %v", r.Form)
		}
		_, _ = w.Write([]byte(pages[asked]))
		asked++
	})
	got, err := c.DescribeSubnets(t.Context(), []string{"subnet-1", "subnet-2"}, Filter{"vpc-id", []string{"vpc-1", "vpc-2"}})
	if err != nil || len(got) != 2 {
		t.Fatalf("got %+v, %v", got, err)
	}
	first := got[0]
	if first.ID != "subnet-1" || first.VPC != "vpc-1" || first.Zone != "eu-west-1a" || first.FreeIPs != 250 || !first.PublicIPs || first.Tags[0] != (Tag{"k", "v"}) {
		t.Errorf("got %+v", first)
	}
}

func TestRouteTables(t *testing.T) {
	c := client(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`<DescribeRouteTablesResponse><routeTableSet><item><routeTableId>rtb-1</routeTableId><vpcId>vpc-1</vpcId>` +
			`<routeSet><item><destinationCidrBlock>10.0.0.0/16</destinationCidrBlock><gatewayId>local</gatewayId><state>active</state></item>` +
			`<item><destinationCidrBlock>0.0.0.0/0</destinationCidrBlock><natGatewayId>nat-1</natGatewayId><state>blackhole</state></item></routeSet>` +
			`<associationSet><item><main>true</main></item><item><main>false</main><subnetId>subnet-1</subnetId></item></associationSet></item></routeTableSet></DescribeRouteTablesResponse>`))
	})
	got, err := c.DescribeRouteTables(t.Context(), nil)
	if err != nil || len(got) != 1 {
		t.Fatalf("got %+v, %v", got, err)
	}
	table := got[0]
	if table.ID != "rtb-1" || len(table.Routes) != 2 || table.Routes[0].Gateway != "local" || table.Routes[1].NAT != "nat-1" ||
		table.Routes[1].State != "blackhole" || !table.Associations[0].Main || table.Associations[1].Subnet != "subnet-1" {
		t.Errorf("got %+v", table)
	}
}

func TestSecurityGroups(t *testing.T) {
	c := client(t, func(w http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm()
		if r.Form.Get("Action") != "DescribeSecurityGroups" || r.Form.Get("GroupId.1") != "sg-1" {
			t.Errorf("got %v", r.Form)
		}
		_, _ = w.Write([]byte(`<DescribeSecurityGroupsResponse><securityGroupInfo><item><groupId>sg-1</groupId><vpcId>vpc-1</vpcId><ipPermissions>` +
			`<item><ipProtocol>-1</ipProtocol><groups><item><groupId>sg-1</groupId><userId>1</userId></item></groups></item>` +
			`<item><ipProtocol>tcp</ipProtocol><fromPort>443</fromPort><toPort>444</toPort><ipRanges><item><cidrIp>10.0.0.0/8</cidrIp></item></ipRanges>` +
			`<prefixListIds><item><prefixListId>pl-1</prefixListId></item></prefixListIds></item></ipPermissions>` +
			`<ipPermissionsEgress><item><ipProtocol>-1</ipProtocol><ipv6Ranges><item><cidrIpv6>::/0</cidrIpv6></item></ipv6Ranges></item></ipPermissionsEgress>` +
			`</item></securityGroupInfo></DescribeSecurityGroupsResponse>`))
	})
	got, err := c.DescribeSecurityGroups(t.Context(), []string{"sg-1"})
	if err != nil || len(got) != 1 || len(got[0].In) != 2 || len(got[0].Out) != 1 {
		t.Fatalf("got %+v, %v", got, err)
	}
	all, some, out := got[0].In[0], got[0].In[1], got[0].Out[0]
	if all.Protocol != "-1" || all.From != nil || all.Groups[0] != "sg-1" || *some.From != 443 || *some.To != 444 || some.Ranges[0] != "10.0.0.0/8" ||
		some.Lists[0] != "pl-1" || out.Ranges6[0] != "::/0" {
		t.Errorf("got %+v", got[0])
	}
}
