package cluster

import (
	"regexp"
	"sync"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// maxName is EKS's for clusters (docs.aws.amazon.com/eks/latest/APIReference, CreateCluster).
const maxName = 100

var (
	// namePattern is EKS's for clusters.
	namePattern = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[0-9A-Za-z][A-Za-z0-9_-]*$`) })
	// newPattern is narrower: eksctl puts the name into that of a CloudFormation stack, which knows no "_", and
	// wants it to begin with a letter.
	newPattern     = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]*$`) })
	versionPattern = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^1\.[0-9]{1,3}$`) })
	regionPattern  = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z]{2,8}(-[a-z]+)+-[0-9]{1,2}$`) })
)

// CheckName refuses what cannot be the name of a cluster, before anybody is asked about it.
func CheckName(name string) error {
	const next = "it has letters, digits, - and _, and begins with a letter or a digit"
	switch {
	case name == "":
		return problem.New(problem.BadInput, "name it, such as falcon-demo", "the cluster has no name")
	case len(name) > maxName:
		return problem.New(problem.BadInput, "choose a shorter one", "the cluster's name has %d characters, EKS takes %d", len(name), maxName)
	case !namePattern().MatchString(name):
		return problem.New(problem.BadInput, next, "%q cannot be the name of an EKS cluster", name)
	}
	return nil
}

// checkNewName refuses what cannot be the name of a cluster that eksctl makes.
func checkNewName(name string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	if !newPattern().MatchString(name) {
		return problem.New(problem.BadInput, "use letters, digits and -, and begin with a letter",
			"%q cannot be the name of a cluster that eksctl makes: CloudFormation would refuse its stack", name)
	}
	return nil
}
