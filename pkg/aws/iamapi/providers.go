package iamapi

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// GetOpenIDConnectProvider looks an OIDC provider up.
func (c *Client) GetOpenIDConnectProvider(ctx context.Context, in *iam.GetOpenIDConnectProviderInput, _ ...func(*iam.Options)) (*iam.GetOpenIDConnectProviderOutput, error) {
	got, err := call[struct {
		ClientIDList, ThumbprintList *list[string]
		CreateDate                   *time.Time
		Tags                         tags
		URL                          *string `xml:"Url"`
	}](ctx, c, "GetOpenIDConnectProvider", in)
	if err != nil {
		return nil, err
	}
	return &iam.GetOpenIDConnectProviderOutput{ClientIDList: got.ClientIDList.slice(), ThumbprintList: got.ThumbprintList.slice(),
		CreateDate: got.CreateDate, Tags: got.Tags.slice(), Url: got.URL}, nil
}

// CreateOpenIDConnectProvider makes an OIDC provider.
func (c *Client) CreateOpenIDConnectProvider(ctx context.Context, in *iam.CreateOpenIDConnectProviderInput, _ ...func(*iam.Options)) (*iam.CreateOpenIDConnectProviderOutput, error) {
	got, err := call[struct {
		ARN  *string `xml:"OpenIDConnectProviderArn"`
		Tags tags
	}](ctx, c, "CreateOpenIDConnectProvider", in)
	if err != nil {
		return nil, err
	}
	return &iam.CreateOpenIDConnectProviderOutput{OpenIDConnectProviderArn: got.ARN, Tags: got.Tags.slice()}, nil
}

// AddClientIDToOpenIDConnectProvider lets an OIDC provider take tokens for another audience.
func (c *Client) AddClientIDToOpenIDConnectProvider(ctx context.Context, in *iam.AddClientIDToOpenIDConnectProviderInput, _ ...func(*iam.Options)) (*iam.AddClientIDToOpenIDConnectProviderOutput, error) {
	if _, err := call[none](ctx, c, "AddClientIDToOpenIDConnectProvider", in); err != nil {
		return nil, err
	}
	return &iam.AddClientIDToOpenIDConnectProviderOutput{}, nil
}

// DeleteOpenIDConnectProvider deletes an OIDC provider.
func (c *Client) DeleteOpenIDConnectProvider(ctx context.Context, in *iam.DeleteOpenIDConnectProviderInput, _ ...func(*iam.Options)) (*iam.DeleteOpenIDConnectProviderOutput, error) {
	if _, err := call[none](ctx, c, "DeleteOpenIDConnectProvider", in); err != nil {
		return nil, err
	}
	return &iam.DeleteOpenIDConnectProviderOutput{}, nil
}
