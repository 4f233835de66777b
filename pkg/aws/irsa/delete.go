package irsa

import (
	"context"
	"errors"
	"fmt"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// ErrForeign is in the error about a role that kubectl falcon did not make.
var ErrForeign = errors.New("was not made by kubectl falcon")

// Doomed is what will be removed: a role by name, an OIDC provider by ARN, and an EKS Pod Identity association by
// its id.
type Doomed struct {
	Role        string `json:"role,omitempty"`
	Provider    string `json:"oidcProvider,omitempty"`
	Association string `json:"podIdentityAssociation,omitempty"`
}

// Removed is what Delete led to.
type Removed struct {
	Cluster string `json:"cluster"`
	Doomed
	// Kept says why the OIDC provider stays, if there is one.
	Kept string `json:"oidcProviderKept,omitempty"`
	// Plan are the calls of a dry run.
	Plan []aws.Step `json:"plan,omitempty"`
}

// Delete removes the role, the EKS Pod Identity association if we made it, and the OIDC provider if we made it and
// no other role needs it. A role that we did
// not make goes only if the binding names it. agree is asked before; a no ends it without an error.
func (a *Account) Delete(ctx context.Context, b Binding, dryRun bool, agree func(Doomed) (bool, error)) (*Removed, error) {
	c, err := a.cluster(ctx, b.Cluster)
	if err != nil {
		return nil, err
	}
	named := b.Role != ""
	if !named {
		b.Role = RoleName(b.Cluster, a.Region)
	}
	result := &Removed{Cluster: c.name}
	var doomed Doomed
	there, err := a.role(ctx, b.Role)
	if err != nil {
		return nil, err
	}
	if there != nil {
		if !there.owned && !named {
			return nil, problem.New(problem.BadInput, "name it with --role to delete it all the same", "the role %s %w", b.Role, ErrForeign)
		}
		doomed.Role = b.Role
	}
	if doomed.Provider, result.Kept, err = a.needless(ctx, c, b.Role); err != nil {
		return nil, err
	}
	is, err := a.association(ctx, c, &b)
	if err != nil {
		return nil, err
	}
	if is != nil && aws.Owned(is.Tags) {
		doomed.Association = sdk.ToString(is.AssociationId)
	}
	steps, err := a.removal(ctx, c, &b, doomed)
	if err != nil {
		return nil, err
	}
	if dryRun {
		for n := range steps {
			result.Plan = append(result.Plan, steps[n].Step)
		}
		return result, nil
	}
	if len(steps) == 0 {
		return result, nil
	}
	if yes, err := agree(doomed); err != nil || !yes {
		return result, err
	}
	for n := range steps {
		if err := steps[n].do(ctx); err != nil && aws.Code(err) != codeNoEntity {
			return result, err
		}
		if steps[n].change != "" {
			a.report(aws.Event{Object: steps[n].object, Change: steps[n].change})
		}
	}
	result.Doomed = doomed
	return result, nil
}

// needless is the cluster's OIDC provider if we made it and only our role needs it; else it says why it stays.
func (a *Account) needless(ctx context.Context, c *cluster, role string) (arn, kept string, err error) {
	if c.issuer == "" {
		return "", "", nil
	}
	p, err := a.provider(ctx, c)
	switch {
	case err != nil || p == nil:
		return "", "", err
	case !p.owned:
		return "", "kubectl falcon did not make it", nil
	}
	in := &iam.ListRolesInput{}
	for {
		out, err := a.IAM.ListRoles(ctx, in)
		if err != nil {
			return "", "", a.Explain(ctx, "look which roles need the OIDC provider", err)
		}
		for _, r := range out.Roles {
			// The document is percent-encoded, and the issuer's id has nothing in it that would be.
			id := c.host()[strings.LastIndexByte(c.host(), '/')+1:]
			if name := sdk.ToString(r.RoleName); name != role && strings.Contains(sdk.ToString(r.AssumeRolePolicyDocument), id) {
				return "", fmt.Sprintf("the role %s needs it", name), nil
			}
		}
		if in.Marker = out.Marker; !out.IsTruncated {
			return c.provider(), "", nil
		}
	}
}

// removal are the calls that remove it.
func (a *Account) removal(ctx context.Context, c *cluster, b *Binding, d Doomed) (steps []step, err error) {
	if d.Association != "" {
		steps = append(steps, step{aws.Step{Action: "eks:DeletePodIdentityAssociation", On: b.subject()}, b.object(), aws.Deleted, func(ctx context.Context) error {
			_, err := a.EKS.DeletePodIdentityAssociation(ctx, &eks.DeletePodIdentityAssociationInput{ClusterName: &c.name, AssociationId: &d.Association})
			if aws.Code(err) == codeNotFound {
				return nil
			}
			return a.Explain(ctx, "delete the EKS Pod Identity association of "+b.Namespace+"/"+b.Name, err)
		}})
	}
	if d.Role != "" {
		more, err := a.roleRemoval(ctx, d.Role)
		if err != nil {
			return nil, err
		}
		steps = append(steps, more...)
	}
	if d.Provider != "" {
		_, host, _ := strings.Cut(d.Provider, "oidc-provider/")
		steps = append(steps, step{aws.Step{Action: "iam:DeleteOpenIDConnectProvider", On: host, Why: "no role needs it any more"}, "oidc-provider/" + host, aws.Deleted,
			func(ctx context.Context) error {
				_, err := a.IAM.DeleteOpenIDConnectProvider(ctx, &iam.DeleteOpenIDConnectProviderInput{OpenIDConnectProviderArn: &d.Provider})
				return a.Explain(ctx, "delete the OIDC provider "+host, err)
			}})
	}
	return steps, nil
}

func (a *Account) roleRemoval(ctx context.Context, name string) (steps []step, err error) {
	inlines, err := a.inlines(ctx, name)
	if err != nil {
		return nil, err
	}
	for _, policy := range inlines {
		steps = append(steps, step{Step: aws.Step{Action: "iam:DeleteRolePolicy", On: name, Why: policy}, do: func(ctx context.Context) error {
			_, err := a.IAM.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: &name, PolicyName: &policy})
			return a.Explain(ctx, "delete the policy "+policy+" of the role "+name, err)
		}})
	}
	arns, err := a.attached(ctx, name)
	if err != nil {
		return nil, err
	}
	for _, arn := range arns {
		steps = append(steps, step{Step: aws.Step{Action: "iam:DetachRolePolicy", On: name, Why: arn}, do: func(ctx context.Context) error {
			_, err := a.IAM.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: &name, PolicyArn: &arn})
			return a.Explain(ctx, "detach the policy "+arn+" from the role "+name, err)
		}})
	}
	return append(steps, step{aws.Step{Action: "iam:DeleteRole", On: name}, "role/" + name, aws.Deleted, func(ctx context.Context) error {
		_, err := a.IAM.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: &name})
		return a.Explain(ctx, "delete the role "+name, err)
	}}), nil
}
