package irsa

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/document"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/fargate"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/poll"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// Associations are what is used of the Kubernetes service for EKS Pod Identity.
type Associations interface {
	ListAddons(context.Context, *eks.ListAddonsInput, ...func(*eks.Options)) (*eks.ListAddonsOutput, error)
	ListPodIdentityAssociations(context.Context, *eks.ListPodIdentityAssociationsInput, ...func(*eks.Options)) (*eks.ListPodIdentityAssociationsOutput, error)
	DescribePodIdentityAssociation(context.Context, *eks.DescribePodIdentityAssociationInput, ...func(*eks.Options)) (*eks.DescribePodIdentityAssociationOutput, error)
	CreatePodIdentityAssociation(context.Context, *eks.CreatePodIdentityAssociationInput, ...func(*eks.Options)) (*eks.CreatePodIdentityAssociationOutput, error)
	UpdatePodIdentityAssociation(context.Context, *eks.UpdatePodIdentityAssociationInput, ...func(*eks.Options)) (*eks.UpdatePodIdentityAssociationOutput, error)
	DeletePodIdentityAssociation(context.Context, *eks.DeletePodIdentityAssociationInput, ...func(*eks.Options)) (*eks.DeletePodIdentityAssociationOutput, error)
}

// What EKS Pod Identity is made of (EKS user guide, "Learn how EKS Pod Identity grants pods access to AWS services").
const (
	// podService takes roles for pods; agent is the add-on on each node that hands them out.
	podService = "pods.eks.amazonaws.com"
	agent      = "eks-pod-identity-agent"
	// seenWithin is how long a new role may be unknown to EKS.
	seenWithin = 30 * time.Second
)

// podTakes are the calls by which EKS takes a role for a pod.
var podTakes = document.Words{"sts:AssumeRole", "sts:TagSession"}

// podTags are those that EKS puts on the session, by which the role knows whom it is for.
func podTags(c *cluster, b *Binding) map[string]string {
	return map[string]string{"aws:RequestTag/eks-cluster-arn": c.arn, "aws:RequestTag/kubernetes-namespace": b.Namespace,
		"aws:RequestTag/kubernetes-service-account": b.Name}
}

// podTrust lets EKS take the role for the ServiceAccount, and for no other.
func podTrust(c *cluster, b *Binding) document.Document {
	equals := map[string]document.Words{}
	for key, value := range podTags(c, b) {
		equals[key] = document.Words{value}
	}
	return document.New(document.Statement{Effect: document.Allow, Principal: document.Principal{"Service": {podService}}, Action: podTakes,
		Condition: map[string]map[string]document.Words{"StringEquals": equals}})
}

// podAsks is what EKS asks of a trust policy.
func podAsks(c *cluster, b *Binding) (all []document.Request) {
	for _, action := range podTakes {
		all = append(all, document.Request{Kind: "Service", Principal: podService, Action: action, Context: podTags(c, b)})
	}
	return all
}

// onFargate is a Fargate profile that selects pods of the injector's namespace, or nothing.
func (a *Account) onFargate(ctx context.Context, c *cluster, namespace string) (string, error) {
	profiles, err := a.Profiles(ctx, c.name)
	for n := range profiles {
		p := &profiles[n]
		// Labels of pods are not known here: one that selects some of them is enough to be careful.
		if p.Usable() && slices.ContainsFunc(p.Selectors, func(s fargate.Selector) bool {
			return fargate.Selector{Namespace: s.Namespace}.Matches(namespace, nil)
		}) {
			return p.Name, nil
		}
	}
	return "", err
}

// hasAgent says whether the cluster's nodes hand out roles: EKS Auto Mode does by itself.
func (a *Account) hasAgent(ctx context.Context, c *cluster) (bool, error) {
	in := &eks.ListAddonsInput{ClusterName: &c.name}
	for !c.auto {
		out, err := a.EKS.ListAddons(ctx, in)
		if err != nil {
			return false, a.Explain(ctx, "list the add-ons of "+c.name, err)
		}
		if slices.Contains(out.Addons, agent) {
			return true, nil
		}
		if in.NextToken = out.NextToken; sdk.ToString(in.NextToken) == "" {
			return false, nil
		}
	}
	return true, nil
}

// addAgent is the command that makes the add-on.
func (a *Account) addAgent(c *cluster) string {
	return "aws eks create-addon --cluster-name " + c.name + " --region " + a.Region + " --addon-name " + agent
}

// podReady refuses a cluster in which EKS Pod Identity would not reach the injector.
func (a *Account) podReady(ctx context.Context, c *cluster, b *Binding) error {
	switch profile, err := a.onFargate(ctx, c, b.Namespace); {
	case err != nil:
		return err
	case profile != "":
		return problem.New(problem.BadInput, "leave --pod-identity out: the role then works on Fargate too",
			"the Fargate profile %s selects pods of %s, and EKS Pod Identity does not work on Fargate", profile, b.Namespace)
	}
	there, err := a.hasAgent(ctx, c)
	if err == nil && !there {
		return problem.New(problem.Failed, a.addAgent(c), "the cluster %s has no add-on %s, by which pods get their roles", c.name, agent)
	}
	return err
}

// association looks up which role the ServiceAccount has by EKS Pod Identity; without one it returns nil.
func (a *Account) association(ctx context.Context, c *cluster, b *Binding) (*ekstypes.PodIdentityAssociation, error) {
	doing := "look up the EKS Pod Identity association of " + b.Namespace + "/" + b.Name
	list, err := a.EKS.ListPodIdentityAssociations(ctx, &eks.ListPodIdentityAssociationsInput{ClusterName: &c.name, Namespace: &b.Namespace, ServiceAccount: &b.Name})
	if err != nil || len(list.Associations) == 0 {
		return nil, a.Explain(ctx, doing, err)
	}
	out, err := a.EKS.DescribePodIdentityAssociation(ctx, &eks.DescribePodIdentityAssociationInput{ClusterName: &c.name, AssociationId: list.Associations[0].AssociationId})
	if aws.Code(err) == codeNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, a.Explain(ctx, doing, err)
	}
	return out.Association, nil
}

// object is how an association is called in reports.
func (b *Binding) object() string { return "podidentityassociation/" + b.Namespace + "/" + b.Name }

// associationSteps give the ServiceAccount the role.
func (a *Account) associationSteps(ctx context.Context, c *cluster, b *Binding, arn string) ([]step, error) {
	is, err := a.association(ctx, c, b)
	switch {
	case err != nil:
		return nil, err
	case is == nil:
		return []step{{aws.Step{Action: "eks:CreatePodIdentityAssociation", On: b.subject(), Why: "it gets the role " + b.Role}, b.object(), aws.Created,
			func(ctx context.Context) error { return a.associate(ctx, c, b, arn) }}}, nil
	case sdk.ToString(is.RoleArn) == arn:
		return nil, nil
	case !aws.Owned(is.Tags):
		return nil, problem.New(problem.BadInput, "delete it: aws eks delete-pod-identity-association --cluster-name "+c.name+" --region "+a.Region+" --association-id "+sdk.ToString(is.AssociationId),
			"the EKS Pod Identity association of %s/%s with %s %w", b.Namespace, b.Name, sdk.ToString(is.RoleArn), ErrForeign)
	}
	return []step{{aws.Step{Action: "eks:UpdatePodIdentityAssociation", On: b.subject(), Why: "it has the role " + sdk.ToString(is.RoleArn)}, b.object(), aws.Configured,
		func(ctx context.Context) error {
			return a.untilSeen(ctx, "change the EKS Pod Identity association of "+b.Namespace+"/"+b.Name, func() error {
				_, err := a.EKS.UpdatePodIdentityAssociation(ctx, &eks.UpdatePodIdentityAssociationInput{ClusterName: &c.name, AssociationId: is.AssociationId, RoleArn: &arn})
				return err
			})
		}}}, nil
}

func (a *Account) associate(ctx context.Context, c *cluster, b *Binding, arn string) error {
	return a.untilSeen(ctx, "create the EKS Pod Identity association of "+b.Namespace+"/"+b.Name, func() error {
		_, err := a.EKS.CreatePodIdentityAssociation(ctx, &eks.CreatePodIdentityAssociationInput{ClusterName: &c.name, Namespace: &b.Namespace, ServiceAccount: &b.Name,
			RoleArn: &arn, Tags: a.Tags})
		if aws.Code(err) == "ResourceInUseException" {
			// The answer to a first try was lost, or somebody made the same.
			if is, none := a.association(ctx, c, b); none == nil && is != nil && sdk.ToString(is.RoleArn) == arn {
				return nil
			}
		}
		return err
	})
}

// untilSeen does a call again while EKS does not know the role yet, or whom it trusts, which it then complains of.
func (a *Account) untilSeen(ctx context.Context, doing string, call func() error) error {
	var last error
	clock := a.Clock
	if clock == nil {
		clock = poll.System{}
	}
	err := poll.Until(ctx, clock, seenWithin, func(context.Context) (bool, error) {
		last = call()
		return aws.Code(last) != "InvalidParameterException" || !strings.Contains(strings.ToLower(last.Error()), "role"), nil
	})
	if err != nil && !errors.Is(err, poll.ErrTimeout) {
		return err
	}
	return a.Explain(ctx, doing, last)
}

// checkIdentity looks at every link by EKS Pod Identity.
func (a *Account) checkIdentity(ctx context.Context, c *cluster, b Binding, in InCluster) (*Chain, error) {
	chain := &Chain{Cluster: c.name, ServiceAccount: b.Namespace + "/" + b.Name}
	const again = mend + " --pod-identity"
	profile, err := a.onFargate(ctx, c, b.Namespace)
	if err != nil {
		return nil, err
	}
	chain.add("nodes", profile == "", mend+", which works on Fargate too", "EKS Pod Identity does not work on Fargate, and the Fargate profile %s selects pods of %s", profile, b.Namespace)
	if profile == "" {
		chain.Links[0].Why = "no Fargate profile selects pods of " + b.Namespace
	}
	there, err := a.hasAgent(ctx, c)
	if err != nil {
		return nil, err
	}
	if chain.add("agent", there, a.addAgent(c), "the cluster has the add-on %s", agent); !there {
		chain.Links[1].Why = "the cluster has no add-on " + agent
	}
	is, err := a.association(ctx, c, &b)
	if err != nil {
		return nil, err
	}
	if is == nil {
		chain.add("association", false, again, "no EKS Pod Identity association gives %s a role", chain.ServiceAccount)
		chain.unknown("there is no association", "role", "trust", "policy", "pods")
		return chain, nil
	}
	chain.Role = sdk.ToString(is.RoleArn)
	chain.add("association", true, "", "%s gets %s", chain.ServiceAccount, chain.Role)
	b.Role = chain.Role[strings.LastIndexByte(chain.Role, '/')+1:]
	role, err := a.role(ctx, b.Role)
	if err != nil {
		return nil, err
	}
	if role == nil {
		chain.add("role", false, again, "there is no role %s in this account", b.Role)
		chain.unknown("there is no role", "trust", "policy")
	} else {
		chain.add("role", true, "", "%s", role.arn)
		if err := a.checkRole(ctx, chain, c, &b, role); err != nil {
			return nil, err
		}
	}
	in.checkIdentities(chain)
	return chain, nil
}

// checkIdentities looks whether pods got their role: they do when they are created, or never.
func (in *InCluster) checkIdentities(chain *Chain) {
	switch {
	case in.Unread != "":
		chain.unknown(in.Unread, "pods")
		return
	case len(in.Identities) == 0:
		chain.unknown("no pod of the ServiceAccount runs", "pods")
		return
	}
	for pod, has := range in.Identities {
		if !has {
			namespace, name, _ := strings.Cut(chain.ServiceAccount, "/")
			chain.add("pods", false, "kubectl rollout restart -n "+namespace+" deployment/"+name, "the pod %s was created without the role", pod)
			return
		}
	}
	chain.add("pods", true, "", "%d running with the role", len(in.Identities))
}
