package aws_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	fake "github.com/kubectl-falcon/kubectl-falcon/test/fakes/aws"
)

// Without AWS the checks say why, and the others are made all the same.
func TestVerifyAWSWithoutAWS(t *testing.T) {
	s := set(t)
	server := s.put(inside{image: s.Registry + "/falcon-sensor:1", processor: "amd64"})
	for name, says := range map[string]string{"AWS_ACCESS_KEY_ID": "there are no AWS credentials", "AWS_ENDPOINT_URL": "cannot be reached"} {
		t.Run(name, func(t *testing.T) {
			s := &stage{s.Cloud, t, s.network}
			t.Setenv(name, map[string]string{"AWS_ENDPOINT_URL": "http://127.0.0.1:1"}[name])
			t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
			got, o := s.verify()
			for _, id := range []string{"FC901", "FC902", "FC904", "FC907", "FC910"} {
				if c := got[id]; c.Verdict != "unknown" || !strings.Contains(c.Reason, says) {
					t.Errorf("%s is %s: %s", id, c.Verdict, c.Reason)
				}
			}
			o.must(0)
		})
	}
	s.kubeconfigPlain(server)
	got, o := s.verify()
	s.all(got, "skip", nil)
	if !strings.Contains(got["FC901"].Reason, "names no cluster of EKS (--eks-cluster does)") {
		t.Errorf("it says %s", got["FC901"].Reason)
	}
	o.must(0)
	got, _ = s.verify("--eks-cluster", "shop")
	if got["FC901"].Verdict != "pass" {
		t.Errorf("with the name it says %+v", got["FC901"])
	}
	for says, args := range map[string][]string{
		"--region is for --aws":            {"verify", "--region", "eu-west-1"},
		`"moon" is not the name of an AWS`: {"verify", "--aws", "--region", "moon"},
		"there is no AWS profile nix":      {"verify", "--aws", "--profile", "nix"},
		"--watch asks again and again":     {"verify", "--aws", "--watch"},
		"--eks-cluster names one cluster":  {"verify", "--aws", "--eks-cluster", "shop", "--contexts", "a,b"},
		"--profile is for --aws":           {"bundle", "--profile", "a"},
	} {
		s.falcon(t.Context(), args...).must(2, says)
	}
}

// A bundle has what was seen, and is judged without AWS.
func TestABundleWithAWS(t *testing.T) {
	s := set(t)
	in := s.protected()
	in.role = ""
	s.put(in)
	file := filepath.Join(t.TempDir(), "bundle.tar.gz")
	s.falcon(t.Context(), "bundle", "--aws", "-f", file).must(0)
	t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
	s.ClearLog()
	got, _ := s.verify("--from", file)
	// With dry-run pods nothing of it is proved: the stub of Kubernetes takes none.
	s.all(got, "pass", map[string]string{"FC906": "warn"})
	if calls := s.Calls(); len(calls) > 0 {
		t.Errorf("it called %v", calls)
	}
}

// With the policy that iam-policy prints every check is made, and without any one action of it a check says that
// it is missing, and no check fails for that.
func TestThePolicyOfVerifyIsLeast(t *testing.T) {
	s := set(t)
	in := s.protected()
	s.put(in)
	text := s.run("iam-policy", "verify").must(0).out
	try := func(policy string) (map[string]judged, outcome) {
		s.must(s.SetPolicy(policy))
		defer func() { s.must(s.SetPolicy()) }()
		return s.verify()
	}
	without := func(action string, code int) {
		got, o := try(strings.NewReplacer(`"`+action+`",`, "", `"`+action+`"`, `"none:None"`).Replace(text))
		o.must(code)
		for _, c := range got {
			if c.Verdict == "unknown" && strings.Contains(c.Reason, action) && strings.Contains(c.Reason, "kubectl falcon aws iam-policy verify") {
				return
			}
		}
		t.Errorf("without %s no check names it: %+v", action, got)
	}
	got, _ := try(text)
	s.all(got, "pass", nil)
	var later, byIdentity []string
	for _, action := range actionsOf(t, text) {
		switch action {
		case "eks:ListAddons", "eks:ListPodIdentityAssociations", "eks:DescribePodIdentityAssociation":
			byIdentity = append(byIdentity, action)
			continue
		}
		if slices.Contains(named(action), "theirs") || action == "eks:ListNodegroups" {
			later = append(later, action)
			continue
		}
		without(action, 0)
	}
	// Policies that a role shares are read if its own do not do, and node groups looked for if no profile does.
	s.theirs()
	in.role = "arn:aws:iam::" + fake.Account + ":role/theirs"
	s.put(in)
	s.run("fargate", "delete", "fp-falcon-system", "--yes").must(0)
	got, _ = try(text)
	s.all(got, "pass", map[string]string{"FC902": "fail"})
	for _, action := range later {
		code := 1
		if action == "eks:ListNodegroups" {
			code = 0
		}
		without(action, code)
	}
	// Without an annotation the role may come by EKS Pod Identity.
	s.onNodes()
	s.run("irsa", "ensure", "--pod-identity").must(0)
	in.role = ""
	s.put(in)
	for _, action := range byIdentity {
		without(action, 1)
	}
}
