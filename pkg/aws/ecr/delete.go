package ecr

import (
	"context"
	"fmt"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// Removal is a plan to delete a repository.
type Removal struct {
	// Repository is what is there now; nil if nothing is, and then there is nothing to do.
	Repository *Repository `json:"repository,omitempty"`
	Images     int         `json:"images"`
	Steps      []aws.Step  `json:"steps"`
	Change     aws.Change  `json:"change"`
	DryRun     bool        `json:"dryRun"`

	force bool
}

// PlanRemoval looks at what deleting a repository would do. It refuses one that has images, and one that
// somebody else made, unless force is given.
func (c *Client) PlanRemoval(ctx context.Context, name string, force bool) (*Removal, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	r := &Removal{Steps: []aws.Step{}, Change: aws.Unchanged, force: force}
	var err error
	if r.Repository, err = c.find(ctx, name, true); err != nil || r.Repository == nil {
		return r, err
	}
	all, err := c.imagesOf(ctx, name)
	if err != nil {
		return nil, err
	}
	r.Images = len(all)
	const next = "give --force too if it is to go all the same"
	switch {
	case !force && !r.Repository.Owned:
		return nil, problem.New(problem.BadInput, next, "the repository %s was not made by kubectl falcon, and is left", name)
	case !force && r.Images > 0:
		return nil, problem.New(problem.BadInput, next+"; kubectl falcon aws ecr images "+name+" shows them",
			"the repository %s is not empty, and is left: it has %s", name, r.count())
	}
	why := "delete the empty repository"
	if r.Images > 0 {
		why = "delete the repository with its " + r.count()
	}
	r.Steps = append(r.Steps, aws.Step{Action: "ecr:DeleteRepository", On: name, Why: why})
	return r, nil
}

// count is how many images there are, an index of several being one too.
func (r *Removal) count() string {
	if r.Images == 1 {
		return "1 image"
	}
	return fmt.Sprintf("%d images", r.Images)
}

// What is what goes, in a few words.
func (r *Removal) What() string {
	if r.Repository == nil {
		return "nothing"
	}
	what := "the repository " + r.Repository.Name
	if r.Images > 0 {
		what += " with its " + r.count()
	}
	if !r.Repository.Owned {
		what += ", which somebody else made,"
	}
	return what
}

// Remove does what was planned. A repository that is gone meanwhile is no error.
func (c *Client) Remove(ctx context.Context, r *Removal) error {
	if r.Repository == nil {
		return nil
	}
	name := r.Repository.Name
	err := c.api.Call(ctx, "DeleteRepository", deleteRepository{name, r.force}, &struct{}{})
	switch code := aws.Code(err); {
	case err == nil, code == codeNoRepository:
	case code == codeNotEmpty:
		return problem.New(problem.Failed, "look at what came: kubectl falcon aws ecr images "+name,
			"the repository %s is left: somebody pushed an image to it meanwhile", name)
	default:
		return c.session.Explain(ctx, "delete the repository "+name, err)
	}
	r.Change = aws.Deleted
	c.report(aws.Event{Object: "repository/" + name, Change: aws.Deleted})
	return nil
}
