package irsa

import (
	"fmt"
	"strings"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/document"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/fargate"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

const (
	// Annotation is the key by which a ServiceAccount names its role.
	Annotation = "eks.amazonaws.com/role-arn"
	// audience is whom the tokens of pods are for.
	audience = "sts.amazonaws.com"
	// takes is how a pod takes the role.
	takes = "sts:AssumeRoleWithWebIdentity"
	// policyName is the name of the role's inline policy.
	policyName = "falcon-injector-reads-images"

	actionLogin = "ecr:GetAuthorizationToken"
)

// reads are the calls with which the injector reads the config of an image: its manifest, and the one blob that
// is the config.
var reads = document.Words{"ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"}

// RoleName is the name of our role for a cluster. Roles are the account's, so it names the region too.
func RoleName(cluster, region string) string {
	return fargate.FitRoleName("falcon-injector-"+cluster, region)
}

// cluster is what has to be known of the cluster.
type cluster struct {
	name, arn string
	// issuer is the address of who signs its tokens.
	issuer string
	// auto says that EKS makes its nodes.
	auto bool
}

func (c *cluster) part(n int) string {
	parts := strings.SplitN(c.arn, ":", 6)
	if n >= len(parts) {
		return ""
	}
	return parts[n]
}

// host is the issuer as IAM names it, without the scheme.
func (c *cluster) host() string {
	return strings.TrimSuffix(strings.TrimPrefix(c.issuer, "https://"), "/")
}

// provider is the ARN of the OIDC provider for the cluster, whether it is there or not.
func (c *cluster) provider() string {
	return fmt.Sprintf("arn:%s:iam::%s:oidc-provider/%s", c.part(1), c.part(4), c.host())
}

func (c *cluster) role(name string) string {
	return fmt.Sprintf("arn:%s:iam::%s:role/%s", c.part(1), c.part(4), name)
}

// trust lets the ServiceAccount take the role, and no one else.
func trust(c *cluster, b *Binding) document.Document {
	if b.PodIdentity {
		return podTrust(c, b)
	}
	return document.New(document.Statement{Effect: document.Allow, Principal: document.Principal{"Federated": {c.provider()}},
		Action: document.Words{takes},
		Condition: map[string]map[string]document.Words{"StringEquals": {
			c.host() + ":aud": {audience},
			c.host() + ":sub": {b.subject()},
		}}})
}

// trusted says whether a trust policy lets the ServiceAccount take the role, and if not, why.
func trusted(d document.Document, c *cluster, b *Binding) (bool, string) {
	asks := []document.Request{{Kind: "Federated", Principal: c.provider(), Action: takes,
		Context: map[string]string{c.host() + ":aud": audience, c.host() + ":sub": b.subject()}}}
	if b.PodIdentity {
		asks = podAsks(c, b)
	}
	for _, one := range asks {
		if ok, why := d.Trusts(one); !ok {
			return false, why
		}
	}
	return true, ""
}

// reading is the policy of the role.
func reading(c *cluster, b *Binding) document.Document {
	resources := document.Words{}
	for _, r := range b.Repositories {
		if !strings.HasPrefix(r, "arn:") {
			r = fmt.Sprintf("arn:%s:ecr:%s:%s:repository/%s", c.part(1), c.part(3), c.part(4), r)
		}
		resources = append(resources, r)
	}
	if len(resources) == 0 {
		resources = document.Words{fmt.Sprintf("arn:%s:ecr:*:%s:repository/*", c.part(1), c.part(4))}
	}
	return document.New(
		// A login is for the whole registry: IAM takes no other resource.
		document.Statement{Sid: "Login", Effect: document.Allow, Action: document.Words{actionLogin}, Resource: document.Words{"*"}},
		document.Statement{Sid: "ReadImages", Effect: document.Allow, Action: reads, Resource: resources})
}

// check refuses a binding that cannot be meant.
func (b *Binding) check() error {
	for _, r := range b.Repositories {
		if strings.HasPrefix(r, "arn:") && !strings.Contains(r, ":repository/") || r == "" || strings.ContainsAny(r, " \"") || strings.Contains(r, ".dkr.ecr.") {
			return problem.New(problem.BadInput, "name a repository such as shop/web, or its ARN", "%q is not the name of a repository in ECR", r)
		}
	}
	return nil
}
