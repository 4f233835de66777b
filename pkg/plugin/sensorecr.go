package plugin

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/ecr"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/sensor"
)

// How the policies call what reads from ECR and what writes to it.
const (
	pullCommand = "sensor pull"
	pushCommand = "sensor push"
)

// standInECR says whether calls to ECR go to a server that stands in for AWS, whose registry has another name
// than those of ECR.
func standInECR() bool {
	return os.Getenv("AWS_ENDPOINT_URL_ECR") != "" || os.Getenv("AWS_ENDPOINT_URL") != ""
}

// ecrAccess is the way into a registry of ECR.
type ecrAccess struct {
	host, region, repository string
	keys                     authn.Keychain
	// command is the one whose policy has the rights, if it is not a push by itself.
	command string
	// without is why AWS gave no login, if it did not; then docker's configuration is what there is.
	without error
}

// ecrAccess logs in to the registry of an image if that is one of ECR; elsewhere it returns nil. The region is
// that in the registry's name. Without AWS credentials it is docker's configuration that counts, if that has
// something for the registry.
func (s *session) ecrAccess(ctx context.Context, image, profile string) (*ecrAccess, error) {
	parsed, err := name.ParseReference(image)
	if err != nil {
		// It may be a file; and a wrong name is told by whoever uses it.
		return nil, nil
	}
	registry := parsed.Context().Registry
	where, real := ecr.ParseHost(registry.RegistryStr())
	if !real && !standInECR() {
		return nil, nil
	}
	login, region, err := s.ecrToken(ctx, where.Region, profile)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	a := &ecrAccess{host: registry.RegistryStr(), region: region, repository: parsed.Context().RepositoryStr(), keys: authn.DefaultKeychain, without: err}
	switch {
	case err == nil && !real && login.Host != a.host:
		return nil, nil
	case err == nil:
		a.keys = sensor.LoginKeychain(sensor.Login{Host: a.host, User: login.User, Password: login.Password()}, authn.DefaultKeychain)
		return a, nil
	case !real:
		// It may be any registry.
		return a, nil
	}
	if kept, none := authn.DefaultKeychain.Resolve(registry); none != nil || kept == authn.Anonymous {
		return nil, err
	}
	s.remark("AWS gives no login for %s, so docker's is used: %v", a.host, err)
	return a, nil
}

func (s *session) ecrToken(ctx context.Context, region, profile string) (ecr.Login, string, error) {
	account, err := s.awsSession(ctx, &awsFlags{region: region, profile: profile, command: pushCommand})
	if err != nil {
		return ecr.Login{}, region, err
	}
	login, err := ecr.New(account, ecr.Connect(account), nil).Login(ctx)
	return login, account.Region, err
}

// pushAdvice says what to do in AWS about what a registry of ECR refused. Each of from and to is nil where the
// registry is none of ECR.
func pushAdvice(err error, from, to *ecrAccess) error {
	if none, ok := errors.AsType[*sensor.NoRepository](err); ok && to != nil && none.Host == to.host && none.Name == to.repository {
		return problem.New(problem.BadInput, "make it: kubectl falcon aws ecr ensure "+none.Name+" --region "+to.region, "%w", err)
	}
	refused, ok := errors.AsType[*sensor.LoginRefused](err)
	if !ok {
		return err
	}
	command, at := pushCommand, to
	if to != nil && to.command != "" {
		command = to.command
	}
	action := aws.RefusedAction(refused.Error())
	if from != nil && refused.Host == from.host && (to == nil || to.host != from.host || action == "ecr:GetDownloadUrlForLayer") {
		command, at = pullCommand, from
	}
	if at == nil || at.host != refused.Host {
		return err
	}
	if action == "" && refused.Looked != "" {
		// Such an answer has no text.
		action = map[string]string{"blob": "ecr:BatchCheckLayerAvailability", "manifest": "ecr:BatchGetImage"}[refused.Looked]
		err = fmt.Errorf("%w; the right %s may be missing", err, action)
	}
	switch {
	case at.without != nil:
		return at.without
	case action != "":
		return problem.New(problem.NoAccess, "ask for the rights that this prints: kubectl falcon aws iam-policy "+command, "%w", err)
	case strings.Contains(refused.Error(), "expired"):
		return problem.New(problem.NoAccess, "run it again: it gets a new token, and sends only what is missing", "%w", err)
	}
	return problem.New(problem.NoAccess, "see what is wrong: kubectl falcon aws ecr login-check --region "+at.region, "%w", err)
}
