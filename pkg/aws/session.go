package aws

import (
	"context"
	"regexp"
	"strings"
	"sync"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/logging"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

const (
	// requestTimeout is how long one request may take; the SDK itself would wait for ever.
	requestTimeout = time.Minute
	// metadataTimeout is how long the metadata service of a virtual machine may take. It answers within
	// milliseconds where there is one; elsewhere the SDK would try for seconds.
	metadataTimeout = time.Second
)

// Settings are what a session can be told.
type Settings struct {
	// Region and Profile, if set, come before what the environment and the configuration files say.
	Region, Profile string
	// Near is where the cluster is; its region is taken when nothing else says one.
	Near Place
	// Command is what the user runs, such as "ecr ensure", for advice on the rights that it needs.
	Command string
	// Agent is put into the User-Agent, as name/version.
	Agent string
	// Attempts is how often a request is tried; 0 is what the configuration says.
	Attempts int
	// MFA, if set, asks for the code of the device that a profile's role may need.
	MFA func() (string, error)
}

// Session is an account in a region, with credentials for it.
type Session struct {
	// Config is what the SDK's clients are made of.
	Config sdk.Config
	// Region is the one that all calls go to.
	Region string
	// Command is what the user runs.
	Command string

	profile string
	agent   string
	mu      sync.Mutex
	known   *Identity
}

// Identity is whose credentials these are.
type Identity struct {
	Account string `json:"account"`
	ARN     string `json:"arn"`
	// Partition is aws, aws-cn, aws-us-gov and so on, the second part of each ARN.
	Partition string `json:"partition"`
}

// regionForm is what names of regions look like (docs.aws.amazon.com/global-infrastructure, "AWS Regions").
var regionForm = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z]{2,8}(-[a-z]+)+-[0-9]{1,2}$`) })

// Load reads the configuration, finds the region and gets the credentials. It calls AWS only where the
// credentials come from there.
func Load(ctx context.Context, o Settings) (*Session, error) {
	s := &Session{Command: o.Command, profile: o.Profile, agent: o.Agent}
	var err error
	if s.Config, err = config.LoadDefaultConfig(ctx, o.options()...); err != nil {
		return nil, s.unconfigured(ctx, err)
	}
	switch s.Region = s.Config.Region; {
	case s.Region == "":
		return nil, problem.New(problem.BadInput, "name one with --region, or set AWS_REGION, or put it into the profile",
			"no AWS region is set, and the cluster of the kubeconfig does not say one")
	case !regionForm().MatchString(s.Region):
		return nil, problem.New(problem.BadInput, "name one such as eu-west-1 with --region", "%q is not the name of an AWS region", s.Region)
	}
	if err := s.authenticate(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

func (o *Settings) options() []func(*config.LoadOptions) error {
	all := []func(*config.LoadOptions) error{
		config.WithDefaultRegion(o.Near.Region),
		// What it would say on the way, it says on stderr.
		config.WithLogger(logging.Nop{}),
		config.WithHTTPClient(awshttp.NewBuildableClient().WithTimeout(requestTimeout)),
	}
	if o.Region != "" {
		all = append(all, config.WithRegion(o.Region))
	}
	if o.Profile != "" {
		all = append(all, config.WithSharedConfigProfile(o.Profile))
	}
	if o.Attempts > 0 {
		all = append(all, config.WithRetryMaxAttempts(o.Attempts))
	}
	if name, version, _ := strings.Cut(o.Agent, "/"); name != "" {
		all = append(all, config.WithAPIOptions(userAgent(name, version)))
	}
	if o.MFA != nil {
		all = append(all, config.WithAssumeRoleCredentialOptions(func(a *stscreds.AssumeRoleOptions) { a.TokenProvider = o.MFA }))
	}
	return all
}

// authenticate gets the credentials once, so that what is wrong with them is told before anything is done.
func (s *Session) authenticate(ctx context.Context) error {
	if s.Config.Credentials == nil {
		return s.unauthenticated(ctx, errNoCredentials)
	}
	within := ctx
	if fromMetadata(s.Config.Credentials) {
		var cancel context.CancelFunc
		within, cancel = context.WithTimeout(ctx, metadataTimeout)
		defer cancel()
	}
	if _, err := s.Config.Credentials.Retrieve(within); err != nil {
		return s.unauthenticated(ctx, err)
	}
	return nil
}

// callerAPI is what of STS is used.
type callerAPI interface {
	GetCallerIdentity(context.Context, *sts.GetCallerIdentityInput, ...func(*sts.Options)) (*sts.GetCallerIdentityOutput, error)
}

// Identity says whose credentials these are, and asks AWS the first time. That needs no right.
func (s *Session) Identity(ctx context.Context) (Identity, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.known != nil {
		return *s.known, nil
	}
	found, err := identify(ctx, sts.NewFromConfig(s.Config))
	if err != nil {
		return Identity{}, s.Explain(ctx, "ask whose credentials these are", err)
	}
	s.known = &found
	return found, nil
}

func identify(ctx context.Context, api callerAPI) (Identity, error) {
	answer, err := api.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return Identity{}, err
	}
	found := Identity{Account: sdk.ToString(answer.Account), ARN: sdk.ToString(answer.Arn), Partition: "aws"}
	if part := strings.Split(found.ARN, ":"); len(part) > 1 && part[1] != "" {
		found.Partition = part[1]
	}
	return found, nil
}
