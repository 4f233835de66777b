package eksapi

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/wire"
)

// associationsOf is the path of a cluster's EKS Pod Identity associations, or of one of them.
func associationsOf(cluster *string, id ...*string) []*string {
	return append([]*string{sdk.String("clusters"), cluster, sdk.String("pod-identity-associations")}, id...)
}

// association is an association as EKS describes it.
type association struct {
	types.PodIdentityAssociation
	CreatedAt  *wire.Time `json:"createdAt"`
	ModifiedAt *wire.Time `json:"modifiedAt"`
}

func (a *association) sdk() *types.PodIdentityAssociation {
	if a == nil {
		return nil
	}
	a.PodIdentityAssociation.CreatedAt, a.PodIdentityAssociation.ModifiedAt = moment(a.CreatedAt), moment(a.ModifiedAt)
	return &a.PodIdentityAssociation
}

// associated is the answer of the operations on one association.
type associated struct {
	Association *association `json:"association"`
}

// newAssociation is the body of CreatePodIdentityAssociation and of UpdatePodIdentityAssociation.
type newAssociation struct {
	Token     *string           `json:"clientRequestToken,omitempty"`
	NoTags    *bool             `json:"disableSessionTags,omitempty"`
	Namespace *string           `json:"namespace,omitempty"`
	Policy    *string           `json:"policy,omitempty"`
	Role      *string           `json:"roleArn,omitempty"`
	Account   *string           `json:"serviceAccount,omitempty"`
	Tags      map[string]string `json:"tags,omitempty"`
	Target    *string           `json:"targetRoleArn,omitempty"`
}

func token(given *string) *string {
	if given == nil {
		return sdk.String(rand.Text())
	}
	return given
}

// ListPodIdentityAssociations lists a cluster's associations, a page at a time.
func (c *Client) ListPodIdentityAssociations(ctx context.Context, in *eks.ListPodIdentityAssociationsInput, _ ...func(*eks.Options)) (*eks.ListPodIdentityAssociationsOutput, error) {
	query := page(in.MaxResults, in.NextToken)
	for name, value := range map[string]*string{"namespace": in.Namespace, "serviceAccount": in.ServiceAccount} {
		if value != nil {
			query.Set(name, *value)
		}
	}
	var got struct {
		Associations []types.PodIdentityAssociationSummary `json:"associations"`
		Next         *string                               `json:"nextToken"`
	}
	if err := c.get(ctx, "ListPodIdentityAssociations", query, &got, associationsOf(in.ClusterName)...); err != nil {
		return nil, err
	}
	return &eks.ListPodIdentityAssociationsOutput{Associations: got.Associations, NextToken: got.Next}, nil
}

// DescribePodIdentityAssociation looks an association up.
func (c *Client) DescribePodIdentityAssociation(ctx context.Context, in *eks.DescribePodIdentityAssociationInput, _ ...func(*eks.Options)) (*eks.DescribePodIdentityAssociationOutput, error) {
	got, err := c.associated(ctx, "DescribePodIdentityAssociation", http.MethodGet, nil, in.ClusterName, in.AssociationId)
	return &eks.DescribePodIdentityAssociationOutput{Association: got}, err
}

// CreatePodIdentityAssociation gives a ServiceAccount a role.
func (c *Client) CreatePodIdentityAssociation(ctx context.Context, in *eks.CreatePodIdentityAssociationInput, _ ...func(*eks.Options)) (*eks.CreatePodIdentityAssociationOutput, error) {
	got, err := c.associated(ctx, "CreatePodIdentityAssociation", http.MethodPost, &newAssociation{Token: token(in.ClientRequestToken), NoTags: in.DisableSessionTags,
		Namespace: in.Namespace, Policy: in.Policy, Role: in.RoleArn, Account: in.ServiceAccount, Tags: in.Tags, Target: in.TargetRoleArn}, in.ClusterName)
	return &eks.CreatePodIdentityAssociationOutput{Association: got}, err
}

// UpdatePodIdentityAssociation gives it another.
func (c *Client) UpdatePodIdentityAssociation(ctx context.Context, in *eks.UpdatePodIdentityAssociationInput, _ ...func(*eks.Options)) (*eks.UpdatePodIdentityAssociationOutput, error) {
	got, err := c.associated(ctx, "UpdatePodIdentityAssociation", http.MethodPost, &newAssociation{Token: token(in.ClientRequestToken), NoTags: in.DisableSessionTags,
		Policy: in.Policy, Role: in.RoleArn, Target: in.TargetRoleArn}, in.ClusterName, in.AssociationId)
	return &eks.UpdatePodIdentityAssociationOutput{Association: got}, err
}

// DeletePodIdentityAssociation takes the role away.
func (c *Client) DeletePodIdentityAssociation(ctx context.Context, in *eks.DeletePodIdentityAssociationInput, _ ...func(*eks.Options)) (*eks.DeletePodIdentityAssociationOutput, error) {
	got, err := c.associated(ctx, "DeletePodIdentityAssociation", http.MethodDelete, nil, in.ClusterName, in.AssociationId)
	return &eks.DeletePodIdentityAssociationOutput{Association: got}, err
}

func (c *Client) associated(ctx context.Context, operation, method string, body any, cluster *string, id ...*string) (*types.PodIdentityAssociation, error) {
	var got associated
	o := &wire.Call{Operation: operation, Method: method, Query: url.Values{}, In: body, Out: &got}
	if err := c.call(ctx, o, associationsOf(cluster, id...)...); err != nil {
		return nil, err
	}
	return got.Association.sdk(), nil
}
