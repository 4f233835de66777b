package verify

import (
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/fargate"
)

// AWS is what was seen of the AWS account that a cluster of EKS is in. It has no credential in it.
type AWS struct {
	// Elsewhere is why nothing was looked for: the cluster is none of EKS, as far as its kubeconfig says.
	Elsewhere string `json:"elsewhere,omitempty"`
	// Unknown says for parts that could not be looked at why not.
	Unknown map[AWSPart]string `json:"unknown,omitempty"`

	// Cluster, Region and Owner are the cluster's name, its region and its account, as the kubeconfig says.
	Cluster string `json:"cluster,omitempty"`
	Region  string `json:"region,omitempty"`
	Owner   string `json:"owner,omitempty"`
	// Account and Caller are whose credentials were used.
	Account string `json:"account,omitempty"`
	Caller  string `json:"caller,omitempty"`
	// Absent says that EKS has no such cluster; Endpoint is the address of its API server.
	Absent   bool   `json:"absent,omitempty"`
	Endpoint string `json:"endpoint,omitempty"`

	// Profiles are the Fargate profiles, Subnets those that they name.
	Profiles []fargate.Profile `json:"profiles,omitempty"`
	Subnets  []Subnet          `json:"subnets,omitempty"`
	// Nodes counts those that are not Fargate's; Nodemaker says what would make more when they are needed.
	Nodes     int    `json:"nodes,omitempty"`
	Nodemaker string `json:"nodemaker,omitempty"`
	// Group is the security group that EKS gives to the control plane and to pods on Fargate.
	Group *SecurityGroup `json:"group,omitempty"`

	// Image is the sensor's, if it is in ECR.
	Image *StoredImage `json:"image,omitempty"`
	// Read is an image in ECR that the injector has to read, if pods in question have one; Role are the links
	// between the injector and ECR.
	Read string     `json:"read,omitempty"`
	Role []RoleLink `json:"role,omitempty"`
}

// AWSPart is a part of what is looked at in AWS.
type AWSPart string

// The parts. Without a session nothing can be looked at.
const (
	AWSSession    AWSPart = "session"
	AWSCaller     AWSPart = "caller"
	AWSCluster    AWSPart = "cluster"
	AWSProfiles   AWSPart = "profiles"
	AWSSubnets    AWSPart = "subnets"
	AWSNodes      AWSPart = "nodes"
	AWSGroup      AWSPart = "group"
	AWSImage      AWSPart = "image"
	AWSPlatforms  AWSPart = "platforms"
	AWSRepository AWSPart = "repository"
	AWSRole       AWSPart = "role"
)

// Subnet is one that a Fargate profile names.
type Subnet struct {
	ID string `json:"id"`
	// Public says why pods on Fargate cannot be there; empty, they can.
	Public string `json:"public,omitempty"`
}

// SecurityGroup is a security group, as far as its rules let TCP through.
type SecurityGroup struct {
	ID  string `json:"id"`
	In  []Rule `json:"in"`
	Out []Rule `json:"out"`
}

// Rule lets the ports from From to To through, for a security group or for addresses.
type Rule struct {
	From int32 `json:"from"`
	To   int32 `json:"to"`
	// Groups are ids, Addresses are ranges or prefix lists.
	Groups    []string `json:"groups,omitempty"`
	Addresses []string `json:"addresses,omitempty"`
}

// StoredImage is an image in ECR, with what of its repository counts.
type StoredImage struct {
	// Image is the whole reference, Registry the host in it, Repository the name.
	Image      string `json:"image"`
	Registry   string `json:"registry"`
	Repository string `json:"repository"`
	// Region is the registry's, Owner its account.
	Region string `json:"region,omitempty"`
	Owner  string `json:"owner,omitempty"`
	// NoRepository and Absent say that the repository, or the image in it, is not there.
	NoRepository bool `json:"noRepository,omitempty"`
	Absent       bool `json:"absent,omitempty"`
	// Digest is the image's, Pushed when it came, Platforms what it is for.
	Digest    string    `json:"digest,omitempty"`
	Pushed    time.Time `json:"pushed,omitzero"`
	Platforms []string  `json:"platforms,omitempty"`
	// ImmutableTags and ScanOnPush are the repository's; Expires is why its lifecycle policy will let the image go.
	ImmutableTags bool   `json:"immutableTags,omitempty"`
	ScanOnPush    bool   `json:"scanOnPush,omitempty"`
	Expires       string `json:"expires,omitempty"`
}

// RoleLink is one of the links between the injector and ECR: its state is ok, broken or unknown.
type RoleLink struct {
	Name  string `json:"name"`
	State string `json:"state"`
	Why   string `json:"why"`
	Next  string `json:"next,omitempty"`
}
