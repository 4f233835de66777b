package iamapi

import (
	"context"
	"errors"
	"net/url"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/smithy-go"
	smithyauth "github.com/aws/smithy-go/auth"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/wire"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/wire/wiretest"
)

func newPeers(t *testing.T) wiretest.Peers {
	server := wiretest.Serve(t)
	cfg := server.Config()
	return wiretest.Peers{Server: server, Ours: New(wire.Settings{Config: cfg, Endpoint: server.URL}), SDK: iam.NewFromConfig(cfg)}
}

func TestWholeAsTheSDK(t *testing.T) {
	newPeers(t).Whole(t, wiretest.QueryAnswer)
}

// These are in the form of the examples in the IAM API reference.
const (
	podsRole = `<GetRoleResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">
  <GetRoleResult>
    <Role>
      <Path>/</Path>
      <AssumeRolePolicyDocument>%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%5D%7D</AssumeRolePolicyDocument>
      <RoleId>AIDADBQP57FF2aEXAMPLE</RoleId>
      <RoleName>pods</RoleName>
      <Arn>arn:aws:iam::111122223333:role/pods</Arn>
      <CreateDate>2026-05-08T23:34:01.495Z</CreateDate>
      <Description></Description>
      <MaxSessionDuration>3600</MaxSessionDuration>
      <Tags><member><Key>kubectl-falcon</Key><Value></Value></member></Tags>
      <RoleLastUsed/>
      <SomethingNew><Deep>1</Deep></SomethingNew>
    </Role>
  </GetRoleResult>
  <ResponseMetadata><RequestId>df37e965-9967-11e1-a4c3-270EXAMPLE04</RequestId></ResponseMetadata>
</GetRoleResponse>`
	deleted = `<DeleteRoleResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></DeleteRoleResponse>`
)

func TestAnswersAsTheSDK(t *testing.T) {
	for name, test := range map[string]struct {
		operation, body string
		look            func(out any) bool
	}{
		"role": {"GetRole", podsRole, func(out any) bool {
			r := out.(*iam.GetRoleOutput).Role
			return sdk.ToString(r.AssumeRolePolicyDocument) == "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%5D%7D" &&
				len(r.Tags) == 1 && sdk.ToString(r.Tags[0].Key) == "kubectl-falcon" && r.CreateDate.Year() == 2026
		}},
		"no result": {"DeleteRole", deleted, nil},
		"last page": {"ListRolePolicies", `<ListRolePoliciesResponse><ListRolePoliciesResult><PolicyNames><member>a</member><member>b</member></PolicyNames>
			<IsTruncated>false</IsTruncated></ListRolePoliciesResult></ListRolePoliciesResponse>`, func(out any) bool {
			o := out.(*iam.ListRolePoliciesOutput)
			return len(o.PolicyNames) == 2 && !o.IsTruncated && o.Marker == nil
		}},
		"more pages": {"ListAttachedRolePolicies", `<ListAttachedRolePoliciesResponse><ListAttachedRolePoliciesResult><AttachedPolicies>
			<member><PolicyName>x</PolicyName><PolicyArn>arn:aws:iam::aws:policy/x</PolicyArn></member></AttachedPolicies><IsTruncated>true</IsTruncated>
			<Marker>m==</Marker></ListAttachedRolePoliciesResult></ListAttachedRolePoliciesResponse>`, func(out any) bool {
			o := out.(*iam.ListAttachedRolePoliciesOutput)
			return o.IsTruncated && sdk.ToString(o.Marker) == "m=="
		}},
		"empty list": {"ListRoles", `<ListRolesResponse><ListRolesResult><Roles/><IsTruncated>false</IsTruncated></ListRolesResult></ListRolesResponse>`, func(out any) bool {
			return out.(*iam.ListRolesOutput).Roles != nil
		}},
		"no list": {"GetOpenIDConnectProvider", `<GetOpenIDConnectProviderResponse><GetOpenIDConnectProviderResult><Url>oidc.example</Url><Tags></Tags>
			</GetOpenIDConnectProviderResult></GetOpenIDConnectProviderResponse>`, nil},
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
	failure := func(code, message string) string {
		return `<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type><Code>` + code + `</Code><Message>` + message +
			`</Message></Error><RequestId>r-1</RequestId></ErrorResponse>`
	}
	for name, test := range map[string]struct {
		status     int
		code, says string
	}{
		"no entity":   {404, "NoSuchEntity", "The role with name x cannot be found."},
		"there":       {409, "EntityAlreadyExists", "Role with name x already exists."},
		"in use":      {409, "DeleteConflict", "Cannot delete entity, must detach all policies first."},
		"denied":      {403, "AccessDenied", "User: u is not authorized to perform: iam:GetRole on resource: role x"},
		"throttled":   {400, "Throttling", "Rate exceeded"},
		"their fault": {500, "ServiceFailure", "oh"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPeers(t)
			in := p.Input("GetRole")
			wiretest.Fill(in)
			_, err := p.Same(t, "GetRole", in, wiretest.Answer{Status: test.status, Body: failure(test.code, test.says)})
			if answer, ok := errors.AsType[smithy.APIError](err); !ok || answer.ErrorCode() != test.code || answer.ErrorMessage() != test.says {
				t.Errorf("got %v, want %s", err, test.code)
			}
		})
	}
}

// TestNoAnswerOfAWS sees that a page of a portal on the way is no role without a name.
func TestNoAnswerOfAWS(t *testing.T) {
	p := newPeers(t)
	for _, answer := range []wiretest.Answer{{Body: "<html><body>log in</body></html>"}, {Body: "log in"}, {Body: ""}, {Status: 502, Body: "<html></html>"},
		{Body: deleted}} {
		p.Server.Answer(answer)
		_, err := p.Ours.(*Client).GetRole(t.Context(), &iam.GetRoleInput{RoleName: sdk.String("x")})
		if _, ok := errors.AsType[*smithy.DeserializationError](err); !ok {
			t.Errorf("%+v: %v", answer, err)
		}
	}
}

func TestPlaceAsTheSDK(t *testing.T) {
	for _, region := range []string{"eu-west-1", "us-gov-east-1", "cn-northwest-1", "us-iso-west-1", "us-isob-east-1", "us-isof-east-1", "eu-isoe-west-1", "eusc-de-east-1"} {
		for _, fips := range []bool{false, true} {
			for _, dual := range []bool{false, true} {
				want, err := iam.NewDefaultEndpointResolverV2().ResolveEndpoint(context.Background(),
					iam.EndpointParameters{Region: &region, UseFIPS: &fips, UseDualStack: &dual})
				if err != nil {
					t.Fatal(err)
				}
				options, _ := smithyauth.GetAuthOptions(&want.Properties)
				signs, _ := smithyhttp.GetSigV4SigningRegion(&options[0].SignerProperties)
				c := New(wire.Settings{Config: wiretest.Wants(region, fips, dual)}).wire
				if u, err := url.Parse(c.Endpoint()); err != nil || *u != want.URI || c.Region() != signs {
					t.Errorf("%s, FIPS %v, dual %v: %s of %s, want %s of %s", region, fips, dual, c.Endpoint(), c.Region(), want.URI.String(), signs)
				}
			}
		}
	}
}
