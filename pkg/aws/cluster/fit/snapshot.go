package fit

import (
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/ec2query"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/fargate"
)

// Snapshot is all that the judgement is made of. What could not be asked is nil, and Unknown says why.
type Snapshot struct {
	Cluster Cluster
	// Versions are those of Kubernetes that EKS offers.
	Versions []Version
	// Profiles are the Fargate profiles.
	Profiles []fargate.Profile
	// Groups are the names of groups of nodes.
	Groups []string
	// Subnets are those of the profiles, or of the cluster if there are none, with the VPC's route tables.
	Subnets []ec2query.Subnet
	Tables  []ec2query.RouteTable
	// Provider says whether IAM has the cluster's OIDC provider.
	Provider *bool
	// Inside is what Kubernetes says.
	Inside *Inside
	// Unknown says why something could not be asked.
	Unknown map[Part]error
}

// Part is a part of the snapshot that is asked for on its own.
type Part string

// The parts.
const (
	PartVersions Part = "versions"
	PartProfiles Part = "profiles"
	PartGroups   Part = "groups"
	PartNetwork  Part = "network"
	PartProvider Part = "provider"
	PartInside   Part = "inside"
)

// Cluster is the cluster as EKS describes it.
type Cluster struct {
	Name, Region, ARN, Status, Version string
	VPC                                string
	Subnets                            []string
	// Issuer is the URL of the cluster's OIDC issuer.
	Issuer string
	// Public and Private say from where the API server can be reached, CIDRs from which public addresses.
	Public, Private bool
	CIDRs           []string
	// Issues are what EKS says is wrong with it.
	Issues []string
	// AutoMode says that EKS makes nodes itself.
	AutoMode bool
	// Endpoint is the address of the API server, Group the security group that EKS gives the control plane and
	// pods on Fargate.
	Endpoint, Group string
}

// Version is a version of Kubernetes that EKS offers.
type Version struct {
	Version string
	// Status is STANDARD_SUPPORT, EXTENDED_SUPPORT or UNSUPPORTED.
	Status string
	// StandardEnd and ExtendedEnd are the ends of the two.
	StandardEnd, ExtendedEnd time.Time
}

// Inside is what of the cluster Kubernetes knows.
type Inside struct {
	// Nodes are those that are not Fargate's.
	Nodes int
	// DNS is CoreDNS, nil if there is no such deployment.
	DNS *DNS
}

// DNS is the deployment of CoreDNS.
type DNS struct {
	// Labels are those of its pods, Compute is their annotation for the kind of compute.
	Labels  map[string]string
	Compute string
	// Wanted and Ready are replicas.
	Wanted, Ready int32
	// Trouble is why a pod does not come up.
	Trouble string
}
