package eksapi

import (
	"context"
	"errors"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/smithy-go"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/wire"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/wire/wiretest"
)

func newPeers(t *testing.T) wiretest.Peers {
	server := wiretest.Serve(t)
	cfg := server.Config()
	return wiretest.Peers{Server: server, Ours: New(wire.Settings{Config: cfg, Endpoint: server.URL}), SDK: eks.NewFromConfig(cfg)}
}

func TestWholeAsTheSDK(t *testing.T) {
	newPeers(t).Whole(t, func(_ string, out any) string { return wiretest.RESTAnswer(out) })
}

// failedProfile and shop are in the form of the examples in the Amazon EKS API reference.
const (
	failedProfile = `{"fargateProfile":{"fargateProfileName":"fp-shop","fargateProfileArn":"arn:aws:eks:eu-west-1:111122223333:fargateprofile/shop/fp-shop/1",
		"clusterName":"shop","createdAt":1.5744440123456E9,"podExecutionRoleArn":"arn:aws:iam::111122223333:role/pods","subnets":["subnet-1","subnet-2"],
		"selectors":[{"namespace":"shop","labels":{}},{"namespace":"a*","labels":{"app":"web"}}],"status":"CREATE_FAILED","tags":{},
		"health":{"issues":[{"code":"PodExecutionRoleAlreadyInUse","message":"in use","resourceIds":["arn:aws:iam::111122223333:role/pods"]}]}}}`
	shop = `{"cluster":{"name":"shop","arn":"arn:aws:eks:eu-west-1:111122223333:cluster/shop","createdAt":1712345678.901,"version":"1.35",
		"endpoint":"https://A.gr7.eu-west-1.eks.amazonaws.com","resourcesVpcConfig":{"subnetIds":["subnet-1"],"securityGroupIds":[],
		"clusterSecurityGroupId":"sg-1","vpcId":"vpc-1","endpointPublicAccess":true,"endpointPrivateAccess":false,"publicAccessCidrs":["0.0.0.0/0"]},
		"logging":{"clusterLogging":[{"types":["api","audit"],"enabled":false}]},"identity":{"oidc":{"issuer":"https://oidc.eks.eu-west-1.amazonaws.com/id/A"}},
		"status":"ACTIVE","certificateAuthority":{"data":"LS0="},"platformVersion":"eks.3","tags":{"kubectl-falcon":"1"},"health":{"issues":[]},
		"clientRequestToken":null,"somethingNew":{"deep":[1,2]},"upgradePolicy":{"supportType":"EXTENDED"}}}`
)

func TestAnswersAsTheSDK(t *testing.T) {
	for name, test := range map[string]struct {
		operation, body string
		look            func(out any) bool
	}{
		"cluster": {"DescribeCluster", shop, func(out any) bool {
			c := out.(*eks.DescribeClusterOutput).Cluster
			return c.Status == types.ClusterStatusActive && sdk.ToTime(c.CreatedAt).Equal(time.UnixMilli(1712345678901)) && c.Tags["kubectl-falcon"] == "1" &&
				c.Identity.Oidc != nil && c.ResourcesVpcConfig.EndpointPublicAccess && c.ConnectorConfig == nil && c.Health.Issues != nil
		}},
		"failed profile": {"DescribeFargateProfile", failedProfile, func(out any) bool {
			p := out.(*eks.DescribeFargateProfileOutput).FargateProfile
			return p.Health.Issues[0].Code == "PodExecutionRoleAlreadyInUse" && p.Selectors[1].Labels["app"] == "web" && p.Tags != nil
		}},
		"last page": {"ListFargateProfiles", `{"fargateProfileNames":["a","b"],"nextToken":null}`, func(out any) bool {
			return out.(*eks.ListFargateProfilesOutput).NextToken == nil
		}},
		"empty list":  {"ListAddons", `{"addons":[]}`, func(out any) bool { return out.(*eks.ListAddonsOutput).Addons != nil }},
		"no list":     {"ListNodegroups", `{}`, func(out any) bool { return out.(*eks.ListNodegroupsOutput).Nodegroups == nil }},
		"versions":    {"DescribeClusterVersions", `{"clusterVersions":[{"clusterVersion":"1.35","releaseDate":1764201600,"status":"STANDARD_SUPPORT"}]}`, nil},
		"no versions": {"DescribeClusterVersions", `{"clusterVersions":[]}`, nil},
		"nothing":     {"DeleteFargateProfile", `{}`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPeers(t)
			in := p.Input(test.operation)
			wiretest.Fill(in)
			got, err := p.Same(t, test.operation, in, wiretest.Answer{Body: test.body})
			if err != nil || test.look != nil && !test.look(got) {
				t.Errorf("got %v, %s", err, wiretest.JSON(got))
			}
		})
	}
}

func TestErrorsAsTheSDK(t *testing.T) {
	named := func(code string) map[string]string {
		return map[string]string{"X-Amzn-Errortype": code, "X-Amzn-Requestid": "r-1"}
	}
	for name, test := range map[string]struct {
		answer wiretest.Answer
		code   string
	}{
		"not found":      {wiretest.Answer{Status: 404, Header: named("ResourceNotFoundException"), Body: `{"message":"No cluster found for name: x."}`}, "ResourceNotFoundException"},
		"no type for it": {wiretest.Answer{Status: 409, Header: named("ResourceInUseException"), Body: `{"message":"there"}`}, "ResourceInUseException"},
		"denied":         {wiretest.Answer{Status: 403, Header: named("AccessDeniedException:http://internal/"), Body: `{"Message":"User: u is not authorized to perform: eks:X"}`}, "AccessDeniedException"},
		"in the body":    {wiretest.Answer{Status: 400, Body: `{"__type":"com.amazonaws.eks#InvalidParameterException","message":"role"}`}, "InvalidParameterException"},
		"their fault":    {wiretest.Answer{Status: 500, Header: named("ServerException"), Body: `{"message":"oh"}`}, "ServerException"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPeers(t)
			in := p.Input("CreateFargateProfile")
			wiretest.Fill(in)
			_, err := p.Same(t, "CreateFargateProfile", in, test.answer)
			if answer, ok := errors.AsType[smithy.APIError](err); !ok || answer.ErrorCode() != test.code {
				t.Errorf("got %v, want %s", err, test.code)
			}
		})
	}
}

func TestUnsupportedZonesAsTheSDK(t *testing.T) {
	p := newPeers(t)
	in := p.Input("CreateFargateProfile")
	wiretest.Fill(in)
	_, err := p.Same(t, "CreateFargateProfile", in, wiretest.Answer{Status: 400, Header: map[string]string{"X-Amzn-Errortype": "UnsupportedAvailabilityZoneException"},
		Body: `{"clusterName":"shop","message":"no room","nodegroupName":null,"validZones":["eu-west-1a","eu-west-1b"]}`})
	want := &types.UnsupportedAvailabilityZoneException{Message: sdk.String("no room"), ClusterName: sdk.String("shop"), ValidZones: []string{"eu-west-1a", "eu-west-1b"}}
	if got, ok := errors.AsType[*types.UnsupportedAvailabilityZoneException](err); !ok || !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v", err)
	}
}

func TestNoAnswerOfAWS(t *testing.T) {
	p := newPeers(t)
	for _, status := range []int{200, 502} {
		_, err := p.Same(t, "DescribeCluster", &eks.DescribeClusterInput{Name: sdk.String("x")}, wiretest.Answer{Status: status, Body: "<html>log in</html>"})
		if _, ok := errors.AsType[*smithy.DeserializationError](err); !ok {
			t.Errorf("status %d: %v", status, err)
		}
	}
}

// TestEmptyNames sees that no operation becomes another, such as DescribeCluster one that lists all clusters.
func TestEmptyNames(t *testing.T) {
	p := newPeers(t)
	p.Server.Answer(wiretest.Answer{Body: `{}`})
	c := p.Ours.(*Client)
	for _, name := range []*string{nil, sdk.String("")} {
		_, err := c.DescribeCluster(t.Context(), &eks.DescribeClusterInput{Name: name})
		if call, ok := errors.AsType[*smithy.OperationError](err); !ok || call.OperationName != "DescribeCluster" {
			t.Errorf("describe: %v", err)
		}
		if _, err := c.DeleteFargateProfile(t.Context(), &eks.DeleteFargateProfileInput{ClusterName: sdk.String("shop"), FargateProfileName: name}); err == nil {
			t.Error("deletes a profile without a name")
		}
	}
	if seen := p.Server.Seen(); len(seen) != 0 {
		t.Errorf("sent %+v", seen)
	}
}

// TestTokenStays sees that a creation that is tried again has the token of the first try, and another creation has
// another.
func TestTokenStays(t *testing.T) {
	server := wiretest.Serve(t, wiretest.Answer{Status: 503}, wiretest.Answer{Body: failedProfile})
	in := &eks.CreateFargateProfileInput{ClusterName: sdk.String("shop"), FargateProfileName: sdk.String("x"), PodExecutionRoleArn: sdk.String("y")}
	c := New(wire.Settings{Config: server.Retrying(3), Endpoint: server.URL})
	for range 2 {
		if _, err := c.CreateFargateProfile(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	var tokens []string
	for _, s := range server.Seen() {
		token, _ := s.Body.(map[string]any)["clientRequestToken"].(string)
		tokens = append(tokens, token)
	}
	if len(tokens) != 3 || tokens[0] != tokens[1] || tokens[1] == tokens[2] || slices.Contains(tokens, "") {
		t.Errorf("the tokens are %q", tokens)
	}
	if in.ClientRequestToken != nil {
		t.Error("changed the input")
	}
}

func TestPlaceAsTheSDK(t *testing.T) {
	for _, region := range []string{"eu-west-1", "us-gov-west-1", "cn-north-1", "us-iso-east-1", "us-isob-east-1", "us-isof-south-1", "eu-isoe-west-1", "eusc-de-east-1"} {
		for _, fips := range []bool{false, true} {
			for _, dual := range []bool{false, true} {
				want, err := eks.NewDefaultEndpointResolverV2().ResolveEndpoint(context.Background(),
					eks.EndpointParameters{Region: &region, UseFIPS: &fips, UseDualStack: &dual})
				got := New(wire.Settings{Config: wiretest.Wants(region, fips, dual)}).wire.Endpoint()
				if err != nil {
					continue // AWS has none of the kind there.
				}
				if u, err := url.Parse(got); err != nil || *u != want.URI {
					t.Errorf("%s, FIPS %v, dual %v: %s, want %s", region, fips, dual, got, want.URI.String())
				}
			}
		}
	}
	if at := New(wire.Settings{Config: wiretest.Wants("eu-west-1", true, false)}).wire.Endpoint(); !strings.HasPrefix(at, "https://fips.eks.") {
		t.Error(at)
	}
}
