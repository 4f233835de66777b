package aws_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	fake "github.com/kubectl-falcon/kubectl-falcon/test/fakes/aws"
)

// awsChecks are the ids of the checks of AWS.
var awsChecks = []string{"FC901", "FC902", "FC903", "FC904", "FC905", "FC906", "FC907", "FC908", "FC909", "FC910"}

// skipped are the checks that a wrong account makes meaningless.
var skipped = map[string]string{"FC902": "skip", "FC903": "skip", "FC906": "skip", "FC907": "skip", "FC908": "skip", "FC910": "skip"}

// damages are what may be wrong in AWS, and what verify says of each: of one cause one finding. What cannot be
// mended comes last.
var damages = []struct {
	name             string
	change           func(s *stage, in *inside)
	damage, mend     func(s *stage, server string)
	id, verdict, say string
	also             map[string]string
}{
	{name: "another account", damage: func(s *stage, server string) { s.kubeconfigOf("210987654321", "shop", server) },
		id: "FC901", verdict: "fail", say: "in the account 210987654321, and the credentials are", also: skipped},
	{name: "no such cluster", damage: func(s *stage, server string) { s.kubeconfigOf(fake.Account, "absent", server) },
		id: "FC901", verdict: "fail", say: "EKS has no such cluster in eu-west-1", also: skipped},
	{name: "another image", change: func(s *stage, in *inside) { in.image = s.Registry + "/falcon-sensor:2" },
		id: "FC904", verdict: "fail", say: "has no such image", also: map[string]string{"FC909": "skip"}},
	{name: "another repository", change: func(s *stage, in *inside) { in.image = s.Registry + "/other:2" },
		id: "FC904", verdict: "fail", say: "there is no repository other", also: map[string]string{"FC909": "skip"}},
	{name: "another processor", change: func(_ *stage, in *inside) { in.processor = "s390x" },
		id: "FC904", verdict: "fail", say: "there are nodes of linux/s390x, and the image is only for linux/amd64"},
	{name: "another registry", change: func(_ *stage, in *inside) { in.image = "registry.example.com/falcon-sensor:2" },
		id: "FC904", verdict: "skip", say: "the sensor image is not in ECR", also: map[string]string{"FC905": "skip", "FC909": "skip"}},
	{name: "refused pulls", change: func(_ *stage, in *inside) {
		in.trouble = "failed to resolve reference: pulling from host failed with status code [manifests 1]: 403 Forbidden"
	}, id: "FC905", verdict: "fail", say: "give the pod execution role of the profile fp-shop the right to pull"},
	{name: "no role", change: func(_ *stage, in *inside) { in.role = "" },
		id: "FC906", verdict: "warn", say: "has no annotation eks.amazonaws.com/role-arn"},
	{name: "a role without the right", damage: func(s *stage, _ string) {
		_, err := iam.NewFromConfig(s.admin()).DeleteRolePolicy(s.t.Context(), &iam.DeleteRolePolicyInput{RoleName: sdk.String(irsaRole),
			PolicyName: sdk.String("falcon-injector-reads-images")})
		s.must(err)
	}, mend: func(s *stage, _ string) { s.run("irsa", "ensure").must(0) },
		id: "FC906", verdict: "warn", say: "it lacks ecr:GetAuthorizationToken"},
	{name: "a forgetful repository", damage: func(s *stage, _ string) { s.run("ecr", "ensure", "falcon-sensor", "--keep", "1").must(0) },
		mend: func(s *stage, _ string) { s.run("ecr", "ensure", "falcon-sensor", "--keep", "50").must(0) },
		id:   "FC909", verdict: "warn", say: "rule 1 keeps 1 images, and this is number 1"},
	{name: "a profile in the making", damage: func(s *stage, _ string) {
		s.SetTimes(fake.Times{ProfileCreate: time.Hour})
		s.profile("more", "more", nil)
	}, mend: func(s *stage, _ string) { s.SetTimes(fake.Times{}) }, id: "FC910", verdict: "pass", say: "it is CREATING"},
	{name: "a closed group", damage: func(s *stage, _ string) { s.must(s.CloseGroup(s.t.Context(), "shop")) },
		id: "FC908", verdict: "warn", say: "no rule lets TCP port 4433 in"},
}

func TestVerifyAWS(t *testing.T) {
	s := set(t)
	sound := s.protected()
	s.put(sound)
	s.ClearLog()
	got, o := s.verify()
	s.all(got, "pass", nil)
	o.must(0)
	for _, call := range s.Calls() {
		_, verb, _ := strings.Cut(call.Action, ":")
		if !strings.HasPrefix(verb, "Get") && !strings.HasPrefix(verb, "List") && !strings.HasPrefix(verb, "Describe") && verb != "BatchGetImage" {
			t.Errorf("it called %s", call.Action)
		}
	}
	for _, one := range damages {
		in := sound
		if one.change != nil {
			one.change(s, &in)
		}
		server := s.put(in)
		if one.damage != nil {
			one.damage(s, server)
		}
		got, o := s.verify()
		but := map[string]string{one.id: one.verdict}
		maps.Copy(but, one.also)
		s.all(got, "pass", but)
		if said := fmt.Sprint(got[one.id]); !strings.Contains(said, one.say) || (o.code == 1) != (one.verdict == "fail") {
			t.Errorf("%s: exit code %d, it says %s", one.name, o.code, said)
		}
		if one.mend != nil {
			one.mend(s, server)
		}
	}
}

// Profiles that are gone: pods that run by them, and the injector's place.
func TestVerifyAWSWithoutProfiles(t *testing.T) {
	s := set(t)
	s.put(s.protected())
	s.run("fargate", "delete", "fp-shop", "--yes").must(0)
	got, o := s.verify()
	s.all(got, "pass", map[string]string{"FC903": "warn"})
	if said := fmt.Sprint(got["FC903"]); !strings.Contains(said, "no Fargate profile selects 1 pod there any more") || !strings.Contains(said, "--namespaces shop") {
		t.Errorf("it says %s", said)
	}
	o.must(0)
	s.run("fargate", "delete", "--yes").must(0)
	got, o = s.verify()
	s.all(got, "pass", map[string]string{"FC902": "fail", "FC903": "warn", "FC907": "skip"})
	o.must(1)
	// What it says to do mends it.
	if len(got["FC902"].Findings) != 1 {
		t.Fatalf("it says %+v", got["FC902"])
	}
	command := strings.TrimPrefix(got["FC902"].Findings[0].Command, "kubectl falcon ")
	s.falcon(t.Context(), strings.Fields(command)...).must(0)
	command = strings.TrimPrefix(got["FC903"].Findings[0].Command, "kubectl falcon ")
	s.falcon(t.Context(), strings.Fields(command)...).must(0)
	got, _ = s.verify()
	s.all(got, "pass", nil)
}
