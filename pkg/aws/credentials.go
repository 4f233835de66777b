package aws

import (
	"context"
	"errors"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/ssocreds"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

var errNoCredentials = errors.New("no credentials")

const giveCredentials = "log in (aws sso login, or aws configure), name a profile with --profile, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"

// fromMetadata says whether credentials come from a virtual machine's metadata service, which is also where
// the SDK looks when there are none.
func fromMetadata(provider sdk.CredentialsProvider) bool {
	p, ok := provider.(sdk.CredentialProviderSource)
	if !ok {
		return false
	}
	for _, source := range p.ProviderSources() {
		if source == sdk.CredentialSourceIMDS {
			return true
		}
	}
	return false
}

// renew is what to do about credentials that have expired.
func (s *Session) renew() string {
	next := "get new credentials: aws sso login"
	if s.profile != "" {
		next += " --profile " + s.profile
	}
	return next + ", or what gave you these"
}

// unconfigured is the error of a configuration that cannot be read.
func (s *Session) unconfigured(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if missing, ok := errors.AsType[config.SharedConfigProfileNotExistError](err); ok {
		return problem.New(problem.BadInput, "see which there are: aws configure list-profiles",
			"there is no AWS profile %s in the files of AWS's configuration", missing.Profile)
	}
	if _, ok := errors.AsType[config.AssumeRoleTokenProviderNotSetError](err); ok {
		return problem.New(problem.BadInput, "run it at a terminal, or use a profile without a device",
			"the AWS profile's role asks for the code of a device")
	}
	return problem.New(problem.BadInput, "check the files of AWS's configuration (~/.aws/config, ~/.aws/credentials) and the variables that begin with AWS_",
		"the AWS configuration cannot be used: %w", innermost(err))
}

// unauthenticated is the error of credentials that are not to be had.
func (s *Session) unauthenticated(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, errNoCredentials) || fromMetadata(s.Config.Credentials) {
		return problem.New(problem.NoAccess, giveCredentials, "there are no AWS credentials in the environment, in the profile or on this machine")
	}
	return s.unauthenticatedFor("get AWS credentials", err)
}

// unauthenticatedFor tells what is wrong with credentials that are configured.
func (s *Session) unauthenticatedFor(doing string, err error) error {
	if _, ok := errors.AsType[*ssocreds.InvalidTokenError](err); ok {
		return problem.New(problem.NoAccess, "aws sso login"+s.profileFlag(), "%s: the SSO session has expired", doing)
	}
	if _, ok := errors.AsType[config.AssumeRoleTokenProviderNotSetError](err); ok {
		return problem.New(problem.BadInput, "run it at a terminal, or use a profile without a device",
			"%s: the AWS profile's role asks for the code of a device", doing)
	}
	if r, ok := refusal(err); ok {
		kind, next := s.advice(r)
		switch {
		case r.denied() && strings.HasPrefix(r.Action, "sts:"):
			kind, next = problem.NoAccess, "check the role's trust policy, and that these credentials may "+r.Action
		case kind == problem.Failed && next == "", strings.Contains(r.Code, "Unauthorized"):
			kind, next = problem.NoAccess, s.renew()
		}
		return problem.New(kind, next, "%s: AWS says %w", doing, r)
	}
	cause := innermost(err)
	if strings.Contains(err.Error(), "sso") || strings.Contains(err.Error(), "SSO") {
		return problem.New(problem.NoAccess, "aws sso login"+s.profileFlag(), "%s: there is no SSO session: %w", doing, cause)
	}
	return problem.New(problem.NoAccess, giveCredentials, "%s: %w", doing, cause)
}

func (s *Session) profileFlag() string {
	if s.profile == "" {
		return ""
	}
	return " --profile " + s.profile
}
