package ecr

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// Image is an image in a repository, or an index of images.
type Image struct {
	Digest string   `json:"digest"`
	Tags   []string `json:"tags"`
	// Reference names it by its digest, as install --image takes it.
	Reference string `json:"reference,omitempty"`
	// Size is that of its layers, compressed, in bytes.
	Size   int64     `json:"sizeBytes"`
	Pushed time.Time `json:"pushedAt"`
	// MediaType is that of its manifest, which tells an index from an image.
	MediaType string `json:"mediaType,omitempty"`
	// Findings are how many weaknesses the scan found, by their severity; without them it was not scanned.
	Findings map[string]int32 `json:"findings,omitempty"`
}

// Images returns the images of a repository, the newest first, each with its reference.
func (c *Client) Images(ctx context.Context, name string) ([]Image, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	in, err := c.find(ctx, name, false)
	if err != nil {
		return nil, err
	}
	if in == nil {
		return nil, c.absent("list the images of "+name, name)
	}
	all, err := c.imagesOf(ctx, name)
	for n := range all {
		all[n].Reference = in.URI + "@" + all[n].Digest
	}
	return all, err
}

func (c *Client) imagesOf(ctx context.Context, name string) ([]Image, error) {
	all, err := c.describe(ctx, describeImages{Name: name})
	if err != nil {
		return nil, c.imageTrouble(ctx, "list the images of "+name, name, err)
	}
	return all, nil
}

// describe asks for all pages.
func (c *Client) describe(ctx context.Context, in describeImages) ([]Image, error) {
	all := []Image{}
	for {
		answer := imagePage{}
		if err := c.api.Call(ctx, "DescribeImages", in, &answer); err != nil {
			return nil, err
		}
		for n := range answer.Images {
			all = append(all, answer.Images[n].read())
		}
		if answer.Next == "" || answer.Next == in.Next {
			break
		}
		in.Next = answer.Next
	}
	slices.SortStableFunc(all, func(a, b Image) int { return b.Pushed.Compare(a.Pushed) })
	return all, nil
}

func (d *imageDetail) read() Image {
	one := Image{Digest: d.Digest, Tags: slices.Sorted(slices.Values(d.Tags)), Size: d.Size, Pushed: d.Pushed.Time, MediaType: d.MediaType}
	if one.Tags == nil {
		one.Tags = []string{}
	}
	if d.Scan != nil {
		one.Findings = d.Scan.Counts
		if one.Findings == nil {
			one.Findings = map[string]int32{}
		}
	}
	return one
}

// imageTrouble is the error of a call about images, of which a missing repository is one of the user.
func (c *Client) imageTrouble(ctx context.Context, doing, name string, err error) error {
	if aws.Code(err) == codeNoRepository {
		return c.absent(doing, name)
	}
	return c.session.Explain(ctx, doing, err)
}

func (c *Client) absent(doing, name string) error {
	return problem.New(problem.BadInput, "check the name and --region; kubectl falcon aws ecr ensure "+name+" makes it",
		"%s: there is no repository %s in %s", doing, name, c.session.Region)
}

// Deletion is a plan to delete an image or one tag of it.
type Deletion struct {
	Repository string `json:"repository"`
	// Image is what is there now; nil if nothing is, and then there is nothing to do.
	Image *Image `json:"image,omitempty"`
	// Tag is the one that goes, if the image keeps others; empty, the whole image goes.
	Tag    string     `json:"tag,omitempty"`
	Steps  []aws.Step `json:"steps"`
	Change aws.Change `json:"change"`
	DryRun bool       `json:"dryRun"`
}

// PlanImage looks at what deleting a tag or a digest would do.
func (c *Client) PlanImage(ctx context.Context, name, image string) (*Deletion, error) {
	if err := CheckImage(name, image); err != nil {
		return nil, err
	}
	id := imageID{Tag: image}
	if digestForm().MatchString(image) {
		id = imageID{Digest: image}
	}
	d := &Deletion{Repository: name, Steps: []aws.Step{}, Change: aws.Unchanged}
	found, err := c.describe(ctx, describeImages{Name: name, IDs: []imageID{id}})
	if aws.Code(err) == codeNoImage {
		return d, nil
	}
	if err != nil {
		return nil, c.imageTrouble(ctx, "look at "+image+" in "+name, name, err)
	}
	if len(found) == 0 {
		return d, nil
	}
	d.Image = &found[0]
	if id.Tag != "" && len(d.Image.Tags) > 1 {
		d.Tag = image
	}
	why := "delete the image"
	if d.Tag != "" {
		why = "take the tag away; the image stays as " + strings.Join(others(d.Image.Tags, d.Tag), ", ")
	}
	d.Steps = append(d.Steps, aws.Step{Action: "ecr:BatchDeleteImage", On: name + sign(image) + image, Why: why})
	return d, nil
}

// What is what goes, in a few words.
func (d *Deletion) What() string {
	switch {
	case d.Image == nil:
		return "nothing"
	case d.Tag != "":
		return "the tag " + d.Tag + " of " + d.Repository
	case len(d.Image.Tags) > 0:
		return "the image " + d.Repository + "@" + d.Image.Digest + " (" + strings.Join(d.Image.Tags, ", ") + ")"
	}
	return "the image " + d.Repository + "@" + d.Image.Digest
}

func others(all []string, one string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(t string) bool { return t == one })
}

// sign stands between a repository and a tag or a digest.
func sign(image string) string {
	if digestForm().MatchString(image) {
		return "@"
	}
	return ":"
}

// DeleteImage does what was planned. An image that is gone meanwhile is no error.
func (c *Client) DeleteImage(ctx context.Context, d *Deletion) error {
	if d.Image == nil {
		return nil
	}
	what := d.Repository + "@" + d.Image.Digest
	id := imageID{Digest: d.Image.Digest}
	if d.Tag != "" {
		what = d.Repository + ":" + d.Tag
		id = imageID{Tag: d.Tag}
	}
	doing := "delete " + what
	answer := deletedImages{}
	if err := c.api.Call(ctx, "BatchDeleteImage", describeImages{Name: d.Repository, IDs: []imageID{id}}, &answer); err != nil {
		return c.imageTrouble(ctx, doing, d.Repository, err)
	}
	for _, f := range answer.Failures {
		switch f.Code {
		case "ImageNotFound", "ImageTagDoesNotMatchDigest":
			continue
		case "ImageReferencedByManifestList":
			return problem.New(problem.Failed, "delete the index first: kubectl falcon aws ecr images "+d.Repository, "%s: it is part of an index of several images", doing)
		}
		return problem.New(problem.Failed, "", "%s: AWS says %s: %s", doing, f.Code, f.Reason)
	}
	d.Change = aws.Deleted
	c.report(aws.Event{Object: "image/" + what, Change: aws.Deleted})
	return nil
}
