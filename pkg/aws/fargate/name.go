package fargate

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// What EKS wants of a profile's name. "The fargate profile name starts with the reserved prefix: 'eks-'" and
// "The Fargate profile name parameter should not be greater than 100 characters" are its own words for two.
const (
	maxName  = 100
	reserved = "eks-"
)

var namePattern = pattern(`^[0-9A-Za-z][0-9A-Za-z_-]*$`)

// CheckName refuses a profile's name that EKS would refuse.
func CheckName(name string) error {
	const next = "choose another name, such as fp-shop"
	switch {
	case name == "":
		return problem.New(problem.BadInput, next, "the Fargate profile has no name")
	case strings.HasPrefix(name, reserved):
		return problem.New(problem.BadInput, next, "%q is no name for a Fargate profile: EKS keeps names that begin with %s for itself", name, reserved)
	case len(name) > maxName:
		return problem.New(problem.BadInput, next, "%q is no name for a Fargate profile: it has %d characters, EKS takes %d", name, len(name), maxName)
	case !namePattern().MatchString(name):
		return problem.New(problem.BadInput, next, "%q is no name for a Fargate profile: it takes letters, digits, - and _, and begins with a letter or a digit", name)
	}
	return nil
}

// DefaultName is the name of a profile whose first selector this is: fp-, as eksctl's begin, and the namespace.
func DefaultName(s Selector) string {
	name := "fp-" + strings.Trim(strings.NewReplacer("*", "any", "?", "x").Replace(s.Namespace), "-")
	if len(s.Labels) > 0 {
		// Two selectors in one namespace differ by their labels.
		name += "-" + short(s.String())
	}
	return name
}

// maxRoleName is IAM's.
const maxRoleName = 64

// RoleName is the name of the pod execution role for the profiles of a cluster. Roles are the account's, so it
// names the region too.
func RoleName(cluster, region string) string {
	return FitRoleName("falcon-fargate-"+cluster, region)
}

// FitRoleName joins the two parts of a role's name, and makes it short enough for IAM without making two alike.
func FitRoleName(name, region string) string {
	if whole := name + "-" + region; len(whole) <= maxRoleName {
		return whole
	}
	end := fmt.Sprintf("-%s-%s", short(name), region)
	return strings.TrimRight(name[:max(maxRoleName-len(end), 1)], "-") + end
}

// short tells texts apart in a few characters.
func short(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:4])
}
