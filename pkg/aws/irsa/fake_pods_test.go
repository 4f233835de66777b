package irsa

import (
	"context"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/smithy-go"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/fargate"
)

// pods are what the cloud has for EKS Pod Identity.
type pods struct {
	addons       []string
	profiles     []fargate.Profile
	associations map[string]*ekstypes.PodIdentityAssociation
	// blind is how often EKS does not know the role yet.
	blind int
}

// noTime is a clock on which sleeping takes no time.
type noTime struct{ now time.Time }

func (c *noTime) Now() time.Time { return c.now }
func (c *noTime) Sleep(_ context.Context, d time.Duration) error {
	c.now = c.now.Add(d)
	return nil
}

func (c *cloud) onNodes() *Account {
	a := c.account()
	a.Clock = &noTime{}
	a.Profiles = func(context.Context, string) ([]fargate.Profile, error) {
		return c.pods.profiles, c.refuse["ListFargateProfiles"]
	}
	return a
}

func (c *cloud) ListAddons(context.Context, *eks.ListAddonsInput, ...func(*eks.Options)) (*eks.ListAddonsOutput, error) {
	return &eks.ListAddonsOutput{Addons: c.pods.addons}, c.call("ListAddons", false)
}

func (c *cloud) ListPodIdentityAssociations(_ context.Context, in *eks.ListPodIdentityAssociationsInput, _ ...func(*eks.Options)) (*eks.ListPodIdentityAssociationsOutput, error) {
	out := &eks.ListPodIdentityAssociationsOutput{}
	if one := c.pods.associations[*in.Namespace+"/"+*in.ServiceAccount]; one != nil {
		out.Associations = append(out.Associations, ekstypes.PodIdentityAssociationSummary{AssociationId: one.AssociationId})
	}
	return out, c.call("ListPodIdentityAssociations", false)
}

func (c *cloud) DescribePodIdentityAssociation(_ context.Context, in *eks.DescribePodIdentityAssociationInput, _ ...func(*eks.Options)) (*eks.DescribePodIdentityAssociationOutput, error) {
	return &eks.DescribePodIdentityAssociationOutput{Association: c.pods.associations[*in.AssociationId]}, c.call("DescribePodIdentityAssociation", false)
}

// seen says that EKS knows the role by now.
func (c *cloud) seen(arn string) error {
	if c.pods.blind > 0 || c.roles[arn[strings.LastIndexByte(arn, '/')+1:]] == nil {
		c.pods.blind--
		return &smithy.GenericAPIError{Code: "InvalidParameterException", Message: "Trust policy of the role provided is invalid."}
	}
	return nil
}

func (c *cloud) CreatePodIdentityAssociation(_ context.Context, in *eks.CreatePodIdentityAssociationInput, _ ...func(*eks.Options)) (*eks.CreatePodIdentityAssociationOutput, error) {
	if err := c.seen(*in.RoleArn); err != nil {
		return nil, err
	}
	if err := c.call("CreatePodIdentityAssociation", true); err != nil {
		return nil, err
	}
	id := *in.Namespace + "/" + *in.ServiceAccount
	if c.pods.associations[id] != nil {
		return nil, fault("ResourceInUseException")
	}
	if c.pods.associations == nil {
		c.pods.associations = map[string]*ekstypes.PodIdentityAssociation{}
	}
	c.pods.associations[id] = &ekstypes.PodIdentityAssociation{AssociationId: sdk.String(id), RoleArn: in.RoleArn, Tags: in.Tags}
	return &eks.CreatePodIdentityAssociationOutput{}, nil
}

func (c *cloud) UpdatePodIdentityAssociation(_ context.Context, in *eks.UpdatePodIdentityAssociationInput, _ ...func(*eks.Options)) (*eks.UpdatePodIdentityAssociationOutput, error) {
	if err := c.seen(*in.RoleArn); err != nil {
		return nil, err
	}
	c.pods.associations[*in.AssociationId].RoleArn = in.RoleArn
	return &eks.UpdatePodIdentityAssociationOutput{}, c.call("UpdatePodIdentityAssociation", true)
}

func (c *cloud) DeletePodIdentityAssociation(_ context.Context, in *eks.DeletePodIdentityAssociationInput, _ ...func(*eks.Options)) (*eks.DeletePodIdentityAssociationOutput, error) {
	delete(c.pods.associations, *in.AssociationId)
	return &eks.DeletePodIdentityAssociationOutput{}, c.call("DeletePodIdentityAssociation", true)
}
