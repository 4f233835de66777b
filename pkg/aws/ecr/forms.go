package ecr

import "github.com/kubectl-falcon/kubectl-falcon/pkg/aws/wire"

// What is sent and what comes back, as far as it is used (ECR API reference). Fields have ECR's names there.

const (
	immutable, mutable           = "IMMUTABLE", "MUTABLE"
	encryptionAES, encryptionKMS = "AES256", "KMS"
)

type named struct {
	Name string `json:"repositoryName"`
}

// Registry is the account that the registry is of; empty, it is the caller's.
type describeRepositories struct {
	Registry string   `json:"registryId,omitempty"`
	Names    []string `json:"repositoryNames"`
}

type listRepositories struct {
	Next string `json:"nextToken,omitempty"`
}

type repositories struct {
	Repositories []repository `json:"repositories"`
	Next         string       `json:"nextToken"`
}

type repository struct {
	Name       string      `json:"repositoryName"`
	URI        string      `json:"repositoryUri"`
	ARN        string      `json:"repositoryArn"`
	Mutability string      `json:"imageTagMutability"`
	Scan       *scanning   `json:"imageScanningConfiguration"`
	Encryption *encryption `json:"encryptionConfiguration"`
	Created    wire.Time   `json:"createdAt"`
}

type scanning struct {
	OnPush bool `json:"scanOnPush"`
}

type encryption struct {
	Type string `json:"encryptionType"`
	Key  string `json:"kmsKey,omitempty"`
}

type tag struct {
	Key   string `json:"Key"`
	Value string `json:"Value"`
}

type listTags struct {
	ARN string `json:"resourceArn"`
}

type tagList struct {
	Tags []tag `json:"tags"`
}

type createRepository struct {
	Name       string     `json:"repositoryName"`
	Mutability string     `json:"imageTagMutability"`
	Scan       scanning   `json:"imageScanningConfiguration"`
	Encryption encryption `json:"encryptionConfiguration"`
	Tags       []tag      `json:"tags"`
}

type createdRepository struct {
	Repository repository `json:"repository"`
}

type putMutability struct {
	Name       string `json:"repositoryName"`
	Mutability string `json:"imageTagMutability"`
}

type putScanning struct {
	Name string   `json:"repositoryName"`
	Scan scanning `json:"imageScanningConfiguration"`
}

type ofRegistry struct {
	Registry string `json:"registryId,omitempty"`
	Name     string `json:"repositoryName"`
}

type putLifecycle struct {
	Name string `json:"repositoryName"`
	Text string `json:"lifecyclePolicyText"`
}

type lifecyclePolicy struct {
	Text string `json:"lifecyclePolicyText"`
}

type setPolicy struct {
	Name string `json:"repositoryName"`
	Text string `json:"policyText"`
}

type policyText struct {
	Text string `json:"policyText"`
}

type deleteRepository struct {
	Name  string `json:"repositoryName"`
	Force bool   `json:"force"`
}

type imageID struct {
	Digest string `json:"imageDigest,omitempty"`
	Tag    string `json:"imageTag,omitempty"`
}

// describeImages is also what BatchDeleteImage takes.
type describeImages struct {
	Registry string    `json:"registryId,omitempty"`
	Name     string    `json:"repositoryName"`
	IDs      []imageID `json:"imageIds,omitempty"`
	Next     string    `json:"nextToken,omitempty"`
}

type imagePage struct {
	Images []imageDetail `json:"imageDetails"`
	Next   string        `json:"nextToken"`
}

type imageDetail struct {
	Digest    string    `json:"imageDigest"`
	Tags      []string  `json:"imageTags"`
	Size      int64     `json:"imageSizeInBytes"`
	Pushed    wire.Time `json:"imagePushedAt"`
	MediaType string    `json:"imageManifestMediaType"`
	Scan      *struct {
		Counts map[string]int32 `json:"findingSeverityCounts"`
	} `json:"imageScanFindingsSummary"`
}

type deletedImages struct {
	Failures []struct {
		Code   string `json:"failureCode"`
		Reason string `json:"failureReason"`
	} `json:"failures"`
}

type authorization struct {
	Data []struct {
		Token    string    `json:"authorizationToken"`
		Expires  wire.Time `json:"expiresAt"`
		Endpoint string    `json:"proxyEndpoint"`
	} `json:"authorizationData"`
}
