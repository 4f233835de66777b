package irsa

import (
	"context"
	"fmt"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/document"
)

// State is what is known of a link.
type State string

// The states. Unknown is a link that could not be looked at, also because one before it is broken.
const (
	Holds   State = "ok"
	Broken  State = "broken"
	Unknown State = "unknown"
)

// Link is one of those between the injector and ECR.
type Link struct {
	Name  string `json:"name"`
	State State  `json:"state"`
	// Why says what is so, in a sentence without a full stop, Next what to do.
	Why  string `json:"why"`
	Next string `json:"next,omitempty"`
}

// Chain is the whole way from the injector's pods to ECR.
type Chain struct {
	Cluster        string `json:"cluster"`
	ServiceAccount string `json:"serviceAccount"`
	Role           string `json:"role,omitempty"`
	Links          []Link `json:"links"`
}

// Broken says whether a link is.
func (c *Chain) Broken() bool {
	return slices.ContainsFunc(c.Links, func(l Link) bool { return l.State == Broken })
}

func (c *Chain) add(name string, ok bool, next, why string, args ...any) bool {
	l := Link{Name: name, State: Holds, Why: fmt.Sprintf(why, args...)}
	if !ok {
		l.State, l.Next = Broken, next
	}
	c.Links = append(c.Links, l)
	return ok
}

func (c *Chain) unknown(why string, names ...string) {
	for _, name := range names {
		c.Links = append(c.Links, Link{Name: name, State: Unknown, Why: why})
	}
}

const mend = "kubectl falcon aws irsa ensure"

// mend is the command that makes what is broken.
func (b *Binding) mend() string {
	if b.PodIdentity {
		return mend + " --pod-identity"
	}
	return mend
}

// Check looks at every link. in is what the cluster says.
func (a *Account) Check(ctx context.Context, b Binding, in InCluster) (*Chain, error) {
	c, err := a.cluster(ctx, b.Cluster)
	if err != nil {
		return nil, err
	}
	if !b.PodIdentity && in.There && in.Annotation == "" {
		// Without an annotation the role may come the other way.
		is, err := a.association(ctx, c, &b)
		if err != nil {
			return nil, err
		}
		b.PodIdentity = is != nil
	}
	if b.PodIdentity {
		return a.checkIdentity(ctx, c, b, in)
	}
	chain := &Chain{Cluster: c.name, ServiceAccount: b.Namespace + "/" + b.Name}
	annotated := in.Annotation[strings.LastIndexByte(in.Annotation, '/')+1:]
	if b.Role == "" {
		if b.Role = annotated; b.Role == "" {
			b.Role = RoleName(b.Cluster, a.Region)
		}
	}
	if err := a.checkProvider(ctx, chain, c); err != nil {
		return nil, err
	}
	there, err := a.role(ctx, b.Role)
	if err != nil {
		return nil, err
	}
	if there == nil {
		chain.add("role", false, mend, "there is no role %s in this account", b.Role)
		chain.unknown("there is no role", "trust", "policy")
	} else if chain.Role = there.arn; chain.add("role", true, "", "%s", there.arn) {
		if err := a.checkRole(ctx, chain, c, &b, there); err != nil {
			return nil, err
		}
	}
	in.check(chain)
	return chain, nil
}

func (a *Account) checkProvider(ctx context.Context, chain *Chain, c *cluster) error {
	if !chain.add("issuer", c.issuer != "", "", "the cluster's tokens are signed by %s", or(c.issuer, "nobody")) {
		chain.unknown("the cluster has no issuer", "provider")
		return nil
	}
	p, err := a.provider(ctx, c)
	switch {
	case err != nil:
		return err
	case p == nil:
		chain.add("provider", false, mend, "IAM has no OIDC provider for %s", c.host())
	case !p.serves():
		chain.add("provider", false, mend, "the OIDC provider takes no tokens for %s, only for %s", audience, or(strings.Join(p.audiences, ", "), "nobody"))
	default:
		chain.add("provider", true, "", "IAM takes the cluster's tokens for %s", audience)
	}
	return nil
}

func (a *Account) checkRole(ctx context.Context, chain *Chain, c *cluster, b *Binding, there *role) error {
	if there.unread != nil {
		chain.add("trust", false, b.mend(), "%v", there.unread)
	} else if ok, why := trusted(there.trust, c, b); ok {
		chain.add("trust", true, "", "%s may take it", b.subject())
	} else {
		chain.add("trust", false, b.mend(), "%s may not take it: %s", b.subject(), why)
	}
	missing, err := a.missing(ctx, b.Role)
	if err != nil {
		return err
	}
	if chain.add("policy", len(missing) == 0, b.mend(), "it may read images in ECR"); len(missing) > 0 {
		chain.Links[len(chain.Links)-1].Why = "it lacks " + strings.Join(missing, ", ")
	}
	return nil
}

// missing are the calls for reading images that none of a role's policies allows.
func (a *Account) missing(ctx context.Context, name string) ([]string, error) {
	var all []document.Document
	names, err := a.inlines(ctx, name)
	if err != nil {
		return nil, err
	}
	for _, one := range names {
		d, err := a.inline(ctx, name, one)
		if err != nil {
			return nil, err
		}
		if d != nil {
			all = append(all, *d)
		}
	}
	actions := append([]string{actionLogin}, reads...)
	if missing := document.Missing(all, actions...); len(missing) == 0 {
		return nil, nil
	}
	arns, err := a.attached(ctx, name)
	if err != nil {
		return nil, err
	}
	for _, arn := range arns {
		d, err := a.managed(ctx, arn)
		if err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return document.Missing(all, actions...), nil
}

// inlines are the names of a role's own policies.
func (a *Account) inlines(ctx context.Context, name string) (names []string, err error) {
	in := &iam.ListRolePoliciesInput{RoleName: &name}
	for {
		out, err := a.IAM.ListRolePolicies(ctx, in)
		if err != nil {
			return nil, a.Explain(ctx, "look up the policies of the role "+name, err)
		}
		names = append(names, out.PolicyNames...)
		if in.Marker = out.Marker; !out.IsTruncated {
			return names, nil
		}
	}
}

// attached are the ARNs of the policies that a role shares with others.
func (a *Account) attached(ctx context.Context, name string) (arns []string, err error) {
	in := &iam.ListAttachedRolePoliciesInput{RoleName: &name}
	for {
		out, err := a.IAM.ListAttachedRolePolicies(ctx, in)
		if err != nil {
			return nil, a.Explain(ctx, "look up the policies of the role "+name, err)
		}
		for _, p := range out.AttachedPolicies {
			arns = append(arns, sdk.ToString(p.PolicyArn))
		}
		if in.Marker = out.Marker; !out.IsTruncated {
			return arns, nil
		}
	}
}

// managed is what a shared policy says now.
func (a *Account) managed(ctx context.Context, arn string) (document.Document, error) {
	p, err := a.IAM.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: &arn})
	if err != nil {
		return document.Document{}, a.Explain(ctx, "look up the policy "+arn, err)
	}
	v, err := a.IAM.GetPolicyVersion(ctx, &iam.GetPolicyVersionInput{PolicyArn: &arn, VersionId: p.Policy.DefaultVersionId})
	if err != nil {
		return document.Document{}, a.Explain(ctx, "read the policy "+arn, err)
	}
	return document.Parse(sdk.ToString(v.PolicyVersion.Document))
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
