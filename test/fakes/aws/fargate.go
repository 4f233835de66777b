package aws

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// profile is what the front knows of a Fargate profile beside moto.
type profile struct {
	// done is when what is being done to it is over.
	done     time.Time
	deleting bool
	// tags are those given after its creation.
	tags    object
	failure *issue
}

// maxSelectors is the quota of selectors in a profile ("Define which Pods use AWS Fargate", EKS user guide).
const maxSelectors = 5

// status is a profile's at this moment.
func (c *Cloud) profileStatus(p *profile) string {
	over := !c.options.Now().Before(p.done)
	switch {
	case p.deleting && over && p.failure != nil:
		return "DELETE_FAILED"
	case p.deleting:
		return "DELETING"
	case !over:
		return "CREATING"
	case p.failure != nil:
		return "CREATE_FAILED"
	}
	return "ACTIVE"
}

// busy is why no profile of a cluster can be made or deleted now, in AWS's words, or nothing: one at a time
// (hashicorp/terraform issue 25059 for deletion, aws/aws-cdk issue 6084 for creation), and none while the
// cluster is updated (eksctl-io/eksctl issue 8514, terraform-aws-modules/terraform-aws-eks issues 2194, 2790).
func (c *Cloud) busy(k *cluster, verb, name string) string {
	for other, p := range k.profiles {
		if status := c.profileStatus(p); other != name && (status == "CREATING" || status == "DELETING") {
			return fmt.Sprintf("Cannot %s Fargate Profile %s because cluster %s currently has Fargate profile %s in status %s",
				verb, name, k.name, other, status)
		}
	}
	if c.options.Now().Before(k.updated) {
		return fmt.Sprintf("Cannot %s Fargate Profile %s because cluster %s currently has update %s in progress", verb, name, k.name, k.update)
	}
	return ""
}

func (c *Cloud) createProfile(ctx context.Context, q *request, k *cluster, described object, met Fault) reply {
	in := q.params()
	name := text(in, "fargateProfileName")
	invalid := func(message string) reply {
		return q.fail(http.StatusBadRequest, "InvalidParameterException", message)
	}
	switch {
	case c.status(k) != "ACTIVE" && c.status(k) != "UPDATING":
		return q.fail(http.StatusBadRequest, "InvalidRequestException", "Cluster '"+k.name+"' is not in ACTIVE status")
	case strings.HasPrefix(name, "eks-"):
		// pulumi/pulumi-eks issue 426.
		return invalid("The fargate profile name starts with the reserved prefix: 'eks-'.")
	case len(list(in, "selectors")) > maxSelectors:
		return invalid(fmt.Sprintf("Fargate Profile has more than %d selectors", maxSelectors))
	case k.profiles[name] != nil:
		// eksctl-io/eksctl issue 5652.
		return q.fail(http.StatusConflict, "ResourceInUseException", "A Fargate Profile already exists with this name in this cluster.")
	}
	if why := c.busy(k, "create", name); why != "" {
		return q.fail(http.StatusConflict, "ResourceInUseException", why)
	}
	arn := text(in, "podExecutionRoleArn")
	if there, trusts := c.assumable(ctx, arn, "eks-fargate-pods.amazonaws.com"); !there {
		return invalid("The role with name " + arn[strings.LastIndex(arn, "/")+1:] + " cannot be found.")
	} else if !trusts {
		return invalid("Misconfigured PodExecutionRole Trust Policy; Please add the eks-fargate-pods.amazonaws.com Service Principal")
	}
	if err := c.privateSubnets(ctx, q.region, in, described); err != nil {
		return invalid(err.Error())
	}
	if refused := c.fargateRole(ctx, q); refused != nil {
		return *refused
	}
	q.body = jsonReply(0, in).body
	answer := c.forward(ctx, q)
	if !answer.ok() {
		return answer
	}
	p := &profile{done: c.options.Now().Add(c.timing().ProfileCreate)}
	if met.Kind == Late {
		p.failure = met.issue()
	}
	k.profiles[name] = p
	return c.withStatus(answer, "CREATING", nil)
}

// privateSubnets refuses subnets that are not there or have a way to an internet gateway, and puts in the
// cluster's private ones where none are given (awslabs/eks-perf-tests issue 195).
func (c *Cloud) privateSubnets(ctx context.Context, region string, in, described object) error {
	given := texts(in, "subnets")
	ids := given
	if len(given) == 0 {
		ids = texts(child(described, "resourcesVpcConfig"), "subnetIds")
	}
	all, err := c.subnets(ctx, region, ids...)
	if err != nil {
		return err
	}
	var private []any
	for _, s := range all {
		if !s.Public {
			private = append(private, s.ID)
		} else if len(given) > 0 {
			return refusal("Subnet " + s.ID + " provided in Fargate Profile is not a private subnet")
		}
	}
	if len(private) == 0 {
		return refusal("No private subnets were found for the cluster")
	}
	in["subnets"] = private
	return nil
}

// withStatus puts a profile's status into moto's answer.
func (c *Cloud) withStatus(answer reply, status string, failure *issue) reply {
	out := answer.object()
	o := child(out, "fargateProfile")
	issues := []object{}
	if failure != nil && strings.HasSuffix(status, "_FAILED") {
		issues = append(issues, object{"code": failure.code, "message": failure.message})
	}
	o["status"], o["health"] = status, object{"issues": issues}
	return jsonReply(answer.status, out)
}

func (c *Cloud) describeProfile(q *request, k *cluster, answer reply) reply {
	if !answer.ok() {
		return answer
	}
	p := k.profiles[q.path[1]]
	if p == nil {
		// Made in moto without the front.
		p = &profile{}
		k.profiles[q.path[1]] = p
	}
	return c.withStatus(answer, c.profileStatus(p), p.failure)
}

func (c *Cloud) deleteProfile(ctx context.Context, q *request, k *cluster, met Fault) reply {
	name := q.path[1]
	answer := c.askEKS(ctx, q.region, http.MethodGet, "/clusters/"+k.name+"/fargate-profiles/"+name)
	if !answer.ok() {
		return answer
	}
	if why := c.busy(k, "Delete", name); why != "" {
		return q.fail(http.StatusConflict, "ResourceInUseException", why)
	}
	p := k.profiles[name]
	if p == nil {
		p = &profile{}
		k.profiles[name] = p
	}
	if status := c.profileStatus(p); status == "CREATING" || status == "DELETING" {
		return q.fail(http.StatusConflict, "ResourceInUseException", fmt.Sprintf(
			"Cannot Delete Fargate Profile %s because cluster %s currently has Fargate profile %[1]s in status %[3]s", name, k.name, status))
	}
	p.deleting, p.failure, p.done = true, nil, c.options.Now().Add(c.timing().ProfileDelete)
	if met.Kind == Late {
		p.failure = met.issue()
	}
	return c.withStatus(answer, "DELETING", nil)
}

// Profiles returns the names of a cluster's Fargate profiles with their status, sorted, for a look from outside.
func (c *Cloud) Profiles(ctx context.Context, cluster string) (all []string, err error) {
	c.eksMu.Lock()
	defer c.eksMu.Unlock()
	c.settle(ctx)
	k, _, err := c.cluster(ctx, c.options.Region, cluster)
	if err != nil {
		return nil, err
	}
	for name, p := range k.profiles {
		all = append(all, name+" "+c.profileStatus(p))
	}
	slices.Sort(all)
	return all, nil
}
