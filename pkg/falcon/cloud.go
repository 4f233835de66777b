package falcon

import (
	"net/url"
	"slices"
	"strings"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// Cloud is one of the vendor's clouds. A customer is in one of them.
type Cloud struct {
	// Name is how the vendor's tools call it, for instance us-1.
	Name string
	// API, Registry and Console are host names.
	API, Registry, Console string
	// Region is the cloud's part of a regional repository's path in the registry.
	Region string
}

// clouds are all there are. Government clouds have registries of their own, and do not take part in the
// discovery. The console of us-3 follows the pattern of its neighbours.
var clouds = []Cloud{
	{"us-1", "api.crowdstrike.com", "registry.crowdstrike.com", "falcon.crowdstrike.com", "us-1"},
	{"us-2", "api.us-2.crowdstrike.com", "registry.crowdstrike.com", "falcon.us-2.crowdstrike.com", "us-2"},
	{"us-3", "api.us-3.crowdstrike.com", "registry.crowdstrike.com", "falcon.us-3.crowdstrike.com", "us-3"},
	{"eu-1", "api.eu-1.crowdstrike.com", "registry.crowdstrike.com", "falcon.eu-1.crowdstrike.com", "eu-1"},
	{"us-gov-1", "api.laggar.gcw.crowdstrike.com", "registry.laggar.gcw.crowdstrike.com", "falcon.laggar.gcw.crowdstrike.com", "gov1"},
	{"us-gov-2", "api.us-gov-2.crowdstrike.mil", "registry.us-gov-2.crowdstrike.mil", "falcon.us-gov-2.crowdstrike.mil", "gov2"},
}

// Clouds returns the names of all clouds, in the order of the vendor's documents.
func Clouds() []string {
	names := make([]string, 0, len(clouds))
	for _, c := range clouds {
		names = append(names, c.Name)
	}
	return names
}

// IsRegistry says whether a host is the registry of one of the clouds.
func IsRegistry(host string) bool {
	return slices.ContainsFunc(clouds, func(c Cloud) bool { return c.Registry == host })
}

// CloudNamed returns the cloud of that name, in any case. An unknown name is an error with the names that
// there are: a silent default would send the customer's secret to a cloud that is not theirs.
func CloudNamed(name string) (Cloud, error) {
	wanted := strings.ToLower(strings.TrimSpace(name))
	if n := slices.IndexFunc(clouds, func(c Cloud) bool { return c.Name == wanted }); n >= 0 {
		return clouds[n], nil
	}
	return Cloud{}, problem.New(problem.BadInput, "write one of "+strings.Join(Clouds(), ", ")+", or leave it out to find out",
		"there is no Falcon cloud %q", name)
}

// HostLink returns the console's page of the host with an agent id. The console's addresses are not
// documented, so it is the best that is known.
func (c Cloud) HostLink(aid string) string {
	return "https://" + c.Console + "/host-management/hosts/" + url.PathEscape(aid)
}
