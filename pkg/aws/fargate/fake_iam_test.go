package fargate

import (
	"context"
	"slices"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
)

func (c *cloud) role(name string) (*iamtypes.Role, error) {
	if r := c.roles[name]; r != nil {
		return r, nil
	}
	return nil, fault(codeNoEntity, "The role with name %s cannot be found.", name)
}

func (c *cloud) GetRole(_ context.Context, in *iam.GetRoleInput, _ ...func(*iam.Options)) (*iam.GetRoleOutput, error) {
	if err := c.called("GetRole", ""); err != nil {
		return nil, err
	}
	r, err := c.role(*in.RoleName)
	return &iam.GetRoleOutput{Role: r}, err
}

func (c *cloud) CreateRole(_ context.Context, in *iam.CreateRoleInput, _ ...func(*iam.Options)) (*iam.CreateRoleOutput, error) {
	if err := c.called("CreateRole", *in.RoleName); err != nil {
		return nil, err
	}
	r := &iamtypes.Role{RoleName: in.RoleName, Arn: sdk.String("arn:aws:iam::" + account + ":role/" + *in.RoleName), CreateDate: &c.now,
		AssumeRolePolicyDocument: in.AssumeRolePolicyDocument, Tags: in.Tags}
	made := c.now
	r.CreateDate = &made
	c.roles[*in.RoleName] = r
	return &iam.CreateRoleOutput{Role: r}, nil
}

func (c *cloud) DeleteRole(_ context.Context, in *iam.DeleteRoleInput, _ ...func(*iam.Options)) (*iam.DeleteRoleOutput, error) {
	if err := c.called("DeleteRole", *in.RoleName); err != nil {
		return nil, err
	}
	if len(c.attached[*in.RoleName]) > 0 {
		return nil, fault("DeleteConflict", "Cannot delete entity, must detach all policies first.")
	}
	_, err := c.role(*in.RoleName)
	delete(c.roles, *in.RoleName)
	return &iam.DeleteRoleOutput{}, err
}

func (c *cloud) ListAttachedRolePolicies(_ context.Context, in *iam.ListAttachedRolePoliciesInput, _ ...func(*iam.Options)) (*iam.ListAttachedRolePoliciesOutput, error) {
	out := &iam.ListAttachedRolePoliciesOutput{}
	for _, arn := range c.attached[*in.RoleName] {
		out.AttachedPolicies = append(out.AttachedPolicies, iamtypes.AttachedPolicy{PolicyArn: sdk.String(arn)})
	}
	return out, c.called("ListAttachedRolePolicies", "")
}

func (c *cloud) AttachRolePolicy(_ context.Context, in *iam.AttachRolePolicyInput, _ ...func(*iam.Options)) (*iam.AttachRolePolicyOutput, error) {
	if err := c.called("AttachRolePolicy", *in.RoleName); err != nil {
		return nil, err
	}
	c.attached[*in.RoleName] = append(c.attached[*in.RoleName], *in.PolicyArn)
	return &iam.AttachRolePolicyOutput{}, nil
}

func (c *cloud) DetachRolePolicy(_ context.Context, in *iam.DetachRolePolicyInput, _ ...func(*iam.Options)) (*iam.DetachRolePolicyOutput, error) {
	if err := c.called("DetachRolePolicy", *in.RoleName); err != nil {
		return nil, err
	}
	c.attached[*in.RoleName] = slices.DeleteFunc(c.attached[*in.RoleName], func(arn string) bool { return arn == *in.PolicyArn })
	return &iam.DetachRolePolicyOutput{}, nil
}
