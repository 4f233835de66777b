package iamapi

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
)

// GetRole looks a role up.
func (c *Client) GetRole(ctx context.Context, in *iam.GetRoleInput, _ ...func(*iam.Options)) (*iam.GetRoleOutput, error) {
	got, err := call[struct{ Role *role }](ctx, c, "GetRole", in)
	if err != nil {
		return nil, err
	}
	return &iam.GetRoleOutput{Role: got.Role.sdk()}, nil
}

// ListRoles lists the roles, a page at a time.
func (c *Client) ListRoles(ctx context.Context, in *iam.ListRolesInput, _ ...func(*iam.Options)) (*iam.ListRolesOutput, error) {
	got, err := call[struct {
		Roles       *list[role]
		IsTruncated bool
		Marker      *string
	}](ctx, c, "ListRoles", in)
	if err != nil {
		return nil, err
	}
	out := &iam.ListRolesOutput{IsTruncated: got.IsTruncated, Marker: got.Marker}
	if got.Roles != nil {
		out.Roles = make([]types.Role, 0, len(got.Roles.Members))
		for n := range got.Roles.Members {
			out.Roles = append(out.Roles, *got.Roles.Members[n].sdk())
		}
	}
	return out, nil
}

// CreateRole makes a role.
func (c *Client) CreateRole(ctx context.Context, in *iam.CreateRoleInput, _ ...func(*iam.Options)) (*iam.CreateRoleOutput, error) {
	got, err := call[struct{ Role *role }](ctx, c, "CreateRole", in)
	if err != nil {
		return nil, err
	}
	return &iam.CreateRoleOutput{Role: got.Role.sdk()}, nil
}

// UpdateAssumeRolePolicy changes whom a role trusts.
func (c *Client) UpdateAssumeRolePolicy(ctx context.Context, in *iam.UpdateAssumeRolePolicyInput, _ ...func(*iam.Options)) (*iam.UpdateAssumeRolePolicyOutput, error) {
	if _, err := call[none](ctx, c, "UpdateAssumeRolePolicy", in); err != nil {
		return nil, err
	}
	return &iam.UpdateAssumeRolePolicyOutput{}, nil
}

// DeleteRole deletes a role.
func (c *Client) DeleteRole(ctx context.Context, in *iam.DeleteRoleInput, _ ...func(*iam.Options)) (*iam.DeleteRoleOutput, error) {
	if _, err := call[none](ctx, c, "DeleteRole", in); err != nil {
		return nil, err
	}
	return &iam.DeleteRoleOutput{}, nil
}
