package irsa

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// Ensured is what Ensure led to.
type Ensured struct {
	Cluster        string `json:"cluster"`
	ServiceAccount string `json:"serviceAccount"`
	Issuer         string `json:"issuer"`
	// Provider and Annotation, which the ServiceAccount needs and install takes, are empty by EKS Pod Identity.
	Provider    string     `json:"oidcProvider"`
	Role        string     `json:"role"`
	PodIdentity bool       `json:"podIdentity,omitempty"`
	Annotation  string     `json:"annotation"`
	Change      aws.Change `json:"change"`
	// Plan are the calls of a dry run.
	Plan []aws.Step `json:"plan,omitempty"`
}

// step is a call with how it is made.
type step struct {
	aws.Step
	object string
	change aws.Change
	do     func(context.Context) error
}

// Ensure sees to it that the ServiceAccount can take a role with which it reads images. A dry run changes
// nothing and says what would be called.
func (a *Account) Ensure(ctx context.Context, b Binding, dryRun bool) (*Ensured, error) {
	if err := b.check(); err != nil {
		return nil, err
	}
	c, err := a.cluster(ctx, b.Cluster)
	if err != nil {
		return nil, err
	}
	switch {
	case b.PodIdentity:
		if err := a.podReady(ctx, c, &b); err != nil {
			return nil, err
		}
	case c.issuer == "":
		return nil, problem.New(problem.Failed, "", "the cluster %s has no OIDC issuer, so its pods can take no role", c.name)
	}
	if b.Role == "" {
		b.Role = RoleName(b.Cluster, a.Region)
	}
	result := &Ensured{Cluster: c.name, ServiceAccount: b.Namespace + "/" + b.Name, Issuer: c.issuer, PodIdentity: b.PodIdentity, Change: aws.Unchanged}
	var steps []step
	if !b.PodIdentity {
		result.Provider = c.provider()
		if steps, err = a.providerSteps(ctx, c); err != nil {
			return nil, err
		}
	}
	there, err := a.role(ctx, b.Role)
	if err != nil {
		return nil, err
	}
	result.Role = c.role(b.Role)
	if there != nil {
		result.Role = there.arn
	}
	more, err := a.roleSteps(ctx, c, &b, there)
	if err != nil {
		return nil, err
	}
	steps = append(steps, more...)
	if b.PodIdentity {
		if more, err = a.associationSteps(ctx, c, &b, result.Role); err != nil {
			return nil, err
		}
		steps = append(steps, more...)
	} else {
		result.Annotation = Annotation + "=" + result.Role
	}
	for n := range steps {
		result.Change = aws.Configured
		if dryRun {
			result.Plan = append(result.Plan, steps[n].Step)
			continue
		}
		if err := steps[n].do(ctx); err != nil {
			return result, err
		}
		a.report(aws.Event{Object: steps[n].object, Change: steps[n].change})
	}
	if there == nil {
		result.Change = aws.Created
	}
	return result, nil
}

// providerSteps make IAM take the cluster's tokens. No thumbprint is given: IAM checks the certificates of EKS's
// issuers by its own list of authorities, and gets the thumbprint itself (IAM API reference,
// CreateOpenIDConnectProvider).
func (a *Account) providerSteps(ctx context.Context, c *cluster) ([]step, error) {
	p, err := a.provider(ctx, c)
	if err != nil {
		return nil, err
	}
	object := "oidc-provider/" + c.host()
	switch {
	case p == nil:
		return []step{{aws.Step{Action: "iam:CreateOpenIDConnectProvider", On: c.host(), Why: "so that IAM takes the tokens of the cluster's pods"}, object, aws.Created,
			func(ctx context.Context) error {
				_, err := a.IAM.CreateOpenIDConnectProvider(ctx, &iam.CreateOpenIDConnectProviderInput{Url: sdk.String("https://" + c.host()),
					ClientIDList: []string{audience}, Tags: tagsFor(a.Tags)})
				if aws.Code(err) == codeExists {
					// Somebody else was faster.
					return nil
				}
				return a.Explain(ctx, "create the OIDC provider of "+c.name, err)
			}}}, nil
	case !p.serves():
		return []step{{aws.Step{Action: "iam:AddClientIDToOpenIDConnectProvider", On: c.host(), Why: audience}, object, aws.Configured,
			func(ctx context.Context) error {
				_, err := a.IAM.AddClientIDToOpenIDConnectProvider(ctx, &iam.AddClientIDToOpenIDConnectProviderInput{
					OpenIDConnectProviderArn: sdk.String(c.provider()), ClientID: sdk.String(audience)})
				return a.Explain(ctx, "add "+audience+" to the OIDC provider of "+c.name, err)
			}}}, nil
	}
	return nil, nil
}

// roleSteps make the role, or what differs of one of ours.
func (a *Account) roleSteps(ctx context.Context, c *cluster, b *Binding, there *role) (steps []step, err error) {
	object, wanted := "role/"+b.Role, trust(c, b)
	made := there == nil
	switch {
	case made:
		steps = append(steps, step{aws.Step{Action: "iam:CreateRole", On: b.Role, Why: "for " + b.subject()}, object, aws.Created, func(ctx context.Context) error {
			_, err := a.IAM.CreateRole(ctx, &iam.CreateRoleInput{RoleName: &b.Role, AssumeRolePolicyDocument: sdk.String(wanted.String()),
				Description: sdk.String("The Falcon injector of the EKS cluster " + c.name), Tags: tagsFor(a.Tags)})
			if aws.Code(err) == codeExists {
				// The answer to a first try was lost, or somebody made the same.
				if now, lookErr := a.role(ctx, b.Role); lookErr == nil && now != nil && now.owned {
					return nil
				}
			}
			return a.Explain(ctx, "create the role "+b.Role, err)
		}})
	case !there.owned:
		return nil, a.theirs(ctx, c, b, there)
	case there.unread != nil || !there.trust.Equal(wanted):
		steps = append(steps, step{aws.Step{Action: "iam:UpdateAssumeRolePolicy", On: b.Role, Why: "it trusts another than " + b.subject()}, object, aws.Configured, func(ctx context.Context) error {
			_, err := a.IAM.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: &b.Role, PolicyDocument: sdk.String(wanted.String())})
			return a.Explain(ctx, "change whom the role "+b.Role+" trusts", err)
		}})
	}
	policy := reading(c, b)
	if !made {
		now, err := a.inline(ctx, b.Role, policyName)
		if err != nil || now != nil && now.Equal(policy) {
			return steps, err
		}
	}
	return append(steps, step{aws.Step{Action: "iam:PutRolePolicy", On: b.Role, Why: "it reads images in ECR"}, object + "/" + policyName, aws.Configured, func(ctx context.Context) error {
		_, err := a.IAM.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: &b.Role, PolicyName: sdk.String(policyName), PolicyDocument: sdk.String(policy.String())})
		if err == nil {
			return nil
		}
		err = a.Explain(ctx, "give the role "+b.Role+" its policy", err)
		if made {
			a.undo(ctx, b.Role)
		}
		return err
	}}), nil
}

// undo removes a role that this run made and that is no good. What cannot be removed is told, and mended next
// time.
func (a *Account) undo(ctx context.Context, name string) {
	if ctx.Err() != nil {
		return
	}
	if _, err := a.IAM.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: &name}); err != nil {
		a.report(aws.Event{Remark: "the role " + name + " stays without its policy; the next run gives it that"})
		return
	}
	a.report(aws.Event{Object: "role/" + name, Change: aws.Deleted})
}

// theirs says whether a role that we did not make will do as it is.
func (a *Account) theirs(ctx context.Context, c *cluster, b *Binding, there *role) error {
	next := "mend it, or let one be made: leave --role out"
	if b.Role == RoleName(b.Cluster, a.Region) {
		next = "choose another name with --role, or delete that role"
	}
	if there.unread != nil {
		return problem.New(problem.Failed, next, "the role %s: %w", b.Role, there.unread)
	}
	if ok, why := trusted(there.trust, c, b); !ok {
		return problem.New(problem.BadInput, next, "the role %s %w, and %s cannot take it: %s", b.Role, ErrForeign, b.subject(), why)
	}
	missing, err := a.missing(ctx, b.Role)
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		return problem.New(problem.BadInput, next, "the role %s %w, and does not allow %v", b.Role, ErrForeign, missing)
	}
	return nil
}
