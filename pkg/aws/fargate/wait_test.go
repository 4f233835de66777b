package fargate

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

func TestAWaitSurvivesAnswersThatPass(t *testing.T) {
	c := newCloud(t)
	c.refuse["DescribeFargateProfile"] = &refusing{9, fault("ThrottlingException", "Rate exceeded")}
	ensure(t, c, "falcon-system")
	c.said("Rate exceeded")

	c = newCloud(t)
	c.refuse["DescribeFargateProfile"] = &refusing{99, fault("ThrottlingException", "Rate exceeded")}
	_, err := ensureWith(t, c, nil, "falcon-system")
	mustBe(t, err, problem.Failed, "ThrottlingException")

	c = newCloud(t)
	c.takes = time.Hour
	_, err = ensureWith(t, c, nil, "falcon-system")
	mustBe(t, err, problem.TimedOut, "the Fargate profile fp-falcon-system is not active yet")
	_, err = ensureWith(t, c, nil, "web")
	mustBe(t, err, problem.TimedOut, "the Fargate profile fp-falcon-system is being created")
}

func TestTheSameMadeBySomebodyElseMeanwhileIsEnough(t *testing.T) {
	c := newCloud(t)
	c.refuse["CreateFargateProfile"] = &refusing{1, fault(codeInUse, "Fargate Profile already exists with this name: fp-falcon-system")}
	racing := c.account()
	racing.Report = func(e aws.Event) {
		if e.Change == aws.Created && strings.HasPrefix(e.Object, "role/") {
			c.there("fp-falcon-system", false, Selector{Namespace: "falcon-system"})
		}
	}
	got, err := racing.Ensure(t.Context(), Wanted{Cluster: "shop", Selectors: selectors(t, "falcon-system"), Timeout: time.Minute})
	if err != nil || got.Profiles[0].Name != "fp-falcon-system" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestEKSsZonesAreTaken(t *testing.T) {
	c := newCloud(t)
	c.refuse["CreateFargateProfile"] = &refusing{1, &types.UnsupportedAvailabilityZoneException{Message: sdk.String("no"), ValidZones: []string{"eu-west-1b"}}}
	if got := ensure(t, c, "falcon-system"); !slices.Equal(got.Profiles[0].Subnets, []string{"subnet-b"}) {
		t.Errorf("got %v", got.Profiles[0].Subnets)
	}
	c.said("no Fargate in the zones of some subnets")
}

func TestADryRunChangesNothingAndSaysEveryCall(t *testing.T) {
	c := newCloud(t)
	got, err := ensureWith(t, c, func(w *Wanted) { w.DryRun = true }, "falcon-system")
	if err != nil {
		t.Fatal(err)
	}
	c.changed()
	var actions []string
	for _, s := range got.Plan {
		actions = append(actions, s.Action+" "+s.On)
	}
	if want := []string{"iam:CreateRole " + roleName, "iam:AttachRolePolicy " + roleName, "eks:CreateFargateProfile fp-falcon-system"}; !slices.Equal(actions, want) {
		t.Errorf("the plan is %v", actions)
	}
}

func TestAStopEndsAWait(t *testing.T) {
	c := newCloud(t)
	ctx, stop := context.WithCancel(t.Context())
	a := c.account()
	a.Report = func(e aws.Event) {
		if strings.Contains(e.State, "CREATING") {
			stop()
		}
	}
	_, err := a.Ensure(ctx, Wanted{Cluster: "shop", Selectors: selectors(t, "falcon-system"), Timeout: time.Minute})
	if err != context.Canceled || len(c.roles) != 1 || len(c.profiles) != 1 {
		t.Errorf("%v; it left %v and %v", err, c.roles, c.profiles)
	}
}
