package fargate

import (
	"slices"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

func remove(t *testing.T, c *cloud, names ...string) (*Removed, error) {
	t.Helper()
	return c.account().Delete(t.Context(), Unwanted{Cluster: "shop", Names: names, Timeout: 15 * time.Minute})
}

func TestDeleteRemovesOursOneByOneAndTheRoleLast(t *testing.T) {
	c := newCloud(t)
	c.there("theirs", false, Selector{Namespace: "x"})
	ensure(t, c, "falcon-system")
	ensure(t, c, "web")
	c.calls = nil
	got, err := remove(t, c)
	if err != nil {
		t.Fatal(err)
	}
	c.changed("DeleteFargateProfile fp-falcon-system", "DeleteFargateProfile fp-web", "DetachRolePolicy "+roleName, "DeleteRole "+roleName)
	if !slices.Equal(got.Profiles, []string{"fp-falcon-system", "fp-web"}) || got.Role != roleName || len(c.profiles) != 1 || len(c.roles) != 0 {
		t.Errorf("got %+v, and there are %v", got, c.profiles)
	}
	c.calls = nil
	if got, err = remove(t, c); err != nil || len(got.Profiles) != 0 {
		t.Errorf("the second time it led to %+v, %v", got, err)
	}
	c.changed()
}

func TestDeleteByNameTakesOthersToo(t *testing.T) {
	c := newCloud(t)
	c.there("theirs", false, Selector{Namespace: "x"})
	ensure(t, c, "falcon-system")
	c.calls = nil
	got, err := remove(t, c, "theirs", "absent")
	if err != nil || !slices.Equal(got.Profiles, []string{"theirs"}) || !slices.Equal(got.Absent, []string{"absent"}) {
		t.Errorf("got %+v, %v", got, err)
	}
	// The role stays with its profile.
	c.changed("DeleteFargateProfile theirs")
}

func TestDeleteAsksFirst(t *testing.T) {
	c := newCloud(t)
	ensure(t, c, "falcon-system")
	c.calls = nil
	var asked Doomed
	_, err := c.account().Delete(t.Context(), Unwanted{Cluster: "shop", Timeout: time.Minute, Agree: func(d Doomed) (bool, error) { asked = d; return false, nil }})
	if err != nil || len(asked.Profiles) != 1 || asked.Role != roleName {
		t.Errorf("it asked about %+v, %v", asked, err)
	}
	got, err := c.account().Delete(t.Context(), Unwanted{Cluster: "shop", DryRun: true})
	if err != nil || len(got.Plan) != 3 {
		t.Errorf("the plan is %+v, %v", got, err)
	}
	c.changed()
}

func TestDeleteTellsWhyAProfileStaysAtOnce(t *testing.T) {
	c := newCloud(t)
	ensure(t, c, "falcon-system")
	c.takes, c.fails = 5*time.Second, &types.FargateProfileIssue{Code: types.FargateProfileIssueCodeAccessDenied, Message: sdk.String("not mine")}
	began := c.now
	_, err := remove(t, c)
	mustBe(t, err, problem.Failed, "EKS could not delete the Fargate profile fp-falcon-system: AccessDenied: not mine")
	if took := c.now.Sub(began); took > 7*time.Second {
		t.Errorf("it was told after %s", took)
	}
	if _, err := remove(t, c); err != nil {
		t.Errorf("the second time: %v", err)
	}
	if len(c.profiles)+len(c.roles) > 0 {
		t.Errorf("there are %v and %v", c.profiles, c.roles)
	}
}

func TestDeleteWaitsForItsTurn(t *testing.T) {
	c := newCloud(t)
	ensure(t, c, "falcon-system")
	other := c.there("other", false, Selector{Namespace: "x"})
	other.profile.Status, other.until, other.then = types.FargateProfileStatusCreating, c.now.Add(time.Minute), types.FargateProfileStatusActive
	if _, err := remove(t, c); err != nil {
		t.Fatal(err)
	}
	c.said("fargateprofile/fp-falcon-system waits: the Fargate profile other is being created")
}
