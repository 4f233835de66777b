package aws_test

import (
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/cluster"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/cluster/fit"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/eksapi"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/fargate"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/iamapi"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/irsa"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/wire/wiretest"
)

// All that is used of the services is there.
var (
	_ interface {
		fargate.EKS
		irsa.EKS
		cluster.EKS
		fit.EKS
	} = (*eksapi.Client)(nil)
	_ interface {
		fargate.IAM
		irsa.IAM
		cluster.IAM
		fit.IAM
	} = (*iamapi.Client)(nil)
)

// TestEndpointsOfServices sees that calls go where the environment says, for one service and for all.
func TestEndpointsOfServices(t *testing.T) {
	forEKS, forAll := wiretest.Serve(t, wiretest.Answer{Body: "{}"}), wiretest.Serve(t, wiretest.Answer{Body: "<DeleteRoleResponse/>"})
	for name, value := range map[string]string{"AWS_ENDPOINT_URL_EKS": forEKS.URL, "AWS_ENDPOINT_URL": forAll.URL, "AWS_REGION": wiretest.Region,
		"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "", "AWS_PROFILE": "",
		"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_EC2_METADATA_DISABLED": "true"} {
		t.Setenv(name, value)
	}
	session, err := aws.Load(t.Context(), aws.Settings{Agent: "kubectl-falcon/1"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := session.EKS().DescribeCluster(t.Context(), &eks.DescribeClusterInput{Name: sdk.String("shop")}); err != nil {
		t.Error(err)
	}
	if _, err := session.IAM().DeleteRole(t.Context(), &iam.DeleteRoleInput{RoleName: sdk.String("pods")}); err != nil {
		t.Error(err)
	}
	if seen := forEKS.Seen(); len(seen) != 1 || seen[0].Path != "/clusters/shop" || seen[0].Scope != wiretest.Region+"/eks" {
		t.Errorf("EKS saw %+v", seen)
	}
	if seen := forAll.Seen(); len(seen) != 1 || seen[0].Scope != wiretest.Region+"/iam" {
		t.Errorf("IAM saw %+v", seen)
	}
}
