package falcon

import (
	"context"
	"net/http"
	"regexp"
	"strings"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

var (
	askCID = operation{http.MethodGet, "/sensors/queries/installers/ccid/v1", "Sensor Download: Read", "look up the customer id"}
	// The container sensor's registry; others have credentials of their own.
	askRegistry = operation{http.MethodGet, "/container-security/entities/image-registry-credentials/v1",
		"Falcon Images Download: Read", "get the registry's password"}
)

var checksummed = regexp.MustCompile(`^[0-9A-Fa-f]{32}-[0-9A-Fa-f]{2}$`)

// CID returns the customer id with its checksum, as the injector takes it: 32 hexadecimal digits, a hyphen
// and two more.
func (c *Client) CID(ctx context.Context) (string, error) {
	var ids []string
	if _, err := c.call(ctx, askCID, nil, nil, &ids); err != nil {
		return "", err
	}
	if len(ids) != 1 || !checksummed.MatchString(ids[0]) {
		return "", problem.New(problem.Failed, "give it with --cid", "%s: the Falcon API has no customer id in its answer", askCID.about)
	}
	return ids[0], nil
}

// RegistryLogin is the way into the vendor's registry. The password ends after some time, so it is asked
// for when it is used.
type RegistryLogin struct {
	// Host is the registry of the customer's cloud.
	Host, User, Password string
	// Region is the cloud's part of a regional repository's path.
	Region string
}

// Registry returns the login for the registry with the container sensor's image. The user is made of the
// customer id without its checksum.
func (c *Client) Registry(ctx context.Context) (RegistryLogin, error) {
	cid, err := c.CID(ctx)
	if err != nil {
		return RegistryLogin{}, err
	}
	var tokens []struct {
		Token string `json:"token"`
	}
	if _, err := c.call(ctx, askRegistry, nil, nil, &tokens); err != nil {
		return RegistryLogin{}, err
	}
	if len(tokens) == 0 || tokens[0].Token == "" {
		return RegistryLogin{}, problem.New(problem.Failed, "check that the subscription has the container sensor",
			"%s: there is none in the Falcon API's answer", askRegistry.about)
	}
	cloud, err := c.Cloud(ctx)
	if err != nil {
		return RegistryLogin{}, err
	}
	id, _, _ := strings.Cut(strings.ToLower(cid), "-")
	return RegistryLogin{Host: cloud.Registry, User: "fc-" + id, Password: tokens[0].Token, Region: cloud.Region}, nil
}
