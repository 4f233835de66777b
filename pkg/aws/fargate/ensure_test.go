package fargate

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

func ensureWith(t *testing.T, c *cloud, change func(*Wanted), texts ...string) (*Ensured, error) {
	t.Helper()
	w := Wanted{Cluster: "shop", Selectors: selectors(t, texts...), Timeout: 15 * time.Minute}
	if change != nil {
		change(&w)
	}
	return c.account().Ensure(t.Context(), w)
}

func ensure(t *testing.T, c *cloud, texts ...string) *Ensured {
	t.Helper()
	got, err := ensureWith(t, c, nil, texts...)
	if err != nil {
		t.Fatalf("%v; it said\n%s", err, strings.Join(c.events, "\n"))
	}
	return got
}

// said checks what was reported.
func (c *cloud) said(texts ...string) {
	c.t.Helper()
	for _, text := range texts {
		if !strings.Contains(strings.Join(c.events, "\n"), text) {
			c.t.Errorf("it did not say %q but\n%s", text, strings.Join(c.events, "\n"))
		}
	}
}

// changed checks the changes that were called.
func (c *cloud) changed(want ...string) {
	c.t.Helper()
	if !slices.Equal(c.calls, want) {
		c.t.Errorf("it called\n%s\nwant\n%s", strings.Join(c.calls, "\n"), strings.Join(want, "\n"))
	}
}

const roleName = "falcon-fargate-shop-eu-west-1"

func TestEnsureMakesTheRoleAndTheProfileAndTheSecondTimeNothing(t *testing.T) {
	c := newCloud(t)
	began := c.now
	got := ensure(t, c, "falcon-system")
	c.changed("CreateRole "+roleName, "AttachRolePolicy "+roleName, "CreateFargateProfile fp-falcon-system")
	if took := c.now.Sub(began); took > c.takes*11/10+2*time.Second {
		t.Errorf("what took %s was noticed after %s", c.takes, took)
	}
	p := got.Profiles[0]
	if p.Name != "fp-falcon-system" || p.Status != "ACTIVE" || p.Change != aws.Created || !p.Owned || !slices.Equal(p.Subnets, []string{"subnet-a", "subnet-b"}) ||
		p.Role != "arn:aws:iam::123456789012:role/"+roleName || got.Role != p.Role || p.Seconds < 70 {
		t.Errorf("got %+v", p)
	}
	trust := sdk.ToString(c.roles[roleName].AssumeRolePolicyDocument)
	for _, part := range []string{"eks-fargate-pods.amazonaws.com", `"ArnLike":{"aws:SourceArn":"arn:aws:eks:eu-west-1:123456789012:fargateprofile/shop/*"}`} {
		if !strings.Contains(trust, part) {
			t.Errorf("the trust policy lacks %s: %s", part, trust)
		}
	}
	if want := "arn:aws:iam::aws:policy/AmazonEKSFargatePodExecutionRolePolicy"; !slices.Equal(c.attached[roleName], []string{want}) {
		t.Errorf("the role has %v", c.attached[roleName])
	}
	c.calls = nil
	again := ensure(t, c, "falcon-system")
	c.changed()
	if len(again.Profiles) != 1 || again.Profiles[0].Change != aws.Unchanged || again.Covered[0].Profile != "fp-falcon-system" {
		t.Errorf("the second time it led to %+v", again)
	}
	// Another namespace gets another profile, with the same role.
	ensure(t, c, "falcon-system", "web:app=a")
	c.changed("CreateFargateProfile " + DefaultName(selectors(t, "web:app=a")[0]))
}

func TestEnsureSplitsWhatIsTooMuchForOneProfile(t *testing.T) {
	c := newCloud(t)
	all := []string{}
	for n := range 12 {
		all = append(all, fmt.Sprintf("n%d", n))
	}
	got, err := ensureWith(t, c, func(w *Wanted) { w.Name = "team" }, all...)
	if err != nil {
		t.Fatal(err)
	}
	c.changed("CreateRole "+roleName, "AttachRolePolicy "+roleName,
		"CreateFargateProfile team", "CreateFargateProfile team-2", "CreateFargateProfile team-3")
	if len(got.Covered) != 12 || len(c.profiles["team-3"].profile.Selectors) != 2 {
		t.Errorf("got %+v", got)
	}
	// Stopped after the first, it goes on with the second.
	delete(c.profiles, "team-2")
	delete(c.profiles, "team-3")
	c.calls = nil
	if _, err := ensureWith(t, c, func(w *Wanted) { w.Name = "team" }, all...); err != nil {
		t.Fatal(err)
	}
	c.changed("CreateFargateProfile team-2", "CreateFargateProfile team-3")
}

func TestEnsureWaitsForItsTurnAndSaysForWhat(t *testing.T) {
	c := newCloud(t)
	other := c.there("other", false, selectors(t, "a")...)
	other.profile.Status, other.until, other.then = types.FargateProfileStatusDeleting, c.now.Add(100*time.Second), ""
	c.updating, c.shown = c.now.Add(30*time.Second), true
	began := c.now
	ensure(t, c, "falcon-system")
	c.said("fargateprofile/fp-falcon-system waits: the cluster shop is being updated",
		"fargateprofile/fp-falcon-system waits: the Fargate profile other is being deleted")
	if took, real := c.now.Sub(began), 170*time.Second; took > real*11/10 {
		t.Errorf("it took %s for %s", took, real)
	}
	// An update that only the refusal shows.
	c.updating, c.shown = c.now.Add(40*time.Second), false
	ensure(t, c, "web")
	c.said("waits: EKS says: Cannot create Fargate Profile fp-web because cluster shop currently has an update in progress")
	// One that is being created already is only awaited.
	c.there("mine", false, selectors(t, "b")...).until = c.now.Add(20 * time.Second)
	c.profiles["mine"].profile.Status, c.profiles["mine"].then = types.FargateProfileStatusCreating, types.FargateProfileStatusActive
	c.calls = nil
	if got := ensure(t, c, "b"); got.Profiles[0].Status != "ACTIVE" {
		t.Errorf("got %+v", got.Profiles)
	}
	c.changed()
}

func TestEnsureWaitsForANewRoleToBeKnown(t *testing.T) {
	c := newCloud(t)
	c.propagation = 25 * time.Second
	ensure(t, c, "falcon-system")
	c.said("waits: the role is not known to EKS yet")

	c = newCloud(t)
	c.propagation = time.Hour
	_, err := ensureWith(t, c, nil, "falcon-system")
	mustBe(t, err, problem.Failed, "Misconfigured PodExecutionRole Trust Policy")
	if len(c.roles) != 0 || len(c.attached[roleName]) != 0 {
		t.Errorf("it left %v", c.roles)
	}
}

func TestEnsureTellsWhyAProfileFailedAtOnce(t *testing.T) {
	c := newCloud(t)
	c.takes = 5 * time.Second
	c.fails = &types.FargateProfileIssue{Code: types.FargateProfileIssueCodeClusterUnreachable, Message: sdk.String("no way there."), ResourceIds: []string{"subnet-a"}}
	began := c.now
	_, err := ensureWith(t, c, nil, "falcon-system")
	mustBe(t, err, problem.Failed, "EKS could not create the Fargate profile fp-falcon-system: ClusterUnreachable: no way there (subnet-a)")
	if took := c.now.Sub(began); took > 7*time.Second {
		t.Errorf("it was told after %s", took)
	}
	c.calls = nil
	_, err = ensureWith(t, c, nil, "falcon-system")
	mustBe(t, err, problem.Failed, "fp-falcon-system is CREATE_FAILED: ClusterUnreachable")
	c.changed()
	if _, err = ensureWith(t, c, func(w *Wanted) { w.ReplaceFailed = true }, "falcon-system"); err != nil {
		t.Fatal(err)
	}
	c.changed("DeleteFargateProfile fp-falcon-system", "CreateFargateProfile fp-falcon-system")
}

func TestEnsureRefusesWhatCannotBe(t *testing.T) {
	for name, one := range map[string]struct {
		change func(*cloud, *Wanted)
		kind   problem.Kind
		says   string
	}{
		"a bad name":          {func(_ *cloud, w *Wanted) { w.Name = "eks-x" }, problem.BadInput, "keeps names that begin with eks-"},
		"no cluster":          {func(_ *cloud, w *Wanted) { w.Cluster = "absent" }, problem.BadInput, "there is no EKS cluster absent in eu-west-1"},
		"a cluster that goes": {func(c *cloud, _ *Wanted) { c.cluster = types.ClusterStatusDeleting }, problem.Failed, "the cluster shop is DELETING"},
		"a name that is taken": {func(c *cloud, w *Wanted) {
			w.Name = "x"
			c.there("x", true, Selector{Namespace: "other"})
		}, problem.BadInput, "there is a Fargate profile x already, for other pods: other instead of falcon-system"},
		"a public subnet": {func(_ *cloud, w *Wanted) { w.Subnets = []string{"subnet-pub"} }, problem.BadInput,
			"the subnet subnet-pub is public: its route table rtb-pub sends 0.0.0.0/0 to the internet gateway igw-1"},
		"no such subnet": {func(_ *cloud, w *Wanted) { w.Subnets = []string{"subnet-x"} }, problem.BadInput, "has no subnet subnet-x"},
		"only public subnets": {func(c *cloud, _ *Wanted) { c.tables[1].Routes[1] = c.tables[0].Routes[1] }, problem.Failed,
			"the VPC vpc-1 has no private subnet for pods on Fargate: subnet-pub is public"},
		"no subnets": {func(c *cloud, _ *Wanted) { c.subnets = nil }, problem.Failed, "the VPC vpc-1 has no subnets"},
		"a local zone": {func(c *cloud, w *Wanted) {
			c.subnets[1].Zone = "us-west-2-lax-1a"
			w.Subnets = []string{"subnet-b"}
		}, problem.BadInput, "is in us-west-2-lax-1a, where there is no Fargate"},
		"no such role": {func(_ *cloud, w *Wanted) { w.Role = "mine" }, problem.BadInput, "there is no IAM role mine"},
		"no right": {func(c *cloud, _ *Wanted) {
			c.refuse["CreateFargateProfile"] = &refusing{1, fault("AccessDeniedException", "User: x is not authorized to perform: iam:PassRole on resource: y")}
		}, problem.NoAccess, "create the Fargate profile fp-falcon-system: the right iam:PassRole is missing"},
		"no policy": {func(c *cloud, _ *Wanted) {
			c.refuse["AttachRolePolicy"] = &refusing{1, fault("AccessDenied", "User: x is not authorized to perform: iam:AttachRolePolicy on resource: y")}
		}, problem.NoAccess, "the right iam:AttachRolePolicy is missing"},
		"a quota": {func(c *cloud, _ *Wanted) {
			c.refuse["CreateFargateProfile"] = &refusing{1, fault("ResourceLimitExceededException", "too many")}
		}, problem.Failed, "ResourceLimitExceededException: too many"},
		"expired": {func(c *cloud, _ *Wanted) {
			c.refuse["ListFargateProfiles"] = &refusing{99, fault("ExpiredTokenException", "old")}
		}, problem.NoAccess, "ExpiredTokenException"},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t)
			_, err := ensureWith(t, c, func(w *Wanted) { one.change(c, w) }, "falcon-system")
			mustBe(t, err, one.kind, one.says)
			if len(c.roles) > 0 {
				t.Error("it left a role")
			}
			for name := range c.profiles {
				if name != "x" {
					t.Errorf("it left the profile %s", name)
				}
			}
		})
	}
}
