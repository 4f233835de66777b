package ecr

import (
	"context"
	"errors"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
)

// ErrNoRepository is that a registry has no such repository.
var ErrNoRepository = errors.New("there is no such repository")

// Find looks one image up by its tag or digest, in the registry of an account; empty, it is the caller's. It is
// nil if there is none, and the error ErrNoRepository if there is no such repository.
func (c *Client) Find(ctx context.Context, registry, name, image string) (*Image, error) {
	id := imageID{Tag: image}
	if digestForm().MatchString(image) {
		id = imageID{Digest: image}
	}
	found, err := c.describe(ctx, describeImages{Registry: registry, Name: name, IDs: []imageID{id}})
	switch {
	case aws.Code(err) == codeNoImage || err == nil && len(found) == 0:
		return nil, nil
	case aws.Code(err) == codeNoRepository:
		return nil, ErrNoRepository
	case err != nil:
		return nil, c.session.Explain(ctx, "look at "+name+sign(image)+image, err)
	}
	return &found[0], nil
}

// Settings are a repository's in the registry of an account, and its lifecycle policy or nothing.
func (c *Client) Settings(ctx context.Context, registry, name string) (Repository, string, error) {
	answer := repositories{}
	err := c.api.Call(ctx, "DescribeRepositories", describeRepositories{registry, []string{name}}, &answer)
	if aws.Code(err) == codeNoRepository || err == nil && len(answer.Repositories) == 0 {
		return Repository{}, "", ErrNoRepository
	}
	if err != nil {
		return Repository{}, "", c.session.Explain(ctx, "look at the repository "+name, err)
	}
	policy := lifecyclePolicy{}
	err = c.api.Call(ctx, "GetLifecyclePolicy", ofRegistry{registry, name}, &policy)
	if err != nil && aws.Code(err) != codeNoLifecycle {
		return Repository{}, "", c.session.Explain(ctx, "read the lifecycle policy of "+name, err)
	}
	return answer.Repositories[0].read(), policy.Text, nil
}

// Others are all images of a repository in the registry of an account, the newest first.
func (c *Client) Others(ctx context.Context, registry, name string) ([]Image, error) {
	all, err := c.describe(ctx, describeImages{Registry: registry, Name: name})
	if err != nil {
		return nil, c.imageTrouble(ctx, "list the images of "+name, name, err)
	}
	return all, nil
}
