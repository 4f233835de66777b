package inject

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// withPull are options with a pull secret of that name, and their record.
func withPull(name string) Options {
	o := goodOptions()
	o.PullSecret, o.PullSecretConfig = name, []byte(`{"auths":{"registry.example.com":{"auth":"dTpw"}}}`)
	o.Inputs = map[string]string{"pull-secret": name}
	return o
}

// What is wrong with the input is told before anything is changed, and so with the exit code that says so.
func TestAPullSecretIsLookedAtBeforeAnythingIsChanged(t *testing.T) {
	for name, tt := range map[string]struct {
		there *corev1.Secret
		says  []string
	}{
		"missing": {nil, []string{`there is no secret "pull" in namespace falcon-system`, "--pull-secret-file"}},
		"of another type": {&corev1.Secret{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
			ObjectMeta: metav1.ObjectMeta{Name: "pull", Namespace: Namespace}, Data: map[string][]byte{"x": []byte("y")}},
			[]string{"is not of type kubernetes.io/dockerconfigjson", "kubectl create secret docker-registry"}},
	} {
		t.Run(name, func(t *testing.T) {
			c, client := newCluster(t)
			if tt.there != nil {
				c.put(tt.there)
			}
			o := goodOptions()
			o.PullSecret = "pull"
			_, err := Install(t.Context(), client, o, goodHow(), func(Event) {})
			wantProblem(t, err, problem.BadInput, tt.says...)
			if len(c.did()) > 0 {
				t.Errorf("it did %q", c.did())
			}
		})
	}
}

// Credentials of a registry must not stay where no plan has them any more.
func TestInstallTakesStalePullSecretsAway(t *testing.T) {
	first := []string{"secrets/falcon-system/pull", "secrets/default/pull", "secrets/shop/pull"}
	for name, tt := range map[string]struct {
		then Options
		// left are those of the first name, changed the deletions.
		left []string
	}{
		"without the option":   {goodOptions(), nil},
		"under another name":   {withPull("other"), nil},
		"where one opts out":   {func() Options { o := withPull("pull"); o.ExcludeNamespaces = []string{"shop"}; return o }(), first[:2]},
		"with the same option": {withPull("pull"), first},
		"now the user's own":   {func() Options { o := withPull("pull"); o.PullSecretConfig = nil; return o }(), first},
	} {
		t.Run(name, func(t *testing.T) {
			c, client := newCluster(t)
			c.put(secretOf(pairs()[0]))
			mine := object{"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson", "metadata": object{"name": "mine", "namespace": "shop"}}
			c.put(mine)
			mustInstall(t, client, withPull("pull"))
			c.forget()
			outcomes, err := Preview(t.Context(), client, tt.then, goodHow(), func(Event) {})
			if err != nil {
				t.Fatal(err)
			}
			changed, err := Install(t.Context(), client, tt.then, goodHow(), func(Event) {})
			if err != nil {
				t.Fatal(err)
			}
			var left []string
			for _, key := range first {
				if c.of(key) != nil {
					left = append(left, key)
				}
			}
			wantLines(t, "left are", left, tt.left...)
			if c.of("secrets/shop/mine") == nil {
				t.Error("somebody else's is gone")
			}
			if changed != (name != "with the same option") {
				t.Errorf("it says that it changed something: %v; it did %q", changed, c.did())
			}
			// What the preview says must be what the run does.
			var said, did []string
			for _, o := range outcomes {
				if o.Change == kube.Deleted {
					said = append(said, "DELETE secrets/"+strings.TrimPrefix(o.Name, "secret/"))
				}
			}
			for _, deed := range c.did() {
				if strings.HasPrefix(deed, "DELETE secrets/") {
					did = append(did, deed)
				}
			}
			slices.Sort(said)
			slices.Sort(did)
			wantLines(t, "the preview says", said, did...)
		})
	}
}

// A namespace that still needs its copy is a difference.
func TestPreviewShowsCopiesOfThePullSecret(t *testing.T) {
	c, client := newCluster(t)
	c.put(secretOf(pairs()[0]))
	mustInstall(t, client, withPull("pull"))
	c.put(object{"apiVersion": "v1", "kind": "Namespace", "metadata": object{"name": "young"}})
	c.forget()
	outcomes, err := Preview(t.Context(), client, withPull("pull"), goodHow(), func(Event) {})
	if err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]kube.Change{"secret/pull (young)": kube.Created, "secret/pull (shop)": kube.Unchanged} {
		n := slices.IndexFunc(outcomes, func(o Outcome) bool { return o.Name == want })
		if n < 0 || outcomes[n].Change != change || outcomes[n].Rendered == nil {
			t.Errorf("%s is not shown as %s: %+v", want, change, outcomes)
		}
	}
	if len(c.did()) > 0 {
		t.Errorf("it did %q", c.did())
	}
}

// Whoever may not list secrets and had a pull secret is told what may be left; who had none is not.
func TestStalePullSecretsWithoutTheRightToLook(t *testing.T) {
	for had, o := range map[bool]Options{true: withPull("pull"), false: goodOptions()} {
		c, client := newCluster(t)
		c.put(secretOf(pairs()[0]))
		mustInstall(t, client, o)
		c.rules = InstallRules(goodOptions())
		j := mustInstall(t, client, goodOptions())
		if said := strings.Contains(strings.Join(j.remarks, "\n"), "you may not list secrets"); said != had {
			t.Errorf("it had one: %v; it said %q", had, j.remarks)
		}
		if asked := slices.Contains(c.lacked, "list secrets"); asked != had {
			t.Errorf("it had one: %v; it asked for %q in vain", had, c.lacked)
		}
	}
}

// An object that other options made is a change when it goes, and a preview says so.
func TestADeletionIsAChange(t *testing.T) {
	c, client := newCluster(t)
	c.installed(t, client)
	o := goodOptions()
	o.ReadPullSecrets = false
	outcomes, err := Preview(t.Context(), client, o, goodHow(), func(Event) {})
	if err != nil {
		t.Fatal(err)
	}
	n := slices.IndexFunc(outcomes, func(o Outcome) bool { return o.Name == "clusterrole/falcon-injector" })
	if n < 0 || outcomes[n].Change != kube.Deleted || outcomes[n].Before == nil || outcomes[n].Rendered != nil {
		t.Errorf("the preview shows %+v", outcomes)
	}
	mustInstall(t, client, o)
	// A run that was cut short leaves the deletion alone to the next.
	role := c.put(asUnstructured(object{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
		"metadata": object{"name": "falcon-injector", "labels": object{"app.kubernetes.io/managed-by": "kubectl-falcon"}}}))
	if changed, err := Install(t.Context(), client, o, goodHow(), func(Event) {}); err != nil || !changed || c.of("clusterroles//"+role.GetName()) != nil {
		t.Errorf("changed %v, %v", changed, err)
	}
}
