// Package aws is a local AWS for tests: moto's server answers the control plane, a Docker registry behind ECR's
// token is the data plane, and a front of ours stands before both. The front adds what moto does not model
// (states that take time, one Fargate profile at a time, ECR's own refusals), does faults on demand and keeps a
// log of the actions called. It listens on the loopback address alone, checks no signature and holds nothing
// real. What AWS does and says is told with its source where it is modelled.
//
// It must not be used by the plugin itself.
package aws

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// Account is the only account there is; it is moto's.
const Account = "123456789012"

// AdminKey is an access key id whose calls meet no fault and no policy and are not logged, for what a test
// prepares or looks at.
const AdminKey = "AKIAFRONTADMIN000000"

// UserKey is the access key id that Env gives; any other is taken too.
const UserKey = "AKIAFRONTUSER0000000"

// Options are what may be chosen. The zero value is usable.
type Options struct {
	// Region is the one that Env names and whose default VPC is made like AWS's; eu-west-1 without one.
	Region string
	// Moto is the URL of a moto that runs already. Without one a moto is started and stopped with the cloud.
	Moto string
	// RegistryProgram is the distribution registry. Without one an in-process registry keeps images in memory.
	RegistryProgram string
	// RegistryURL is a registry that runs already and is used in place of one of our own.
	RegistryURL string
	// EndpointAddress and RegistryAddress are where the front listens; 127.0.0.1:0 without one.
	EndpointAddress, RegistryAddress string
	// RegistryHost is the registry's name in repository URIs; without one it is the address it listens on.
	RegistryHost string
	// BlobMounting mounts blobs across repositories. In ECR it is an account setting that is off unless it was
	// put on (Amazon ECR user guide, "Blob mounting").
	BlobMounting bool
	// TokenLife is how long a registry token is good; ECR's are for 12 hours.
	TokenLife time.Duration
	// Times are how long things take.
	Times Times
	// Caller is the ARN of who calls.
	Caller string
	// Now is the clock; without one it is the machine's.
	Now func() time.Time
}

// Times are how long things take that take time in AWS. Zero is over at the next look.
type Times struct {
	ClusterCreate, ClusterDelete time.Duration
	ProfileCreate, ProfileDelete time.Duration
	// Update is how long a cluster is being updated after a change of its configuration, of an addon or of an
	// access entry.
	Update time.Duration
	// RoleSeen is how long after its creation a role is seen by other services.
	RoleSeen time.Duration
}

// Cloud is a running local AWS. It may be used by many goroutines.
type Cloud struct {
	// Endpoint is for AWS_ENDPOINT_URL.
	Endpoint string
	// Registry is the host and port of the registry, as in the URIs of repositories.
	Registry string

	options Options
	moto    string
	store   store
	ca      string
	client  *http.Client
	closers []func() error

	mu       sync.Mutex
	times    Times
	faults   []*fault
	policies []policy
	calls    []*Call
	tokens   map[string]token
	uploads  map[string]*upload
	repos    map[string]*repository
	roles    map[string]time.Time

	// eksMu makes each call of EKS whole: what it checks is still so when it acts.
	eksMu    sync.Mutex
	clusters map[string]*cluster
	// servers are the API servers of clusters that are yet to be made, by name.
	servers map[string]server
}

// Start starts everything and returns when it answers. The cloud ends with Close or with the context.
func Start(ctx context.Context, o Options) (*Cloud, error) {
	setDefaults(&o)
	c := &Cloud{options: o, times: o.Times, client: &http.Client{Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 16}}}
	c.forget()
	if err := c.start(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	context.AfterFunc(ctx, func() { _ = c.Close() })
	return c, nil
}

func setDefaults(o *Options) {
	set := func(s *string, usual string) {
		if *s == "" {
			*s = usual
		}
	}
	set(&o.Region, "eu-west-1")
	set(&o.Caller, "arn:aws:iam::"+Account+":user/moto")
	set(&o.EndpointAddress, "127.0.0.1:0")
	set(&o.RegistryAddress, "127.0.0.1:0")
	if o.TokenLife == 0 {
		o.TokenLife = 12 * time.Hour
	}
	if o.Now == nil {
		o.Now = time.Now
	}
}

func (c *Cloud) start(ctx context.Context) (err error) {
	if c.ca, err = newCA(); err != nil {
		return err
	}
	if c.moto = c.options.Moto; c.moto == "" {
		url, stop, err := startMoto(ctx)
		if err != nil {
			return err
		}
		c.moto, c.closers = url, append(c.closers, stop)
	}
	if err := c.startStore(ctx); err != nil {
		return err
	}
	endpoint, err := c.serve(c.options.EndpointAddress, c)
	if err != nil {
		return err
	}
	c.Endpoint = "http://" + endpoint
	if c.Registry, err = c.serve(c.options.RegistryAddress, http.HandlerFunc(c.serveRegistry)); err != nil {
		return err
	}
	if c.options.RegistryHost != "" {
		c.Registry = c.options.RegistryHost
	}
	return c.likeAWS(ctx)
}

// serve answers on an address until the cloud is closed, and returns the address with its port.
func (c *Cloud) serve(address string, handler http.Handler) (string, error) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return "", fmt.Errorf("listen for the local AWS: %w", err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(listener) }()
	c.closers = append(c.closers, server.Close)
	return listener.Addr().String(), nil
}

// Close stops everything that Start started.
func (c *Cloud) Close() error {
	c.mu.Lock()
	closers := c.closers
	c.closers = nil
	c.mu.Unlock()
	var errs []error
	for i := len(closers) - 1; i >= 0; i-- {
		errs = append(errs, closers[i]())
	}
	return errors.Join(errs...)
}

// Reset empties the cloud: moto, images, faults, policy and log. It does not end running requests.
func (c *Cloud) Reset(ctx context.Context) error {
	c.eksMu.Lock()
	defer c.eksMu.Unlock()
	if err := c.emptyStore(ctx); err != nil {
		return err
	}
	c.forget()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.moto+"/moto-api/reset", nil)
	if err != nil {
		return err
	}
	answer, err := c.client.Do(r)
	if err != nil {
		return fmt.Errorf("reset moto: %w", err)
	}
	_ = answer.Body.Close()
	return c.likeAWS(ctx)
}

// forget drops all state of the front.
func (c *Cloud) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.times = c.options.Times
	c.faults, c.policies, c.calls = nil, nil, nil
	c.tokens, c.uploads, c.repos = map[string]token{}, map[string]*upload{}, map[string]*repository{}
	c.roles, c.clusters, c.servers = map[string]time.Time{}, map[string]*cluster{}, map[string]server{}
}

// SetTimes changes how long things take from now on.
func (c *Cloud) SetTimes(t Times) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.times = t
}

func (c *Cloud) timing() Times {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.times
}

// Env is what a program needs in its environment to use the cloud.
func (c *Cloud) Env() []string {
	return []string{"AWS_ENDPOINT_URL=" + c.Endpoint, "AWS_REGION=" + c.options.Region, "AWS_DEFAULT_REGION=" + c.options.Region,
		"AWS_ACCESS_KEY_ID=" + UserKey, "AWS_SECRET_ACCESS_KEY=none", "AWS_EC2_METADATA_DISABLED=true",
		"AWS_CONFIG_FILE=" + os.DevNull, "AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull}
}
