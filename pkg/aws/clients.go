package aws

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	smithy "github.com/aws/smithy-go/middleware"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/ec2query"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/eksapi"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/iamapi"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/wire"
)

// EKS returns a client of the part of the Kubernetes service that is used.
func (s *Session) EKS() *eksapi.Client { return eksapi.New(s.Wire("EKS")) }

// IAM returns a client of the part of the identity service that is used.
func (s *Session) IAM() *iamapi.Client { return iamapi.New(s.Wire("IAM")) }

// EC2 returns a client of the part of EC2 that is used.
func (s *Session) EC2() *ec2query.Client {
	return ec2query.New(s.Wire("EC2"))
}

// Wire is what a client without the SDK's is made of, for a service as the SDK names it, such as "ECR".
func (s *Session) Wire(service string) wire.Settings {
	return wire.Settings{Config: s.Config, Endpoint: s.Endpoint(service), Agent: s.agent}
}

// Endpoint is where calls of a service go in place of AWS, as AWS_ENDPOINT_URL and the profile say, or
// nothing. The service is named as the SDK does, such as "ECR".
func (s *Session) Endpoint(service string) string {
	type source interface {
		GetServiceBaseEndpoint(ctx context.Context, service string) (string, bool, error)
	}
	for _, one := range s.Config.ConfigSources {
		// The context is only for the SDK's interface: what is asked was read when the session was loaded.
		if from, ok := one.(source); ok {
			if found, ok, err := from.GetServiceBaseEndpoint(context.Background(), service); err == nil && ok {
				return found
			}
		}
	}
	if s.Config.BaseEndpoint != nil {
		return *s.Config.BaseEndpoint
	}
	return ""
}

func userAgent(name, version string) []func(*smithy.Stack) error {
	return []func(*smithy.Stack) error{middleware.AddUserAgentKeyValue(name, version)}
}
