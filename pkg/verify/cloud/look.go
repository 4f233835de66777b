package cloud

import (
	"context"
	"errors"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/cluster/fit"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/ec2query"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/fargate"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/irsa"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify"
)

// Account is where to look.
type Account struct {
	// Place is where the cluster is, as far as its kubeconfig says.
	Place aws.Place
	// Connect gets a session in a region; empty, the configuration says which.
	Connect func(ctx context.Context, region string) (*aws.Session, error)
}

// look is one look at an account. Its parts run at the same time, so what several of them write has a lock.
type look struct {
	Account
	about   verify.InAWS
	session *aws.Session
	mu      sync.Mutex
	found   *verify.AWS
}

// Look looks at the account for a cluster; see verify.AskAWS.
func (a Account) Look(ctx context.Context, about verify.InAWS) (*verify.AWS, error) {
	l := &look{Account: a, about: about, found: &verify.AWS{Cluster: a.Place.Cluster, Region: a.Place.Region, Owner: a.Place.Account,
		Unknown: map[verify.AWSPart]string{}}}
	if a.Place.Cluster == "" {
		l.found.Elsewhere = "the kubeconfig's context names no cluster of EKS (--eks-cluster does)"
		return l.found, nil
	}
	var err error
	if l.session, err = a.Connect(ctx, a.Place.Region); err != nil {
		l.unknown(verify.AWSSession, err)
		return l.found, ctx.Err()
	}
	l.found.Region = l.session.Region
	var all errgroup.Group
	for _, part := range []func(context.Context){l.caller, l.cluster, l.image, l.role} {
		all.Go(func() error {
			part(ctx)
			return nil
		})
	}
	_ = all.Wait()
	return l.found, ctx.Err()
}

// unknown notes why a part could not be looked at.
func (l *look) unknown(part verify.AWSPart, err error) {
	why := err.Error()
	if told, ok := errors.AsType[*problem.Error](err); ok && told.Next() != "" {
		why += "; " + told.Next()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.found.Unknown[part] = why
}

func (l *look) caller(ctx context.Context) {
	who, err := l.session.Identity(ctx)
	if err != nil {
		l.unknown(verify.AWSCaller, err)
		return
	}
	l.found.Account, l.found.Caller = who.Account, who.ARN
}

// cluster looks at the cluster, its Fargate profiles and their network.
func (l *look) cluster(ctx context.Context) {
	s := l.session
	profiles := fargate.Account{EKS: s.EKS(), Region: s.Region, Explain: s.Explain}
	source := fit.Source{EKS: s.EKS(), IAM: s.IAM(), Network: s.EC2(), Region: s.Region, Explain: s.Explain, Profiles: profiles.List,
		Parts: []fit.Part{fit.PartProfiles, fit.PartGroups, fit.PartNetwork}}
	seen, err := source.Collect(ctx, l.found.Cluster)
	switch {
	case errors.Is(err, fit.ErrNoCluster):
		l.found.Absent = true
		return
	case err != nil:
		l.unknown(verify.AWSCluster, err)
		return
	}
	for part, of := range map[fit.Part]verify.AWSPart{fit.PartProfiles: verify.AWSProfiles, fit.PartGroups: verify.AWSNodes, fit.PartNetwork: verify.AWSSubnets} {
		if err := seen.Unknown[part]; err != nil {
			l.unknown(of, err)
		}
	}
	l.found.Endpoint, l.found.Profiles = seen.Cluster.Endpoint, seen.Profiles
	switch {
	case seen.Cluster.AutoMode:
		l.found.Nodemaker = "EKS Auto Mode"
	case len(seen.Groups) > 0:
		l.found.Nodemaker = "the node group " + seen.Groups[0]
	}
	for _, p := range fargate.Place(seen.Subnets, seen.Tables) {
		l.found.Subnets = append(l.found.Subnets, verify.Subnet{ID: p.ID, Public: p.Public})
	}
	l.group(ctx, seen.Cluster.Group)
}

// group looks at the cluster's security group.
func (l *look) group(ctx context.Context, id string) {
	if id == "" {
		return
	}
	groups, err := l.session.EC2().DescribeSecurityGroups(ctx, []string{id})
	if err != nil {
		l.unknown(verify.AWSGroup, l.session.Explain(ctx, "look up the security group "+id, err))
		return
	}
	for n := range groups {
		if g := &groups[n]; g.ID == id {
			l.found.Group = &verify.SecurityGroup{ID: id, In: rules(g.In), Out: rules(g.Out)}
		}
	}
}

// lastPort is the highest that there is.
const lastPort = 65535

// rules are those that let TCP through. One for all protocols has no ports.
func rules(all []ec2query.Permission) []verify.Rule {
	kept := []verify.Rule{}
	for n := range all {
		p := &all[n]
		r := verify.Rule{To: lastPort, Groups: p.Groups, Addresses: append(append(append([]string{}, p.Ranges...), p.Ranges6...), p.Lists...)}
		switch {
		case p.Protocol == "-1":
		case p.Protocol != "tcp" && p.Protocol != "6" || p.From == nil || p.To == nil:
			continue
		default:
			r.From, r.To = *p.From, *p.To
		}
		kept = append(kept, r)
	}
	return kept
}

// role looks at the links between the injector and ECR, if it has to read an image there.
func (l *look) role(ctx context.Context) {
	for _, image := range l.about.Images {
		if in, err := l.registry(ctx, image); err == nil && in != nil {
			l.found.Read = image
			break
		}
	}
	if l.found.Read == "" {
		return
	}
	s := l.session
	profiles := fargate.Account{EKS: s.EKS(), Region: s.Region, Explain: s.Explain}
	account := irsa.Account{EKS: s.EKS(), IAM: s.IAM(), Profiles: profiles.List, Region: s.Region, Explain: s.Explain}
	chain, err := account.Check(ctx, irsa.Binding{Cluster: l.found.Cluster, Namespace: l.about.Namespace, Name: l.about.ServiceAccount}, l.about.Account)
	if err != nil {
		l.unknown(verify.AWSRole, err)
		return
	}
	for _, one := range chain.Links {
		l.found.Role = append(l.found.Role, verify.RoleLink{Name: one.Name, State: string(one.State), Why: one.Why, Next: one.Next})
	}
}
