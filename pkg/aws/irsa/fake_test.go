package irsa

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/smithy-go"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

const (
	host        = "oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE"
	ourRole     = "falcon-injector-shop-eu-west-1"
	providerARN = "arn:aws:iam::123456789012:oidc-provider/" + host
)

// cloud is EKS and IAM in memory.
type cloud struct {
	t         *testing.T
	issuer    string
	audiences []string
	tags      []types.Tag
	there     bool
	roles     map[string]*held
	managed   map[string]string
	refuse    map[string]error
	calls     []string
	events    []string
	pods      pods
}

type held struct {
	role     types.Role
	inline   map[string]string
	attached []string
}

func newCloud(t *testing.T) *cloud {
	return &cloud{t: t, issuer: "https://" + host, roles: map[string]*held{}, managed: map[string]string{}, refuse: map[string]error{}}
}

func (c *cloud) account() *Account {
	session := aws.Session{Region: "eu-west-1", Command: "irsa ensure"}
	return &Account{EKS: c, IAM: c, Region: "eu-west-1", Explain: session.Explain, Tags: aws.Tags("1"), Report: func(e aws.Event) {
		c.events = append(c.events, strings.Join(strings.Fields(strings.Join([]string{e.Object, string(e.Change), e.Remark}, " ")), " "))
	}}
}

// changed checks the changes that were called since the last time.
func (c *cloud) changed(want ...string) {
	c.t.Helper()
	if !slices.Equal(c.calls, want) {
		c.t.Errorf("it called %v, want %v", c.calls, want)
	}
	c.calls = nil
}

func fault(code string) error {
	return &smithy.GenericAPIError{Code: code, Message: "no"}
}

func mustBe(t *testing.T, err error, kind problem.Kind, says string) {
	t.Helper()
	p, ok := errors.AsType[*problem.Error](err)
	if !ok || p.Kind() != kind || !strings.Contains(p.Error(), says) {
		t.Errorf("got %v, want %q of kind %d", err, says, kind)
	}
}

// call notes a change, or refuses a call that is to be refused.
func (c *cloud) call(name string, change bool) error {
	if change {
		c.calls = append(c.calls, name)
	}
	return c.refuse[name]
}

func (c *cloud) hold(name string, trust string, owned bool) *held {
	h := &held{role: types.Role{RoleName: sdk.String(name), Arn: sdk.String("arn:aws:iam::123456789012:role/" + name),
		AssumeRolePolicyDocument: sdk.String(url.QueryEscape(trust))}, inline: map[string]string{}}
	if owned {
		h.role.Tags = tagsFor(aws.Tags("1"))
	}
	c.roles[name] = h
	return h
}

func (c *cloud) get(name *string) (*held, error) {
	if h := c.roles[*name]; h != nil {
		return h, nil
	}
	return &held{}, fault(codeNoEntity)
}

func (c *cloud) DescribeCluster(_ context.Context, in *eks.DescribeClusterInput, _ ...func(*eks.Options)) (*eks.DescribeClusterOutput, error) {
	if *in.Name != "shop" {
		return nil, fault(codeNotFound)
	}
	out := &ekstypes.Cluster{Name: in.Name, Arn: sdk.String("arn:aws:eks:eu-west-1:123456789012:cluster/shop")}
	if c.issuer != "" {
		out.Identity = &ekstypes.Identity{Oidc: &ekstypes.OIDC{Issuer: &c.issuer}}
	}
	return &eks.DescribeClusterOutput{Cluster: out}, c.call("DescribeCluster", false)
}

func (c *cloud) GetOpenIDConnectProvider(_ context.Context, in *iam.GetOpenIDConnectProviderInput, _ ...func(*iam.Options)) (*iam.GetOpenIDConnectProviderOutput, error) {
	if err := c.call("GetOpenIDConnectProvider", false); err != nil {
		return nil, err
	}
	if !c.there || *in.OpenIDConnectProviderArn != providerARN {
		return nil, fault(codeNoEntity)
	}
	return &iam.GetOpenIDConnectProviderOutput{ClientIDList: c.audiences, Tags: c.tags}, nil
}

func (c *cloud) CreateOpenIDConnectProvider(_ context.Context, in *iam.CreateOpenIDConnectProviderInput, _ ...func(*iam.Options)) (*iam.CreateOpenIDConnectProviderOutput, error) {
	if err := c.call("CreateOpenIDConnectProvider", true); err != nil {
		return nil, err
	}
	if *in.Url != c.issuer || len(in.ThumbprintList) > 0 {
		c.t.Errorf("the provider is made with %+v", in)
	}
	c.there, c.audiences, c.tags = true, in.ClientIDList, in.Tags
	return &iam.CreateOpenIDConnectProviderOutput{}, nil
}

func (c *cloud) AddClientIDToOpenIDConnectProvider(_ context.Context, in *iam.AddClientIDToOpenIDConnectProviderInput, _ ...func(*iam.Options)) (*iam.AddClientIDToOpenIDConnectProviderOutput, error) {
	c.audiences = append(c.audiences, *in.ClientID)
	return &iam.AddClientIDToOpenIDConnectProviderOutput{}, c.call("AddClientIDToOpenIDConnectProvider", true)
}

func (c *cloud) DeleteOpenIDConnectProvider(context.Context, *iam.DeleteOpenIDConnectProviderInput, ...func(*iam.Options)) (*iam.DeleteOpenIDConnectProviderOutput, error) {
	c.there = false
	return &iam.DeleteOpenIDConnectProviderOutput{}, c.call("DeleteOpenIDConnectProvider", true)
}

func (c *cloud) GetRole(_ context.Context, in *iam.GetRoleInput, _ ...func(*iam.Options)) (*iam.GetRoleOutput, error) {
	h, err := c.get(in.RoleName)
	return &iam.GetRoleOutput{Role: &h.role}, err
}

func (c *cloud) ListRoles(context.Context, *iam.ListRolesInput, ...func(*iam.Options)) (*iam.ListRolesOutput, error) {
	out := &iam.ListRolesOutput{}
	for _, h := range c.roles {
		out.Roles = append(out.Roles, h.role)
	}
	return out, c.call("ListRoles", false)
}

func (c *cloud) CreateRole(_ context.Context, in *iam.CreateRoleInput, _ ...func(*iam.Options)) (*iam.CreateRoleOutput, error) {
	if err := c.call("CreateRole", true); err != nil {
		return nil, err
	}
	h := c.hold(*in.RoleName, *in.AssumeRolePolicyDocument, false)
	h.role.Tags = in.Tags
	return &iam.CreateRoleOutput{Role: &h.role}, nil
}

func (c *cloud) UpdateAssumeRolePolicy(_ context.Context, in *iam.UpdateAssumeRolePolicyInput, _ ...func(*iam.Options)) (*iam.UpdateAssumeRolePolicyOutput, error) {
	h, err := c.get(in.RoleName)
	h.role.AssumeRolePolicyDocument = in.PolicyDocument
	return &iam.UpdateAssumeRolePolicyOutput{}, errors.Join(err, c.call("UpdateAssumeRolePolicy", true))
}

func (c *cloud) DeleteRole(_ context.Context, in *iam.DeleteRoleInput, _ ...func(*iam.Options)) (*iam.DeleteRoleOutput, error) {
	if err := c.call("DeleteRole", true); err != nil {
		return nil, err
	}
	h, err := c.get(in.RoleName)
	if len(h.inline)+len(h.attached) > 0 {
		return nil, fault("DeleteConflict")
	}
	delete(c.roles, *in.RoleName)
	return &iam.DeleteRoleOutput{}, err
}

func (c *cloud) ListRolePolicies(_ context.Context, in *iam.ListRolePoliciesInput, _ ...func(*iam.Options)) (*iam.ListRolePoliciesOutput, error) {
	h, err := c.get(in.RoleName)
	out := &iam.ListRolePoliciesOutput{}
	for name := range h.inline {
		out.PolicyNames = append(out.PolicyNames, name)
	}
	return out, err
}

func (c *cloud) GetRolePolicy(_ context.Context, in *iam.GetRolePolicyInput, _ ...func(*iam.Options)) (*iam.GetRolePolicyOutput, error) {
	h, err := c.get(in.RoleName)
	if err == nil && h.inline[*in.PolicyName] == "" {
		err = fault(codeNoEntity)
	}
	return &iam.GetRolePolicyOutput{PolicyDocument: sdk.String(url.QueryEscape(h.inline[*in.PolicyName]))}, err
}

func (c *cloud) PutRolePolicy(_ context.Context, in *iam.PutRolePolicyInput, _ ...func(*iam.Options)) (*iam.PutRolePolicyOutput, error) {
	if err := c.call("PutRolePolicy", true); err != nil {
		return nil, err
	}
	h, err := c.get(in.RoleName)
	if err == nil {
		h.inline[*in.PolicyName] = *in.PolicyDocument
	}
	return &iam.PutRolePolicyOutput{}, err
}

func (c *cloud) DeleteRolePolicy(_ context.Context, in *iam.DeleteRolePolicyInput, _ ...func(*iam.Options)) (*iam.DeleteRolePolicyOutput, error) {
	h, err := c.get(in.RoleName)
	delete(h.inline, *in.PolicyName)
	return &iam.DeleteRolePolicyOutput{}, errors.Join(err, c.call("DeleteRolePolicy", true))
}

func (c *cloud) ListAttachedRolePolicies(_ context.Context, in *iam.ListAttachedRolePoliciesInput, _ ...func(*iam.Options)) (*iam.ListAttachedRolePoliciesOutput, error) {
	h, err := c.get(in.RoleName)
	out := &iam.ListAttachedRolePoliciesOutput{}
	for _, arn := range h.attached {
		out.AttachedPolicies = append(out.AttachedPolicies, types.AttachedPolicy{PolicyArn: sdk.String(arn)})
	}
	return out, err
}

func (c *cloud) DetachRolePolicy(_ context.Context, in *iam.DetachRolePolicyInput, _ ...func(*iam.Options)) (*iam.DetachRolePolicyOutput, error) {
	h, err := c.get(in.RoleName)
	h.attached = slices.DeleteFunc(h.attached, func(arn string) bool { return arn == *in.PolicyArn })
	return &iam.DetachRolePolicyOutput{}, errors.Join(err, c.call("DetachRolePolicy", true))
}

func (c *cloud) GetPolicy(context.Context, *iam.GetPolicyInput, ...func(*iam.Options)) (*iam.GetPolicyOutput, error) {
	return &iam.GetPolicyOutput{Policy: &types.Policy{DefaultVersionId: sdk.String("v1")}}, nil
}

func (c *cloud) GetPolicyVersion(_ context.Context, in *iam.GetPolicyVersionInput, _ ...func(*iam.Options)) (*iam.GetPolicyVersionOutput, error) {
	if *in.VersionId != "v1" {
		return nil, fmt.Errorf("version %s was asked for", *in.VersionId)
	}
	return &iam.GetPolicyVersionOutput{PolicyVersion: &types.PolicyVersion{Document: sdk.String(url.QueryEscape(c.managed[*in.PolicyArn]))}}, nil
}
