package irsa

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
	fake "github.com/kubectl-falcon/kubectl-falcon/test/fakes/clientset"
)

var injector = Binding{Cluster: "shop", Namespace: "falcon-system", Name: "injector"}

func ensure(t *testing.T, c *cloud, b Binding) *Ensured {
	t.Helper()
	got, err := c.account().Ensure(t.Context(), b, false)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestEnsureMakesTheChainAndTheSecondTimeNothing(t *testing.T) {
	c := newCloud(t)
	got := ensure(t, c, injector)
	c.changed("CreateOpenIDConnectProvider", "CreateRole", "PutRolePolicy")
	if got.Annotation != "eks.amazonaws.com/role-arn=arn:aws:iam::123456789012:role/"+ourRole || got.Change != aws.Created || got.Provider != providerARN {
		t.Errorf("got %+v", got)
	}
	h := c.roles[ourRole]
	for text, parts := range map[string][]string{
		*h.role.AssumeRolePolicyDocument: {"oidc-provider%2Foidc.eks", "system%3Aserviceaccount%3Afalcon-system%3Ainjector", "%3Aaud%22%3A%22sts.amazonaws.com"},
		h.inline[policyName]: {`"Action":"ecr:GetAuthorizationToken","Resource":"*"`, `"Action":["ecr:BatchGetImage","ecr:GetDownloadUrlForLayer"]`,
			`"Resource":"arn:aws:ecr:*:123456789012:repository/*"`},
	} {
		for _, part := range parts {
			if !strings.Contains(text, part) {
				t.Errorf("%s lacks %s", text, part)
			}
		}
	}
	if again := ensure(t, c, injector); again.Change != aws.Unchanged {
		t.Errorf("the second time it led to %+v", again)
	}
	c.changed()
	// What differs is mended.
	b := injector
	b.Repositories = []string{"shop/web", "arn:aws:ecr:us-east-1:210987654321:repository/base"}
	ensure(t, c, b)
	c.changed("PutRolePolicy")
	if text := h.inline[policyName]; !strings.Contains(text, `["arn:aws:ecr:eu-west-1:123456789012:repository/shop/web","arn:aws:ecr:us-east-1:210987654321:repository/base"]`) {
		t.Errorf("the policy is %s", text)
	}
	c.audiences = []string{"other"}
	b.Name = "other"
	ensure(t, c, b)
	c.changed("AddClientIDToOpenIDConnectProvider", "UpdateAssumeRolePolicy")
}

func TestADryRunChangesNothing(t *testing.T) {
	c := newCloud(t)
	got, err := c.account().Ensure(t.Context(), injector, true)
	if err != nil || len(got.Plan) != 3 || got.Plan[0].Action != "iam:CreateOpenIDConnectProvider" {
		t.Errorf("%+v, %v", got, err)
	}
	c.changed()
}

func TestEnsureLeavesNothingHalfMade(t *testing.T) {
	c := newCloud(t)
	c.refuse["PutRolePolicy"] = fault("AccessDenied")
	_, err := c.account().Ensure(t.Context(), injector, false)
	mustBe(t, err, problem.NoAccess, "give the role "+ourRole+" its policy")
	if len(c.roles) > 0 {
		t.Error("the role is left")
	}
	// If it cannot be removed either, the next run mends it.
	c.refuse["DeleteRole"] = fault("AccessDenied")
	_, err = c.account().Ensure(t.Context(), injector, false)
	mustBe(t, err, problem.NoAccess, "its policy")
	if last := c.events[len(c.events)-1]; !strings.Contains(last, "the next run gives it that") {
		t.Errorf("it said %q", last)
	}
	clear(c.refuse)
	c.calls = nil
	ensure(t, c, injector)
	c.changed("PutRolePolicy")
}

func TestEnsureRefuses(t *testing.T) {
	c := newCloud(t)
	_, err := c.account().Ensure(t.Context(), Binding{Cluster: "absent"}, false)
	mustBe(t, err, problem.BadInput, "there is no EKS cluster absent")
	_, err = c.account().Ensure(t.Context(), Binding{Cluster: "shop", Repositories: []string{"1.dkr.ecr.eu-west-1.amazonaws.com/x"}}, false)
	mustBe(t, err, problem.BadInput, "is not the name of a repository")
	a := c.account()
	a.Owner = "210987654321"
	_, err = a.Ensure(t.Context(), injector, false)
	mustBe(t, err, problem.BadInput, "is in the account 210987654321, and the credentials are for 123456789012")
	c.hold(ourRole, `{"Statement":[]}`, false)
	_, err = c.account().Ensure(t.Context(), injector, false)
	mustBe(t, err, problem.BadInput, "was not made by kubectl falcon, and system:serviceaccount:falcon-system:injector cannot take it")
	c.issuer = ""
	_, err = c.account().Ensure(t.Context(), injector, false)
	mustBe(t, err, problem.Failed, "has no OIDC issuer")
	c.changed()
}

func TestARoleOfOthersThatWillDoIsTaken(t *testing.T) {
	c := newCloud(t)
	ensure(t, c, injector)
	h := c.roles[ourRole]
	h.role.Tags = nil
	delete(h.inline, policyName)
	c.calls = nil
	_, err := c.account().Ensure(t.Context(), injector, false)
	mustBe(t, err, problem.BadInput, "does not allow [ecr:GetAuthorizationToken ecr:BatchGetImage ecr:GetDownloadUrlForLayer]")
	h.attached = []string{"arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"}
	c.managed[h.attached[0]] = `{"Statement":[{"Effect":"Allow","Action":["ecr:GetAuthorizationToken","ecr:Batch*","ecr:Get*"],"Resource":"*"}]}`
	if got := ensure(t, c, injector); got.Change != aws.Unchanged {
		t.Errorf("got %+v", got)
	}
	c.changed()
}

func TestCheckNamesTheBrokenLink(t *testing.T) {
	arn := "arn:aws:iam::123456789012:role/" + ourRole
	well := func() InCluster {
		return InCluster{There: true, Annotation: arn, Pods: map[string]string{"injector-1": arn}}
	}
	for name, one := range map[string]struct {
		breaks func(*cloud, *InCluster)
		link   string
		says   string
	}{
		"nothing":     {func(*cloud, *InCluster) {}, "", ""},
		"no issuer":   {func(c *cloud, _ *InCluster) { c.issuer = "" }, "issuer", "signed by nobody"},
		"no provider": {func(c *cloud, _ *InCluster) { c.there = false }, "provider", "IAM has no OIDC provider for " + host},
		"no audience": {func(c *cloud, _ *InCluster) { c.audiences = nil }, "provider", "takes no tokens for sts.amazonaws.com, only for nobody"},
		"no role":     {func(c *cloud, _ *InCluster) { clear(c.roles) }, "role", "there is no role " + ourRole},
		"another's trust": {func(c *cloud, _ *InCluster) {
			c.hold(ourRole, `{"Statement":[]}`, true).inline = c.roles[ourRole].inline
		}, "trust", "may not take it"},
		"another pod's": {func(c *cloud, _ *InCluster) {
			doc := strings.Replace(*c.roles[ourRole].role.AssumeRolePolicyDocument, "falcon-system", "default", 1)
			c.roles[ourRole].role.AssumeRolePolicyDocument = &doc
		}, "trust", "sub to be system:serviceaccount:default:injector, and it is"},
		"no policy":      {func(c *cloud, _ *InCluster) { clear(c.roles[ourRole].inline) }, "policy", "it lacks ecr:GetAuthorizationToken, ecr:BatchGetImage"},
		"no account":     {func(_ *cloud, in *InCluster) { in.There, in.Annotation = false, "" }, "annotation", "there is no ServiceAccount falcon-system/injector"},
		"no annotation":  {func(_ *cloud, in *InCluster) { in.Annotation = "" }, "annotation", "has no annotation"},
		"older pods":     {func(_ *cloud, in *InCluster) { in.Pods["injector-1"] = "" }, "pods", "the pod injector-1 was created with no role"},
		"another's role": {func(_ *cloud, in *InCluster) { in.Annotation = arn + "x" }, "role", "there is no role " + ourRole + "x"},
	} {
		c := newCloud(t)
		ensure(t, c, injector)
		in := well()
		one.breaks(c, &in)
		chain, err := c.account().Check(t.Context(), injector, in)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		first := Link{}
		for _, l := range chain.Links {
			if l.State == Broken {
				first = l
				break
			}
		}
		if first.Name != one.link || !strings.Contains(first.Why, one.says) || chain.Broken() != (one.link != "") {
			t.Errorf("%s: the broken link is %+v of %+v", name, first, chain.Links)
		}
	}
}

func TestCheckWithoutTheCluster(t *testing.T) {
	c := newCloud(t)
	ensure(t, c, injector)
	chain, err := c.account().Check(t.Context(), injector, InCluster{Unread: "not reached"})
	if err != nil || chain.Broken() || chain.Links[len(chain.Links)-1].State != Unknown {
		t.Errorf("%+v, %v", chain, err)
	}
}

func remove(t *testing.T, c *cloud, b Binding) (*Removed, error) {
	t.Helper()
	return c.account().Delete(t.Context(), b, false, func(Doomed) (bool, error) { return true, nil })
}

func TestDeleteRemovesWhatEnsureMade(t *testing.T) {
	c := newCloud(t)
	ensure(t, c, injector)
	c.calls = nil
	plan, err := c.account().Delete(t.Context(), injector, true, nil)
	if err != nil || len(plan.Plan) != 3 {
		t.Errorf("%+v, %v", plan, err)
	}
	c.changed()
	got, err := remove(t, c, injector)
	if err != nil || got.Role != ourRole || got.Provider != providerARN || c.there || len(c.roles) > 0 {
		t.Errorf("%+v, %v; there are %v", got, err, c.roles)
	}
	c.changed("DeleteRolePolicy", "DeleteRole", "DeleteOpenIDConnectProvider")
	if _, err := remove(t, c, injector); err != nil {
		t.Error(err)
	}
	c.changed()
}

func TestDeleteLeavesWhatOthersNeedOrMade(t *testing.T) {
	c := newCloud(t)
	ensure(t, c, injector)
	c.hold("theirs", *c.roles[ourRole].role.AssumeRolePolicyDocument, false)
	c.calls = nil
	got, err := remove(t, c, injector)
	if err != nil || got.Kept != "the role theirs needs it" || !c.there {
		t.Errorf("%+v, %v", got, err)
	}
	c.tags = nil
	if got, _ = remove(t, c, injector); got.Kept != "kubectl falcon did not make it" {
		t.Errorf("%+v", got)
	}
	c.hold(ourRole, "{}", false).attached = []string{"arn:x"}
	_, err = remove(t, c, injector)
	mustBe(t, err, problem.BadInput, "was not made by kubectl falcon")
	b := injector
	b.Role = ourRole
	c.calls = nil
	if _, err := remove(t, c, b); err != nil || c.roles[ourRole] != nil {
		t.Errorf("%v", err)
	}
	c.changed("DetachRolePolicy", "DeleteRole")
}

func TestWhatTheClusterSays(t *testing.T) {
	pod := func(name, account, role string) *corev1.Pod {
		return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "falcon-system"}, Spec: corev1.PodSpec{ServiceAccountName: account,
			Containers: []corev1.Container{{}, {Env: []corev1.EnvVar{{Name: varRole, Value: role}}}}}}
	}
	client := fake.NewClientset(&corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "injector", Namespace: "falcon-system",
		Annotations: map[string]string{Annotation: "arn"}}}, pod("a", "injector", "arn"), pod("b", "other", "x"))
	in, err := Collect(t.Context(), &kube.Cluster{Client: client}, "falcon-system", "injector")
	if err != nil || !in.There || in.Annotation != "arn" || len(in.Pods) != 1 || in.Pods["a"] != "arn" {
		t.Errorf("%+v, %v", in, err)
	}
	if in, err = Collect(t.Context(), &kube.Cluster{Client: client}, "falcon-system", "absent"); err != nil || in.There {
		t.Errorf("%+v, %v", in, err)
	}
}
