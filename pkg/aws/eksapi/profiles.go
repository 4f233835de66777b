package eksapi

import (
	"context"
	"crypto/rand"
	"net/http"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/wire"
)

// profilesOf is the path of a cluster's Fargate profiles, or of one of them.
func profilesOf(cluster *string, name ...*string) []*string {
	return append([]*string{sdk.String("clusters"), cluster, sdk.String("fargate-profiles")}, name...)
}

// described is the answer of the operations on one profile.
type described struct {
	Profile *profile `json:"fargateProfile"`
}

// ListFargateProfiles lists the names of a cluster's Fargate profiles, a page at a time.
func (c *Client) ListFargateProfiles(ctx context.Context, in *eks.ListFargateProfilesInput, _ ...func(*eks.Options)) (*eks.ListFargateProfilesOutput, error) {
	var got struct {
		Names []string `json:"fargateProfileNames"`
		Next  *string  `json:"nextToken"`
	}
	if err := c.get(ctx, "ListFargateProfiles", page(in.MaxResults, in.NextToken), &got, profilesOf(in.ClusterName)...); err != nil {
		return nil, err
	}
	return &eks.ListFargateProfilesOutput{FargateProfileNames: got.Names, NextToken: got.Next}, nil
}

// DescribeFargateProfile looks a Fargate profile up.
func (c *Client) DescribeFargateProfile(ctx context.Context, in *eks.DescribeFargateProfileInput, _ ...func(*eks.Options)) (*eks.DescribeFargateProfileOutput, error) {
	var got described
	if err := c.get(ctx, "DescribeFargateProfile", nil, &got, profilesOf(in.ClusterName, in.FargateProfileName)...); err != nil {
		return nil, err
	}
	return &eks.DescribeFargateProfileOutput{FargateProfile: got.Profile.sdk()}, nil
}

// CreateFargateProfile makes a Fargate profile. A request that is tried again has the same token, by which EKS
// knows it; without one in the input it is a new one for each call.
func (c *Client) CreateFargateProfile(ctx context.Context, in *eks.CreateFargateProfileInput, _ ...func(*eks.Options)) (*eks.CreateFargateProfileOutput, error) {
	body := newProfile{Token: in.ClientRequestToken, Name: in.FargateProfileName, Role: in.PodExecutionRoleArn, Subnets: in.Subnets, Tags: in.Tags}
	if body.Token == nil {
		body.Token = sdk.String(rand.Text())
	}
	for _, s := range in.Selectors {
		body.Selectors = append(body.Selectors, selector{Labels: s.Labels, Namespace: s.Namespace})
	}
	var got described
	o := &wire.Call{Operation: "CreateFargateProfile", Method: http.MethodPost, In: body, Out: &got}
	if err := c.call(ctx, o, profilesOf(in.ClusterName)...); err != nil {
		return nil, err
	}
	return &eks.CreateFargateProfileOutput{FargateProfile: got.Profile.sdk()}, nil
}

// DeleteFargateProfile begins to delete a Fargate profile.
func (c *Client) DeleteFargateProfile(ctx context.Context, in *eks.DeleteFargateProfileInput, _ ...func(*eks.Options)) (*eks.DeleteFargateProfileOutput, error) {
	var got described
	o := &wire.Call{Operation: "DeleteFargateProfile", Method: http.MethodDelete, Out: &got}
	if err := c.call(ctx, o, profilesOf(in.ClusterName, in.FargateProfileName)...); err != nil {
		return nil, err
	}
	return &eks.DeleteFargateProfileOutput{FargateProfile: got.Profile.sdk()}, nil
}
