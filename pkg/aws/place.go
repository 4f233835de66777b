package aws

import (
	"net/url"
	"strings"
)

// Place is where an EKS cluster is, as far as a kubeconfig says; what it does not say is empty.
type Place struct {
	Cluster, Region, Account string
}

// KubeContext is what of a kubeconfig's context may say where its cluster is.
type KubeContext struct {
	// Context and Cluster are their names, Server the address of the API server.
	Context, Cluster, Server string
	// Args are those of the command that gets the user's token.
	Args []string
}

// Where reads the place of a cluster from the names that `aws eks update-kubeconfig` and eksctl give, from
// the host of its API server, and from the arguments with which its tokens are got. Names in ARNs come first,
// because only they are whole.
func Where(k KubeContext) (p Place) {
	for _, name := range []string{k.Cluster, k.Context} {
		p.take(fromARN(name))
	}
	p.take(fromArgs(k.Args))
	for _, name := range []string{k.Cluster, k.Context} {
		p.take(fromEksctl(name))
	}
	p.take(Place{Region: serverRegion(k.Server)})
	return p
}

// take fills what is not known yet. A region belongs to the cluster that it was said of.
func (p *Place) take(more Place) {
	if p.Cluster != "" && more.Cluster != "" && p.Cluster != more.Cluster {
		return
	}
	if p.Cluster == "" {
		p.Cluster = more.Cluster
	}
	if p.Region == "" {
		p.Region = more.Region
	}
	if p.Account == "" {
		p.Account = more.Account
	}
}

// fromARN reads arn:PARTITION:eks:REGION:ACCOUNT:cluster/NAME.
func fromARN(name string) Place {
	part := strings.SplitN(name, ":", 6)
	if len(part) != 6 || part[0] != "arn" || part[2] != "eks" {
		return Place{}
	}
	cluster, ok := strings.CutPrefix(part[5], "cluster/")
	if !ok {
		return Place{}
	}
	return Place{Cluster: cluster, Region: part[3], Account: part[4]}
}

// fromEksctl reads NAME.REGION.eksctl.io, before which a context has the user's name and an at sign
// (eksctl-io/eksctl, pkg/utils/kubeconfig).
func fromEksctl(name string) Place {
	if at := strings.LastIndexByte(name, '@'); at >= 0 {
		name = name[at+1:]
	}
	rest, ok := strings.CutSuffix(name, ".eksctl.io")
	cluster, region, two := strings.Cut(rest, ".")
	if !ok || !two || !regionForm().MatchString(region) {
		return Place{}
	}
	return Place{Cluster: cluster, Region: region}
}

// serverRegion reads the region from ID.ANY.REGION.eks.amazonaws.com, and from the names with IPv6,
// ID.eks-cluster.REGION.api.aws (docs.aws.amazon.com/eks, "Cluster API server endpoint").
func serverRegion(server string) string {
	u, err := url.Parse(server)
	if err != nil {
		return ""
	}
	part := strings.Split(u.Hostname(), ".")
	for n := 1; n+1 < len(part); n++ {
		service := part[n+1] == "eks" || part[n-1] == "eks-cluster"
		if service && regionForm().MatchString(part[n]) {
			end := strings.Join(part[len(part)-2:], ".")
			if end == "amazonaws.com" || end == "com.cn" || end == "api.aws" || end == "amazonaws.eu" {
				return part[n]
			}
		}
	}
	return ""
}

// fromArgs reads the arguments of `aws eks get-token` and of aws-iam-authenticator.
func fromArgs(args []string) (p Place) {
	for n, arg := range args {
		flag, value, joined := strings.Cut(arg, "=")
		if !joined && n+1 < len(args) {
			value = args[n+1]
		}
		switch flag {
		case "--region":
			p.Region = value
		case "--cluster-name", "--cluster-id", "-i":
			p.Cluster = value
		}
	}
	return p
}
