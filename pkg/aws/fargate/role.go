package fargate

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/document"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

const (
	// podService is who takes the pod execution role, and podPolicy what it needs, by the page "Amazon EKS Pod
	// execution IAM role" of the EKS user guide.
	podService = "eks-fargate-pods.amazonaws.com"
	podPolicy  = "AmazonEKSFargatePodExecutionRolePolicy"

	codeNoEntity = "NoSuchEntity"
	codeExists   = "EntityAlreadyExists"
)

// role is a pod execution role as it is, or as it will be.
type role struct {
	name, arn string
	// there says that it exists, attached that it has the policy, made that this run made it.
	there, attached, made bool
	owned                 bool
	created               time.Time
}

// settling is how long after its creation EKS may not see a role, or not whole. IAM says of its changes that they
// take seconds to be seen everywhere (IAM user guide, "Troubleshooting IAM"); clocks differ too.
const settling = 3 * time.Minute

// fresh says whether the role was made just now, by this run or by one that was stopped.
func (o *role) fresh(now time.Time) bool {
	return o.made || !o.created.IsZero() && now.Sub(o.created).Abs() < settling
}

// PodPolicyARN is the managed policy with which pods on Fargate pull images, in a partition.
func PodPolicyARN(partition string) string {
	return "arn:" + partition + ":iam::aws:policy/" + podPolicy
}

// trustOf is the trust policy of a pod execution role for the profiles of one cluster.
func trustOf(c *Cluster) document.Document {
	return document.New(document.Statement{Effect: document.Allow, Principal: document.Principal{"Service": {podService}},
		Action: document.Words{"sts:AssumeRole"},
		// Without it any cluster of anybody could make EKS take the role (the "confused deputy").
		Condition: map[string]map[string]document.Words{"ArnLike": {"aws:SourceArn": {c.profiles("*")}}}})
}

// findRole looks the role up, the given one or ours, and refuses one that will not do.
func (r *run) findRole(ctx context.Context, given string) (*role, error) {
	name := given[strings.LastIndexByte(given, '/')+1:]
	if given == "" {
		name = RoleName(r.cluster.Name, r.Region)
	}
	out, err := r.IAM.GetRole(ctx, &iam.GetRoleInput{RoleName: &name})
	switch {
	case aws.Code(err) == codeNoEntity && given != "":
		return nil, problem.New(problem.BadInput, "leave --role out to have one made", "there is no IAM role %s", name)
	case aws.Code(err) == codeNoEntity:
		return &role{name: name, arn: "arn:" + r.cluster.partition() + ":iam::" + r.cluster.part(4) + ":role/" + name}, nil
	case err != nil:
		return nil, r.Explain(ctx, "look up the role "+name, err)
	}
	found := &role{name: name, arn: sdk.ToString(out.Role.Arn), there: true, owned: aws.Owned(roleTags(out.Role.Tags)),
		created: sdk.ToTime(out.Role.CreateDate)}
	if err := r.trusts(found, sdk.ToString(out.Role.AssumeRolePolicyDocument)); err != nil {
		return nil, err
	}
	policies, err := r.attached(ctx, name)
	if err != nil {
		return nil, err
	}
	found.attached = slices.ContainsFunc(policies, func(arn string) bool { return strings.HasSuffix(arn, "/"+podPolicy) })
	if !found.attached && !found.owned {
		// Others may let it pull images by a policy of their own.
		r.remark(fmt.Sprintf("the role %s lacks the policy %s: pods can pull images from ECR only if another one lets them", name, podPolicy))
		found.attached = true
	}
	return found, nil
}

// trusts refuses a role that EKS could not take for the cluster's profiles.
func (r *run) trusts(found *role, policy string) error {
	next := "let " + podService + " take it, or choose another with --role"
	if found.owned {
		next = "delete the role, and run it again: it is made anew"
	}
	d, err := document.Parse(policy)
	if err != nil {
		return problem.New(problem.Failed, next, "the role %s: %w", found.name, err)
	}
	ok, why := d.Trusts(document.Request{Kind: "Service", Principal: podService, Action: "sts:AssumeRole",
		// The rest of a profile's ARN is its name and an id.
		Context: map[string]string{"aws:SourceArn": r.cluster.profiles("NAME/ID"), "aws:SourceAccount": r.cluster.part(4)}})
	if !ok {
		return problem.New(problem.BadInput, next, "EKS cannot take the role %s for the Fargate profiles of %s: %s", found.name, r.cluster.Name, why)
	}
	return nil
}

// attached are the ARNs of the policies that a role has.
func (r *run) attached(ctx context.Context, name string) (arns []string, err error) {
	in := &iam.ListAttachedRolePoliciesInput{RoleName: &name}
	for {
		out, err := r.IAM.ListAttachedRolePolicies(ctx, in)
		if err != nil {
			return nil, r.Explain(ctx, "look up the policies of the role "+name, err)
		}
		for _, p := range out.AttachedPolicies {
			arns = append(arns, sdk.ToString(p.PolicyArn))
		}
		if in.Marker = out.Marker; !out.IsTruncated {
			return arns, nil
		}
	}
}

// steps are the calls that make the role ready.
func (o *role) steps() (steps []aws.Step) {
	if !o.there {
		steps = append(steps, aws.Step{Action: "iam:CreateRole", On: o.name, Why: "the pod execution role: pods on Fargate pull images with it"})
	}
	if !o.attached {
		steps = append(steps, aws.Step{Action: "iam:AttachRolePolicy", On: o.name, Why: podPolicy})
	}
	return steps
}

// ready makes the role, or what it lacks.
func (r *run) ready(ctx context.Context, o *role) error {
	key := "role/" + o.name
	if !o.there {
		out, err := r.IAM.CreateRole(ctx, &iam.CreateRoleInput{RoleName: &o.name, AssumeRolePolicyDocument: sdk.String(trustOf(r.cluster).String()),
			Description: sdk.String("Pods on Fargate of the EKS cluster " + r.cluster.Name), Tags: iamTags(r.Tags)})
		switch {
		case err == nil:
			o.arn = sdk.ToString(out.Role.Arn)
		// The answer to a first try was lost, or somebody made the same.
		case aws.Code(err) != codeExists || !r.isOurs(ctx, o.name):
			return r.Explain(ctx, "create the role "+o.name, err)
		}
		o.there, o.made, o.owned = true, true, true
	}
	if !o.attached {
		_, err := r.IAM.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: &o.name, PolicyArn: sdk.String(PodPolicyARN(r.cluster.partition()))})
		if err != nil {
			err = r.Explain(ctx, "attach the policy "+podPolicy+" to the role "+o.name, err)
			r.undoRole(ctx, o)
			return err
		}
		o.attached = true
		if !o.made {
			r.done(key, aws.Configured)
		}
	}
	if o.made {
		r.done(key, aws.Created)
	}
	return nil
}

// isOurs says whether there is a role of that name with our tag.
func (r *run) isOurs(ctx context.Context, name string) bool {
	out, err := r.IAM.GetRole(ctx, &iam.GetRoleInput{RoleName: &name})
	return err == nil && aws.Owned(roleTags(out.Role.Tags))
}

// undoRole removes a role that this run made for nothing. What cannot be removed is told, and used next time.
func (r *run) undoRole(ctx context.Context, o *role) {
	if !o.made || ctx.Err() != nil {
		return
	}
	if err := r.removeRole(ctx, o.name); err != nil {
		r.remark(fmt.Sprintf("the role %s stays, and is used the next time", o.name))
		return
	}
	o.made, o.there, o.attached = false, false, false
	r.done("role/"+o.name, aws.Deleted)
}

// removeRole removes a role with its policies.
func (r *run) removeRole(ctx context.Context, name string) error {
	policies, err := r.attached(ctx, name)
	if err != nil {
		return err
	}
	for _, arn := range policies {
		_, err := r.IAM.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: &name, PolicyArn: &arn})
		if err != nil && aws.Code(err) != codeNoEntity {
			return r.Explain(ctx, "detach a policy from the role "+name, err)
		}
	}
	_, err = r.IAM.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: &name})
	if err != nil && aws.Code(err) != codeNoEntity {
		return r.Explain(ctx, "delete the role "+name, err)
	}
	return nil
}

func roleTags(tags []types.Tag) map[string]string {
	all := map[string]string{}
	for _, t := range tags {
		all[sdk.ToString(t.Key)] = sdk.ToString(t.Value)
	}
	return all
}

func iamTags(tags map[string]string) []types.Tag {
	all := make([]types.Tag, 0, len(tags))
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		all = append(all, types.Tag{Key: sdk.String(key), Value: sdk.String(tags[key])})
	}
	return all
}
