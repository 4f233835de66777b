package iamapi

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
)

// ListRolePolicies lists the policies that are in a role, a page at a time.
func (c *Client) ListRolePolicies(ctx context.Context, in *iam.ListRolePoliciesInput, _ ...func(*iam.Options)) (*iam.ListRolePoliciesOutput, error) {
	got, err := call[struct {
		PolicyNames *list[string]
		IsTruncated bool
		Marker      *string
	}](ctx, c, "ListRolePolicies", in)
	if err != nil {
		return nil, err
	}
	return &iam.ListRolePoliciesOutput{PolicyNames: got.PolicyNames.slice(), IsTruncated: got.IsTruncated, Marker: got.Marker}, nil
}

// GetRolePolicy gets a policy that is in a role.
func (c *Client) GetRolePolicy(ctx context.Context, in *iam.GetRolePolicyInput, _ ...func(*iam.Options)) (*iam.GetRolePolicyOutput, error) {
	got, err := call[struct{ PolicyDocument, PolicyName, RoleName *string }](ctx, c, "GetRolePolicy", in)
	if err != nil {
		return nil, err
	}
	return &iam.GetRolePolicyOutput{PolicyDocument: got.PolicyDocument, PolicyName: got.PolicyName, RoleName: got.RoleName}, nil
}

// PutRolePolicy puts a policy into a role.
func (c *Client) PutRolePolicy(ctx context.Context, in *iam.PutRolePolicyInput, _ ...func(*iam.Options)) (*iam.PutRolePolicyOutput, error) {
	if _, err := call[none](ctx, c, "PutRolePolicy", in); err != nil {
		return nil, err
	}
	return &iam.PutRolePolicyOutput{}, nil
}

// DeleteRolePolicy takes a policy out of a role.
func (c *Client) DeleteRolePolicy(ctx context.Context, in *iam.DeleteRolePolicyInput, _ ...func(*iam.Options)) (*iam.DeleteRolePolicyOutput, error) {
	if _, err := call[none](ctx, c, "DeleteRolePolicy", in); err != nil {
		return nil, err
	}
	return &iam.DeleteRolePolicyOutput{}, nil
}

// ListAttachedRolePolicies lists the policies that are attached to a role, a page at a time.
func (c *Client) ListAttachedRolePolicies(ctx context.Context, in *iam.ListAttachedRolePoliciesInput, _ ...func(*iam.Options)) (*iam.ListAttachedRolePoliciesOutput, error) {
	got, err := call[struct {
		AttachedPolicies *list[types.AttachedPolicy]
		IsTruncated      bool
		Marker           *string
	}](ctx, c, "ListAttachedRolePolicies", in)
	if err != nil {
		return nil, err
	}
	return &iam.ListAttachedRolePoliciesOutput{AttachedPolicies: got.AttachedPolicies.slice(), IsTruncated: got.IsTruncated, Marker: got.Marker}, nil
}

// AttachRolePolicy attaches a policy to a role.
func (c *Client) AttachRolePolicy(ctx context.Context, in *iam.AttachRolePolicyInput, _ ...func(*iam.Options)) (*iam.AttachRolePolicyOutput, error) {
	if _, err := call[none](ctx, c, "AttachRolePolicy", in); err != nil {
		return nil, err
	}
	return &iam.AttachRolePolicyOutput{}, nil
}

// DetachRolePolicy detaches a policy from a role.
func (c *Client) DetachRolePolicy(ctx context.Context, in *iam.DetachRolePolicyInput, _ ...func(*iam.Options)) (*iam.DetachRolePolicyOutput, error) {
	if _, err := call[none](ctx, c, "DetachRolePolicy", in); err != nil {
		return nil, err
	}
	return &iam.DetachRolePolicyOutput{}, nil
}

// GetPolicy looks a policy up that can be attached.
func (c *Client) GetPolicy(ctx context.Context, in *iam.GetPolicyInput, _ ...func(*iam.Options)) (*iam.GetPolicyOutput, error) {
	got, err := call[struct{ Policy *policy }](ctx, c, "GetPolicy", in)
	if err != nil {
		return nil, err
	}
	return &iam.GetPolicyOutput{Policy: got.Policy.sdk()}, nil
}

// GetPolicyVersion gets a version of a policy that can be attached, with what it says.
func (c *Client) GetPolicyVersion(ctx context.Context, in *iam.GetPolicyVersionInput, _ ...func(*iam.Options)) (*iam.GetPolicyVersionOutput, error) {
	got, err := call[struct{ PolicyVersion *types.PolicyVersion }](ctx, c, "GetPolicyVersion", in)
	if err != nil {
		return nil, err
	}
	return &iam.GetPolicyVersionOutput{PolicyVersion: got.PolicyVersion}, nil
}
