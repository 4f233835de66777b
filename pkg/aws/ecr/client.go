package ecr

import (
	"context"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/wire"
)

// API calls an operation of ECR. in and out are what JSON is made of and read into.
type API interface {
	Call(ctx context.Context, operation string, in, out any) error
}

// api is ECR itself.
type api struct{ wire *wire.Client }

// Connect makes the API of a session.
func Connect(s *aws.Session) API {
	return api{wire.New(wire.Service{ID: "ECR", Signs: "ecr", Host: "api.ecr", FIPS: "ecr-fips", Dual: "ecr"}, s.Wire("ECR"))}
}

// Call implements API.
func (a api) Call(ctx context.Context, operation string, in, out any) error {
	return a.wire.JSON(ctx, "AmazonEC2ContainerRegistry_V20150921", operation, in, out)
}

// The codes of ECR's answers that are no failure here (ECR API reference, "Errors" of each action).
const (
	codeNoRepository = "RepositoryNotFoundException"
	codeExists       = "RepositoryAlreadyExistsException"
	codeNotEmpty     = "RepositoryNotEmptyException"
	codeNoImage      = "ImageNotFoundException"
	codeNoLifecycle  = "LifecyclePolicyNotFoundException"
	codeNoPolicy     = "RepositoryPolicyNotFoundException"
)

// Client does things in the registry of an account in a region.
type Client struct {
	api     API
	session *aws.Session
	report  aws.Reporter
}

// New makes a client. report may be nil.
func New(session *aws.Session, api API, report aws.Reporter) *Client {
	if report == nil {
		report = func(aws.Event) {}
	}
	return &Client{api: api, session: session, report: report}
}

// Repository is a repository as it is.
type Repository struct {
	Name string `json:"name"`
	// URI is what images in it begin with, ARN how policies name it.
	URI string `json:"uri"`
	ARN string `json:"arn"`
	// ImmutableTags says that no tag can be moved, ScanOnPush that images are scanned when they come.
	ImmutableTags bool `json:"immutableTags"`
	ScanOnPush    bool `json:"scanOnPush"`
	// Encryption is AES256, KMS or KMS_DSSE; Key is the one of KMS.
	Encryption string    `json:"encryption"`
	Key        string    `json:"kmsKey,omitempty"`
	Created    time.Time `json:"createdAt"`
	// Owned says that we made it.
	Owned bool `json:"madeByKubectlFalcon"`
}

// find returns a repository, or nil if there is none of that name. It says who made it only if asked, since
// that is another call.
func (c *Client) find(ctx context.Context, name string, whose bool) (*Repository, error) {
	doing := "look for the repository " + name
	answer := repositories{}
	err := c.api.Call(ctx, "DescribeRepositories", describeRepositories{Names: []string{name}}, &answer)
	if aws.Code(err) == codeNoRepository {
		return nil, nil
	}
	if err != nil {
		return nil, c.session.Explain(ctx, doing, err)
	}
	for n := range answer.Repositories {
		if answer.Repositories[n].Name != name {
			continue
		}
		found := answer.Repositories[n].read()
		if whose {
			if found.Owned, err = c.owned(ctx, found.ARN); err != nil {
				return nil, c.session.Explain(ctx, "see who made the repository "+name, err)
			}
		}
		return &found, nil
	}
	return nil, nil
}

// Names lists the names of the repositories.
func (c *Client) Names(ctx context.Context) (names []string, err error) {
	for in := (listRepositories{}); ; {
		answer := repositories{}
		if err := c.api.Call(ctx, "DescribeRepositories", in, &answer); err != nil {
			return nil, c.session.Explain(ctx, "list the repositories", err)
		}
		for n := range answer.Repositories {
			names = append(names, answer.Repositories[n].Name)
		}
		if answer.Next == "" || answer.Next == in.Next {
			return names, nil
		}
		in.Next = answer.Next
	}
}

func (c *Client) owned(ctx context.Context, arn string) (bool, error) {
	answer := tagList{}
	if err := c.api.Call(ctx, "ListTagsForResource", listTags{arn}, &answer); err != nil {
		return false, err
	}
	tags := map[string]string{}
	for _, t := range answer.Tags {
		tags[t.Key] = t.Value
	}
	return aws.Owned(tags), nil
}

func (r *repository) read() Repository {
	found := Repository{Name: r.Name, URI: r.URI, ARN: r.ARN, ImmutableTags: r.Mutability == immutable, Encryption: encryptionAES, Created: r.Created.Time}
	if r.Scan != nil {
		found.ScanOnPush = r.Scan.OnPush
	}
	if r.Encryption != nil {
		found.Encryption, found.Key = r.Encryption.Type, r.Encryption.Key
	}
	return found
}
