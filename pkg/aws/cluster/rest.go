package cluster

import (
	"context"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/poll"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// addons are those without which no pod runs on a cluster that eksctl makes: it has EKS make none itself.
var addons = []string{"vpc-cni", "kube-proxy", "coredns"}

// onFargate is the configuration with which CoreDNS goes to Fargate (EKS user guide, "Get started with AWS
// Fargate for your cluster").
const onFargate = `{"computeType":"Fargate"}`

// rest is what is missing of a cluster whose creation by an earlier run was stopped: eksctl itself cannot go on.
func (a *Account) rest(ctx context.Context, c *Creation, there *types.Cluster) (parts []part, err error) {
	switch there.Status {
	case types.ClusterStatusActive:
	case types.ClusterStatusCreating, types.ClusterStatusPending, types.ClusterStatusUpdating:
		if !c.DryRun {
			if there, err = a.awaitActive(ctx, c.Name, c.Timeout); err != nil {
				return nil, err
			}
		}
	default:
		return nil, unusable(there)
	}
	profiles, err := a.missingProfiles(ctx, c)
	if err != nil {
		return nil, err
	}
	// eksctl makes the addons before the profiles: with the first of those, it was past them.
	if slices.ContainsFunc(profiles, func(p profile) bool { return p.Name == DefaultProfile }) {
		more, err := a.missingAddons(ctx, c)
		if err != nil {
			return nil, err
		}
		parts = append(parts, more...)
	}
	more, err := a.missingIAM(ctx, c, there)
	if err != nil {
		return nil, err
	}
	parts = append(parts, more...)
	if len(profiles) > 0 {
		config := c.header()
		config.Profiles = profiles
		var names []string
		for _, p := range profiles {
			names = append(names, p.Name)
		}
		if parts, err = a.with(parts, &config, part{args: a.args(c, "create", "fargateprofile", "-f", "-"),
			doing: "create the Fargate profiles " + sentence(names), on: sentence(names), why: "an earlier run was stopped before them"}); err != nil {
			return nil, err
		}
	}
	return parts, nil
}

func (a *Account) with(parts []part, config *clusterConfig, p part) ([]part, error) {
	var err error
	p.config, err = config.yaml()
	return append(parts, p), err
}

// missingProfiles waits until no profile is in the making, since EKS makes one at a time and eksctl gives up at
// the conflict, and returns those that are not there.
func (a *Account) missingProfiles(ctx context.Context, c *Creation) (missing []profile, err error) {
	var there []string
	err = poll.Until(ctx, a.clock(), c.Timeout, func(ctx context.Context) (bool, error) {
		if there, err = a.profileNames(ctx, c.Name); err != nil || c.DryRun {
			return true, err
		}
		for _, name := range there {
			out, err := a.EKS.DescribeFargateProfile(ctx, &eks.DescribeFargateProfileInput{ClusterName: &c.Name, FargateProfileName: sdk.String(name)})
			if aws.Code(err) == codeNotFound {
				return false, nil
			}
			if err != nil {
				return false, a.Explain(ctx, "look up the Fargate profile "+name, err)
			}
			switch out.FargateProfile.Status {
			case types.FargateProfileStatusCreating, types.FargateProfileStatusDeleting:
				a.report(aws.Event{Object: object(c.Name), State: "waits for the Fargate profile " + name + ", which is " + string(out.FargateProfile.Status)})
				return false, nil
			case types.FargateProfileStatusCreateFailed, types.FargateProfileStatusDeleteFailed:
				return false, problem.New(problem.Failed, "remove it: kubectl falcon aws fargate delete "+name+" --cluster "+c.Name+" --region "+a.Region,
					"the Fargate profile %s of the cluster %s is %s", name, c.Name, out.FargateProfile.Status)
			}
		}
		return true, nil
	})
	if err == poll.ErrTimeout {
		return nil, problem.New(problem.TimedOut, "run the same command again; --timeout gives it longer", "the time is over, and a Fargate profile of %s is still in the making", c.Name)
	}
	for _, p := range c.profiles() {
		if !slices.Contains(there, p.Name) {
			missing = append(missing, p)
		}
	}
	return missing, err
}

func (a *Account) profileNames(ctx context.Context, cluster string) (names []string, err error) {
	in := &eks.ListFargateProfilesInput{ClusterName: &cluster}
	for {
		out, err := a.EKS.ListFargateProfiles(ctx, in)
		if err != nil {
			return nil, a.Explain(ctx, "list the Fargate profiles of "+cluster, err)
		}
		names = append(names, out.FargateProfileNames...)
		if in.NextToken = out.NextToken; sdk.ToString(in.NextToken) == "" {
			return names, nil
		}
	}
}

func (a *Account) missingAddons(ctx context.Context, c *Creation) ([]part, error) {
	out, err := a.EKS.ListAddons(ctx, &eks.ListAddonsInput{ClusterName: &c.Name})
	if err != nil {
		return nil, a.Explain(ctx, "list the addons of "+c.Name, err)
	}
	config := c.header()
	var names []string
	for _, name := range addons {
		if slices.Contains(out.Addons, name) {
			continue
		}
		one := addon{Name: name, Tags: c.Tags}
		if name == "coredns" {
			one.Configuration = onFargate
		}
		config.Addons = append(config.Addons, one)
		names = append(names, name)
	}
	if len(names) == 0 {
		return nil, nil
	}
	return a.with(nil, &config, part{args: a.args(c, "create", "addon", "-f", "-"), doing: "create the addons " + sentence(names),
		on: sentence(names), why: "an earlier run was stopped before them"})
}

// missingIAM are the OIDC provider and the role of the service account, as far as they are not there.
func (a *Account) missingIAM(ctx context.Context, c *Creation, there *types.Cluster) (parts []part, err error) {
	if c.Account.Name == "" {
		return nil, nil
	}
	if arn := providerARN(there); arn != "" {
		_, err = a.IAM.GetOpenIDConnectProvider(ctx, &iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: &arn})
		switch {
		case strings.HasPrefix(aws.Code(err), codeNoEntity):
			args := a.args(c, "utils", "associate-iam-oidc-provider", "--cluster", c.Name, "--region", a.Region, "--approve")
			parts = append(parts, part{args: args, doing: "make the OIDC provider", on: arn, why: "an earlier run was stopped before it"})
		case err != nil:
			return nil, a.Explain(ctx, "look up the OIDC provider", err)
		}
	}
	_, err = a.IAM.GetRole(ctx, &iam.GetRoleInput{RoleName: &c.Account.Role})
	if err == nil {
		return parts, nil
	}
	if !strings.HasPrefix(aws.Code(err), codeNoEntity) {
		return nil, a.Explain(ctx, "look up the role "+c.Account.Role, err)
	}
	config := c.header()
	config.IAM = c.iam(true)
	return a.with(parts, &config, part{args: a.args(c, "create", "iamserviceaccount", "-f", "-", "--approve"),
		doing: "make the role " + c.Account.Role, on: "role/" + c.Account.Role, why: "an earlier run was stopped before it"})
}

// providerARN is the ARN of a cluster's OIDC provider, as it follows from the issuer and the account.
func providerARN(c *types.Cluster) string {
	arn := strings.Split(sdk.ToString(c.Arn), ":")
	if c.Identity == nil || c.Identity.Oidc == nil || len(arn) < 5 {
		return ""
	}
	return "arn:" + arn[1] + ":iam::" + arn[4] + ":oidc-provider/" + strings.TrimPrefix(sdk.ToString(c.Identity.Oidc.Issuer), "https://")
}
