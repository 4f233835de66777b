package ecr

import (
	"regexp"
	"strings"
	"sync"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// The forms of names (ECR API reference: CreateRepository, ImageIdentifier).
var (
	nameForm = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*$`)
	})
	tagForm    = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9_.-]{0,127}$`) })
	digestForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^sha256:[0-9a-f]{64}$`) })
)

// The limits of a repository's name.
const shortest, longest = 2, 256

// CheckName refuses a name that ECR would refuse for a repository.
func CheckName(name string) error {
	const next = "use 2 to 256 lower-case letters and digits, between them single . _ - or /, such as falcon-sensor"
	switch {
	case strings.Contains(name, ".amazonaws.com"):
		_, rest, _ := strings.Cut(name, "/")
		rest, _, _ = strings.Cut(rest, ":")
		return problem.New(problem.BadInput, "write only what comes after the registry: "+rest, "%q is the address of a repository, and its name is wanted", name)
	case strings.ContainsAny(name, ":@"):
		return problem.New(problem.BadInput, "leave the tag and the digest out", "%q is the name of an image, and that of its repository is wanted", name)
	case len(name) < shortest || len(name) > longest:
		return problem.New(problem.BadInput, next, "%q is no name for a repository in ECR: it has %d characters", name, len(name))
	case strings.ToLower(name) != name:
		return problem.New(problem.BadInput, next, "%q is no name for a repository in ECR: it has capital letters", name)
	case !nameForm().MatchString(name):
		return problem.New(problem.BadInput, next, "%q is no name for a repository in ECR", name)
	}
	return nil
}

// CheckImage refuses what ECR would refuse for a repository, or for a tag or a digest in it.
func CheckImage(name, image string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	if !digestForm().MatchString(image) && !tagForm().MatchString(image) {
		return problem.New(problem.BadInput, "write a tag such as 7.40.0, or a digest such as sha256:...", "%q is neither a tag nor a digest", image)
	}
	return nil
}

// checkAccount refuses what is no id of an account.
func checkAccount(id string) error {
	if len(id) != 12 || strings.Trim(id, "0123456789") != "" {
		return problem.New(problem.BadInput, "write the 12 digits of its id", "%q is not the id of an AWS account", id)
	}
	return nil
}

// Host is where a registry of ECR is.
type Host struct {
	Account, Region string
}

// hostForm is ACCOUNT.dkr.ecr[-fips].REGION.amazonaws.com[.cn], and with IPv6 ACCOUNT.dkr-ecr[-fips].REGION.on.aws
// (ECR user guide, "Private registry", "Making requests over IPv6"; other partitions as in the SDK's list).
var hostForm = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^([0-9]{12})\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\.` +
		`(?:amazonaws\.com(?:\.cn)?|amazonaws\.eu|on\.aws|on\.amazonwebservices\.com\.cn|c2s\.ic\.gov|sc2s\.sgov\.gov|cloud\.adc-e\.uk|csp\.hci\.ic\.gov)$`)
})

// ParseHost reads the name of a registry, and says whether it is one of ECR.
func ParseHost(host string) (Host, bool) {
	m := hostForm().FindStringSubmatch(host)
	if m == nil {
		return Host{}, false
	}
	return Host{Account: m[1], Region: m[2]}, true
}
