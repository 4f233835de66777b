package plugin

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	fake "github.com/kubectl-falcon/kubectl-falcon/test/fakes/aws"
)

// imageFile is a tarball of an image that is no sensor's.
func imageFile(t *testing.T) string {
	t.Helper()
	image, err := random.Image(40_000, 3)
	if err != nil {
		t.Fatal(err)
	}
	return saved(t, image)
}

func saved(t *testing.T, image v1.Image) string {
	t.Helper()
	tag, err := name.NewTag("example.com/sensor:7.40.0")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "image.tar")
	if err := tarball.WriteToFile(file, tag, image); err != nil {
		t.Fatal(err)
	}
	return file
}

// pushed pushes a file to a repository that is made for it and returns the digest.
func pushed(t *testing.T, c *fake.Cloud, file string) (o outcome, digest string) {
	t.Helper()
	repository := nextRepository()
	asAdmin(t, "CreateRepository", map[string]any{"repositoryName": repository, "imageTagMutability": "IMMUTABLE"})
	o = falcon(t, "sensor", "push", file, c.Registry+"/"+repository+":7.40.0", "--any-image")
	for _, part := range []string{o.out, o.err} {
		if strings.Contains(part, "AWS:") || strings.Contains(part, "ayload") {
			t.Errorf("it shows a token: %s", part)
		}
	}
	_, digest, _ = strings.Cut(strings.TrimSpace(o.out), "@")
	if o.code == ExitOK && !strings.Contains(stateOf(t, repository), digest) {
		t.Errorf("%s is not in the repository", digest)
	}
	return o, digest
}

func TestPushLogsInToECR(t *testing.T) {
	c, _ := inAWS(t)
	file := imageFile(t)
	o, digest := pushed(t, c, file)
	o.must(t, ExitOK, "pushed "+c.Registry)
	if digest == "" {
		t.Fatalf("it printed %s", o.out)
	}
	// From one of its repositories to another, and again: then nothing is sent.
	second := nextRepository()
	asAdmin(t, "CreateRepository", map[string]any{"repositoryName": second, "imageTagMutability": "IMMUTABLE"})
	for _, says := range []string{"pushed", "has this image already"} {
		o := falcon(t, "sensor", "push", strings.TrimSpace(outOf(t, o)), c.Registry+"/"+second+":1", "--any-image")
		o.must(t, ExitOK, says)
		if !strings.HasSuffix(strings.TrimSpace(o.out), digest) {
			t.Errorf("it printed %s, want %s", o.out, digest)
		}
	}
	files, err := filepath.Glob(filepath.Join(os.Getenv("DOCKER_CONFIG"), "*"))
	if err != nil || len(files) > 0 {
		t.Errorf("it wrote %v (%v)", files, err)
	}
}

func outOf(t *testing.T, o outcome) string {
	t.Helper()
	if o.out == "" {
		t.Fatal("nothing was printed")
	}
	return o.out
}

func TestPushToECRSaysWhatIsWrong(t *testing.T) {
	c, name := inAWS(t)
	file := imageFile(t)
	to := c.Registry + "/" + name + ":7"
	c.ClearLog()
	falcon(t, "sensor", "push", file, to, "--any-image").must(t, ExitUsage, "the registry has no repository "+name,
		"kubectl falcon aws ecr ensure "+name+" --region eu-west-1")
	if called := c.Log("ecr:InitiateLayerUpload"); len(called) > 0 {
		t.Error("it began to send")
	}
	falcon(t, "aws", "ecr", "ensure", name).must(t, ExitOK)
	falcon(t, "sensor", "push", file, to, "--any-image").must(t, ExitOK)
	falcon(t, "sensor", "push", imageFile(t), to, "--any-image").must(t, ExitUsage, "the registry lets no tag be changed", "push to another tag")
	c.Break(fake.Fault{Action: "ecr:PutImage", Kind: fake.ExpiredToken})
	falcon(t, "sensor", "push", imageFile(t), to+".1", "--any-image").must(t, ExitNoAccess, "token has expired", "run it again")
	c.Mend()
	c.Break(fake.Fault{Action: "ecr:GetDownloadUrlForLayer", Kind: fake.AccessDenied})
	falcon(t, "sensor", "push", to, c.Registry+"/"+name+":8", "--any-image").must(t, ExitNoAccess, "ecr:GetDownloadUrlForLayer", "iam-policy sensor pull")
	c.Mend()
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	falcon(t, "sensor", "push", file, "123456789012.dkr.ecr.eu-west-1.amazonaws.com/falcon:7", "--any-image").must(t, ExitNoAccess, "there are no AWS credentials")
}

// Without AWS credentials docker's login for the registry is used.
func TestPushToECRWithDockersLogin(t *testing.T) {
	inAWS(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	config := `{"auths":{"123456789012.dkr.ecr.eu-west-1.amazonaws.com":{"auth":"QVdTOng="}}}`
	if err := os.WriteFile(filepath.Join(os.Getenv("DOCKER_CONFIG"), "config.json"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	hideKubeconfig(t)
	s := &session{}
	s.Err = &strings.Builder{}
	s.flags = kube.NewFlags()
	a, err := s.ecrAccess(t.Context(), "123456789012.dkr.ecr.eu-west-1.amazonaws.com/falcon:7", "")
	if err != nil || a == nil {
		t.Fatalf("got %v, %v", a, err)
	}
	if said := s.Err.(*strings.Builder).String(); !strings.Contains(said, "docker's is used") {
		t.Errorf("it said %q", said)
	}
	t.Setenv("AWS_ENDPOINT_URL", "")
	if a, err := s.ecrAccess(t.Context(), "registry.example.com/falcon:7", ""); a != nil || err != nil {
		t.Errorf("another registry: %v, %v", a, err)
	}
}

// A connection that is cut anywhere costs time and nothing else: in blobs, and at each request after it is
// done.
func TestPushToECROverAConnectionThatIsCut(t *testing.T) {
	c, _ := inAWS(t)
	file := imageFile(t)
	c.ClearLog()
	o, digest := pushed(t, c, file)
	o.must(t, ExitOK)
	requests := len(c.Log()) - 1
	const places, total = 25, 120_000
	for n := range places {
		cutAndPush(t, c, file, digest, fake.Fault{Kind: fake.Cut, Bytes: int64(1 + n*total/places), Times: 1})
	}
	for n := range requests {
		// The first is GetAuthorizationToken, which another test holds.
		cutAndPush(t, c, file, digest, fake.Fault{Action: "ecr:*", Kind: fake.CutAfter, After: n + 1, Times: 1})
	}
}

func cutAndPush(t *testing.T, c *fake.Cloud, file, digest string, f fake.Fault) {
	t.Helper()
	c.Mend()
	c.Break(f)
	defer c.Mend()
	o, got := pushed(t, c, file)
	if o.code != ExitOK || got != digest {
		t.Errorf("%s: exit code %d, %s, want %s: %s", fmt.Sprintf("%+v", f), o.code, got, digest, o.err)
	}
}
