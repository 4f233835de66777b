package plugin

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/ecr"
	fake "github.com/kubectl-falcon/kubectl-falcon/test/fakes/aws"
)

// theCloud is one local AWS for all tests, which takes seconds to start. It ends with the tests.
var theCloud = sync.OnceValues(func() (*fake.Cloud, error) { return fake.Start(context.Background(), fake.Options{}) })

// repositories numbers the repositories of tests: each has its own, which costs less than to empty the cloud.
var repositories int

// inAWS puts the local AWS into the environment, and returns it with the name of a repository that is not there.
func inAWS(t *testing.T) (*fake.Cloud, string) {
	t.Helper()
	c, err := theCloud()
	if err != nil {
		t.Fatal(err)
	}
	c.Mend()
	if err := c.SetPolicy(everythingAllowed); err != nil {
		t.Fatal(err)
	}
	c.ClearLog()
	for _, pair := range append(c.Env(), "AWS_MAX_ATTEMPTS=1", "DOCKER_CONFIG="+t.TempDir(), "AWS_CA_BUNDLE=", "AWS_PROFILE=") {
		name, value, _ := strings.Cut(pair, "=")
		t.Setenv(name, value)
	}
	return c, nextRepository()
}

func nextRepository() string {
	repositories++
	return fmt.Sprintf("test%d/falcon-sensor", repositories)
}

const everythingAllowed = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`

// asAdmin calls ECR without faults, policies and log.
func asAdmin(t *testing.T, operation string, in any) map[string]any {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", fake.AdminKey)
	defer t.Setenv("AWS_ACCESS_KEY_ID", fake.UserKey)
	account, err := aws.Load(t.Context(), aws.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]any{}
	if err := ecr.Connect(account).Call(t.Context(), operation, in, &out); err != nil {
		if code := aws.Code(err); strings.HasSuffix(code, "NotFoundException") {
			return map[string]any{"none": code}
		}
		t.Fatal(err)
	}
	return out
}

// stateOf is all of a repository, but for times.
func stateOf(t *testing.T, repository string) string {
	t.Helper()
	all := asAdmin(t, "DescribeRepositories", map[string]any{"repositoryNames": []string{repository}})
	if all["none"] == nil {
		one := map[string]string{"repositoryName": repository}
		for _, operation := range []string{"GetLifecyclePolicy", "GetRepositoryPolicy", "DescribeImages"} {
			all[operation] = asAdmin(t, operation, one)
		}
		found := all["repositories"].([]any)[0].(map[string]any)
		all["tags"] = asAdmin(t, "ListTagsForResource", map[string]any{"resourceArn": found["repositoryArn"]})
	}
	text, err := json.Marshal(withoutTimes(all))
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), repository, "REPOSITORY")
}

func withoutTimes(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if !strings.HasSuffix(key, "At") {
				out[key] = withoutTimes(v[key])
			}
		}
		return out
	case []any:
		out := []any{}
		for _, one := range v {
			out = append(out, withoutTimes(one))
		}
		return out
	}
	return v
}

func TestECREnsureMakesWhatIsWanted(t *testing.T) {
	c, name := inAWS(t)
	before := stateOf(t, name)
	dry := falcon(t, "aws", "ecr", "ensure", name, "--keep", "10", "--expire-untagged", "14", "--allow-account", "210987654321", "--dry-run")
	dry.must(t, ExitOK)
	for _, action := range []string{"ecr:CreateRepository", "ecr:PutLifecyclePolicy", "ecr:SetRepositoryPolicy"} {
		if !strings.Contains(dry.out, action+"  ") {
			t.Errorf("the dry run does not name %s:\n%s", action, dry.out)
		}
	}
	if after := stateOf(t, name); after != before {
		t.Errorf("the dry run made\n%s", after)
	}
	args := []string{"aws", "ecr", "ensure", name, "--keep", "10", "--expire-untagged", "14", "--allow-account", "210987654321"}
	o := falcon(t, args...)
	o.must(t, ExitOK, "repository/"+name+" created")
	if o.out != c.Registry+"/"+name+"\n" {
		t.Errorf("it printed %q", o.out)
	}
	state := stateOf(t, name)
	for _, text := range []string{`"imageTagMutability":"IMMUTABLE"`, `"scanOnPush":true`, `"encryptionType":"AES256"`, `"Key":"kubectl-falcon","Value":"owned"`,
		`imageCountMoreThan\",\"countNumber\":10`, `\"countUnit\":\"days\",\"countNumber\":14`, `arn:aws:iam::210987654321:root`} {
		if !strings.Contains(state, text) {
			t.Errorf("there is no %s in\n%s", text, state)
		}
	}
	// Again: nothing is done.
	c.ClearLog()
	o = falcon(t, append(args, "-o", "json")...)
	o.must(t, ExitOK)
	var again ecr.Ensured
	if err := json.Unmarshal([]byte(o.out), &again); err != nil || again.Change != aws.Unchanged || len(again.Steps) != 0 || !again.Repository.Owned {
		t.Errorf("again: %v %s", err, o.out)
	}
	if called := c.Log("ecr:Put*", "ecr:Set*", "ecr:Create*"); len(called) > 0 || stateOf(t, name) != state {
		t.Errorf("again, it called %v", called)
	}
	// With other settings, ours follows.
	falcon(t, "aws", "ecr", "ensure", name, "--mutable-tags", "--no-scan", "--keep", "5").must(t, ExitOK, "configured: let tags be moved", "keep the newest 5 images")
	if state := stateOf(t, name); !strings.Contains(state, `"imageTagMutability":"MUTABLE"`) || !strings.Contains(state, `"scanOnPush":false`) || !strings.Contains(state, "210987654321") {
		t.Errorf("got\n%s", state)
	}
}

func TestECREnsureLeavesWhatIsForeign(t *testing.T) {
	_, name := inAWS(t)
	asAdmin(t, "CreateRepository", map[string]any{"repositoryName": name})
	asAdmin(t, "SetRepositoryPolicy", map[string]any{"repositoryName": name,
		"policyText": `{"Version":"2008-10-17","Statement":{"Sid":"theirs","Effect":"Allow","Principal":"*","Action":"ecr:ListImages"}}`})
	before := stateOf(t, name)
	args := []string{"aws", "ecr", "ensure", name, "--allow-account", "210987654321", "--keep", "3", "--kms-key", "alias/ours"}
	o := falcon(t, args...)
	o.must(t, ExitOK, "left: immutable tags is off, wanted is on: somebody else made the repository; --update changes it", "left: scan on push is off",
		"left: access", "left: lifecycle is none", "left: encryption is AES256, wanted is KMS with alias/ours: it cannot be changed")
	if after := stateOf(t, name); after != before {
		t.Errorf("it made\n%s\nof\n%s", after, before)
	}
	falcon(t, append(args, "--update")...).must(t, ExitOK)
	after := stateOf(t, name)
	for _, text := range []string{"theirs", "210987654321", `"imageTagMutability":"IMMUTABLE"`, "imageCountMoreThan"} {
		if !strings.Contains(after, text) {
			t.Errorf("there is no %s in\n%s", text, after)
		}
	}
}

func TestECRLoginCheck(t *testing.T) {
	c, _ := inAWS(t)
	o := falcon(t, "aws", "ecr", "login-check")
	o.must(t, ExitOK, "the login is good until ", "as arn:aws:iam::123456789012:user/moto")
	if o.out != c.Registry+"\n" {
		t.Errorf("it printed %q", o.out)
	}
	if o := falcon(t, "aws", "ecr", "login-check", "-o", "json"); !strings.Contains(o.out, `"account": "123456789012"`) || strings.Contains(o.out, "oken") {
		t.Errorf("it printed %s", o.out)
	}
}

func TestECRImagesAndTheirDeletion(t *testing.T) {
	c, name := inAWS(t)
	falcon(t, "aws", "ecr", "images", name).must(t, ExitUsage, "there is no repository "+name+" in eu-west-1", "kubectl falcon aws ecr ensure "+name)
	falcon(t, "aws", "ecr", "ensure", name, "--mutable-tags").must(t, ExitOK)
	falcon(t, "aws", "ecr", "images", name).must(t, ExitOK, "is empty")
	tarball := imageFile(t)
	for _, tag := range []string{"7.40.0", "latest"} {
		falcon(t, "sensor", "push", tarball, c.Registry+"/"+name+":"+tag, "--any-image").must(t, ExitOK)
	}
	o := falcon(t, "aws", "ecr", "images", name)
	o.must(t, ExitOK)
	if !strings.Contains(o.out, "7.40.0,latest  sha256:") || strings.Count(o.out, "\n") != 2 {
		t.Errorf("it printed\n%s", o.out)
	}
	var listed struct{ Images []ecr.Image }
	o = falcon(t, "aws", "ecr", "images", name, "-o", "json")
	if err := json.Unmarshal([]byte(o.out), &listed); err != nil || len(listed.Images) != 1 || listed.Images[0].Reference != c.Registry+"/"+name+"@"+listed.Images[0].Digest {
		t.Fatalf("it printed %s", o.out)
	}
	digest := listed.Images[0].Digest
	falcon(t, "aws", "ecr", "delete-image", name, "latest").must(t, ExitUsage, "the tag latest of "+name+" would be deleted", "--yes")
	falcon(t, "aws", "ecr", "delete-image", name, "latest", "--dry-run").must(t, ExitOK)
	falcon(t, "aws", "ecr", "delete-image", name, "latest", "--yes").must(t, ExitOK, "image/"+name+":latest deleted")
	if state := stateOf(t, name); strings.Contains(state, "latest") || !strings.Contains(state, "7.40.0") {
		t.Errorf("got %s", state)
	}
	falcon(t, "aws", "ecr", "delete", name, "--yes").must(t, ExitUsage, "is not empty, and is left: it has 1 image", "--force")
	falcon(t, "aws", "ecr", "delete-image", name, digest, "--yes").must(t, ExitOK, "deleted")
	falcon(t, "aws", "ecr", "delete-image", name, digest, "--yes").must(t, ExitOK, "there is nothing to delete")
	falcon(t, "aws", "ecr", "delete", name).must(t, ExitUsage, "would be deleted", "--yes")
	falcon(t, "aws", "ecr", "delete", name, "--yes").must(t, ExitOK, "deleted")
	falcon(t, "aws", "ecr", "delete", name, "--yes").must(t, ExitOK, "there is nothing to delete")
}

func TestECRDeleteLeavesWhatSomebodyElseMade(t *testing.T) {
	_, name := inAWS(t)
	asAdmin(t, "CreateRepository", map[string]any{"repositoryName": name})
	before := stateOf(t, name)
	falcon(t, "aws", "ecr", "delete", name, "--yes").must(t, ExitUsage, "was not made by kubectl falcon", "--force")
	o := falcon(t, "aws", "ecr", "delete", name, "--force", "--dry-run", "-o", "json")
	o.must(t, ExitOK)
	if !strings.Contains(o.out, `"action": "ecr:DeleteRepository"`) || stateOf(t, name) != before {
		t.Errorf("it printed %s", o.out)
	}
	falcon(t, "aws", "ecr", "delete", name, "--force", "--yes").must(t, ExitOK, "deleted")
}

// What ECR would refuse is refused before anything is asked.
func TestECRRefusesBadNames(t *testing.T) {
	c, _ := inAWS(t)
	for name, says := range map[string]string{"x": "1 characters", "Falcon": "capital letters", "falcon--": "no name", "a//b": "no name",
		"falcon:7": "that of its repository is wanted", "123456789012.dkr.ecr.eu-west-1.amazonaws.com/falcon": "the address of a repository",
		strings.Repeat("a", 257): "257 characters", "falcon sensor": "no name"} {
		for _, args := range [][]string{{"ensure", name}, {"images", name}, {"delete-image", name, "7"}, {"delete", name}} {
			falcon(t, append([]string{"aws", "ecr"}, args...)...).must(t, ExitUsage, says)
		}
	}
	falcon(t, "aws", "ecr", "delete-image", "falcon", "a b").must(t, ExitUsage, "neither a tag nor a digest")
	falcon(t, "aws", "ecr", "ensure", "falcon", "--allow-account", "12").must(t, ExitUsage, "not the id of an AWS account")
	falcon(t, "aws", "ecr", "ensure", "falcon", "--keep", "-1").must(t, ExitUsage, "below 0")
	if called := c.Log(); len(called) > 0 {
		t.Errorf("it called %v", called)
	}
}

func TestAWSPolicyIsPrinted(t *testing.T) {
	o := falcon(t, "aws", "iam-policy", "ecr", "delete", "--region", "eu-west-1", "--account", "123456789012", "--repository", "falcon")
	o.must(t, ExitOK)
	if !strings.Contains(o.out, `"Resource": "arn:aws:ecr:eu-west-1:123456789012:repository/falcon"`) {
		t.Errorf("it printed %s", o.out)
	}
	if same := falcon(t, "aws", "iam-policy", "ecr delete"); same.code != ExitOK {
		t.Errorf("got %+v", same)
	}
	falcon(t, "aws", "iam-policy").must(t, ExitUsage, "COMMAND is missing", "ecr login-check")
	falcon(t, "aws", "iam-policy", "ecr", "make").must(t, ExitUsage, `no policy for a command "ecr make"`, "ecr login-check")
}
