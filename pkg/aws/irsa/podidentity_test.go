package irsa

import (
	"net/url"
	"strings"
	"testing"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/fargate"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

var onNode = Binding{Cluster: "shop", Namespace: "falcon-system", Name: "injector", PodIdentity: true}

func withAgent(t *testing.T) *cloud {
	c := newCloud(t)
	c.pods.addons = []string{"coredns", agent}
	return c
}

func TestPodIdentityFromNothingAndBack(t *testing.T) {
	c := withAgent(t)
	// A new role is not seen by EKS for some seconds.
	c.pods.blind = 3
	got, err := c.onNodes().Ensure(t.Context(), onNode, false)
	if err != nil || got.Annotation != "" || got.Provider != "" || !got.PodIdentity || got.Change != aws.Created {
		t.Fatalf("got %+v, %v", got, err)
	}
	c.changed("CreateRole", "PutRolePolicy", "CreatePodIdentityAssociation")
	trust, _ := url.QueryUnescape(*c.roles[ourRole].role.AssumeRolePolicyDocument)
	for _, part := range []string{`"Service":"pods.eks.amazonaws.com"`, `["sts:AssumeRole","sts:TagSession"]`, `"aws:RequestTag/kubernetes-namespace":"falcon-system"`,
		`"aws:RequestTag/kubernetes-service-account":"injector"`, `"aws:RequestTag/eks-cluster-arn":"arn:aws:eks:eu-west-1:123456789012:cluster/shop"`} {
		if !strings.Contains(trust, part) {
			t.Errorf("the trust %s lacks %s", trust, part)
		}
	}
	if got, err = c.onNodes().Ensure(t.Context(), onNode, false); err != nil || got.Change != aws.Unchanged {
		t.Errorf("the second time it led to %+v, %v", got, err)
	}
	c.changed()
	// Another role: the association follows, and the other role stays.
	b := onNode
	b.Role = "other"
	if _, err := c.onNodes().Ensure(t.Context(), b, false); err != nil {
		t.Fatal(err)
	}
	c.changed("CreateRole", "PutRolePolicy", "UpdatePodIdentityAssociation")
	removed, err := c.onNodes().Delete(t.Context(), b, false, func(Doomed) (bool, error) { return true, nil })
	if err != nil || removed.Association == "" || removed.Role != "other" {
		t.Errorf("got %+v, %v", removed, err)
	}
	c.changed("DeletePodIdentityAssociation", "DeleteRolePolicy", "DeleteRole")
}

func TestPodIdentityIsRefusedWhereItDoesNotWork(t *testing.T) {
	c := withAgent(t)
	c.pods.profiles = []fargate.Profile{{Name: "fp-gone", Status: "DELETING", Selectors: []fargate.Selector{{Namespace: "falcon-*"}}}}
	if _, err := c.onNodes().Ensure(t.Context(), onNode, true); err != nil {
		t.Errorf("a profile that goes is in the way: %v", err)
	}
	c.pods.profiles[0].Status = "ACTIVE"
	_, err := c.onNodes().Ensure(t.Context(), onNode, false)
	mustBe(t, err, problem.BadInput, "the Fargate profile fp-gone selects pods of falcon-system, and EKS Pod Identity does not work on Fargate")
	c.pods.profiles, c.pods.addons = nil, []string{"coredns"}
	_, err = c.onNodes().Ensure(t.Context(), onNode, false)
	mustBe(t, err, problem.Failed, "has no add-on eks-pod-identity-agent")
	c.changed()
	// What somebody else made is not changed.
	c.pods.addons = []string{agent}
	b := onNode
	b.Role = "theirs"
	if _, err := c.onNodes().Ensure(t.Context(), b, false); err != nil {
		t.Fatal(err)
	}
	c.pods.associations["falcon-system/injector"].Tags = nil
	c.calls = nil
	_, err = c.onNodes().Ensure(t.Context(), onNode, false)
	mustBe(t, err, problem.BadInput, "role/theirs was not made by kubectl falcon")
	c.changed()
	if _, err := c.onNodes().Delete(t.Context(), onNode, false, func(Doomed) (bool, error) { return true, nil }); err != nil {
		t.Error(err)
	}
	c.changed()
	// A role that EKS never sees is told with what EKS says.
	c.pods.associations, c.pods.blind = nil, 1000
	_, err = c.onNodes().Ensure(t.Context(), onNode, false)
	mustBe(t, err, problem.Failed, "Trust policy of the role provided is invalid")
}

// links are the states of a chain by name.
func links(c *Chain) map[string]State {
	all := map[string]State{}
	for _, l := range c.Links {
		all[l.Name] = l.State
		if l.State == Broken && l.Next == "" {
			all[l.Name] = "without advice"
		}
	}
	return all
}

func TestCheckOfPodIdentity(t *testing.T) {
	c := withAgent(t)
	if _, err := c.onNodes().Ensure(t.Context(), onNode, false); err != nil {
		t.Fatal(err)
	}
	sound := func() (*cloud, InCluster) {
		one := *c
		return &one, InCluster{There: true, Identities: map[string]bool{"injector-1": true}}
	}
	for name, test := range map[string]struct {
		damage func(c *cloud, in *InCluster)
		broken string
	}{
		"nothing":       {func(*cloud, *InCluster) {}, ""},
		"not restarted": {func(_ *cloud, in *InCluster) { in.Identities["injector-1"] = false }, "pods"},
		"no agent":      {func(c *cloud, _ *InCluster) { c.pods.addons = nil }, "agent"},
		"on Fargate": {func(c *cloud, _ *InCluster) {
			c.pods.profiles = []fargate.Profile{{Name: "fp", Status: "CREATING", Selectors: []fargate.Selector{{Namespace: "falcon-system", Labels: map[string]string{"a": "b"}}}}}
		}, "nodes"},
		"no role": {func(c *cloud, _ *InCluster) { c.roles = nil }, "role"},
	} {
		c, in := sound()
		test.damage(c, &in)
		// Without an annotation it is found out which way it is.
		chain, err := c.onNodes().Check(t.Context(), injector, in)
		if err != nil {
			t.Fatal(err)
		}
		for link, state := range links(chain) {
			if (state == Broken) != (link == test.broken) || state == "without advice" {
				t.Errorf("%s: %s is %s", name, link, state)
			}
		}
	}
	// Without an association only who asks for it is told.
	d, in := sound()
	d.pods.associations = nil
	chain, err := d.onNodes().Check(t.Context(), onNode, in)
	if err != nil || links(chain)["association"] != Broken {
		t.Errorf("got %+v, %v", chain, err)
	}
}
