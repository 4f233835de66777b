package eksapi

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/wire"
)

// The SDK's types are named as EKS names its fields, but for the case of the first letter, which encoding/json does
// not mind. Moments are what it cannot read into them, so that those are read beside.

func moment(t *wire.Time) *time.Time {
	if t == nil {
		return nil
	}
	return &t.Time
}

// cluster is a cluster as EKS describes it.
type cluster struct {
	types.Cluster
	CreatedAt *wire.Time `json:"createdAt"`
	Connector *connector `json:"connectorConfig"`
}

type connector struct {
	types.ConnectorConfigResponse
	ActivationExpiry *wire.Time `json:"activationExpiry"`
}

func (c *cluster) sdk() *types.Cluster {
	if c == nil {
		return nil
	}
	c.Cluster.CreatedAt = moment(c.CreatedAt)
	if c.Connector != nil {
		c.Connector.ConnectorConfigResponse.ActivationExpiry = moment(c.Connector.ActivationExpiry)
		c.ConnectorConfig = &c.Connector.ConnectorConfigResponse
	}
	return &c.Cluster
}

// profile is a Fargate profile as EKS describes it.
type profile struct {
	types.FargateProfile
	CreatedAt *wire.Time `json:"createdAt"`
}

func (p *profile) sdk() *types.FargateProfile {
	if p == nil {
		return nil
	}
	p.FargateProfile.CreatedAt = moment(p.CreatedAt)
	return &p.FargateProfile
}

// version is a version of Kubernetes as EKS describes it.
type version struct {
	types.ClusterVersionInformation
	ReleaseDate              *wire.Time `json:"releaseDate"`
	EndOfStandardSupportDate *wire.Time `json:"endOfStandardSupportDate"`
	EndOfExtendedSupportDate *wire.Time `json:"endOfExtendedSupportDate"`
}

func (v *version) sdk() types.ClusterVersionInformation {
	out := v.ClusterVersionInformation
	out.ReleaseDate = moment(v.ReleaseDate)
	out.EndOfStandardSupportDate = moment(v.EndOfStandardSupportDate)
	out.EndOfExtendedSupportDate = moment(v.EndOfExtendedSupportDate)
	return out
}

// newProfile is the body of CreateFargateProfile.
type newProfile struct {
	Token     *string           `json:"clientRequestToken,omitempty"`
	Name      *string           `json:"fargateProfileName,omitempty"`
	Role      *string           `json:"podExecutionRoleArn,omitempty"`
	Selectors []selector        `json:"selectors,omitempty"`
	Subnets   []string          `json:"subnets,omitempty"`
	Tags      map[string]string `json:"tags,omitempty"`
}

type selector struct {
	Labels    map[string]string `json:"labels,omitempty"`
	Namespace *string           `json:"namespace,omitempty"`
}
