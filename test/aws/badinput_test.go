package aws_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	fake "github.com/kubectl-falcon/kubectl-falcon/test/fakes/aws"
)

// sensorTag is a name by which the container sensor is known.
const sensorTag = "falcon-sensor:7.40.0-1.container.x86_64.Release.US-1"

// savedSensor is the tarball of an image that passes for the sensor's.
func savedSensor(t *testing.T) []byte {
	t.Helper()
	image, err := random.Image(30_000, 2)
	if err != nil {
		t.Fatal(err)
	}
	tag, err := name.NewTag(sensorTag)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := tarball.Write(tag, image, &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func inFile(t *testing.T, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sensor.tar")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// bomb is a tarball of some bytes with a layer of 4 GiB.
func bomb(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	packed := gzip.NewWriter(&b)
	w := tar.NewWriter(packed)
	if err := w.WriteHeader(&tar.Header{Name: "layer.tar", Size: 4 << 30, Mode: 0o644, Typeflag: tar.TypeReg}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	if err := packed.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// badInput is a command that cannot be meant, and what is said about it.
type badInput struct {
	args []string
	// env is what is set for it, fault what AWS has.
	env   map[string]string
	fault fake.Fault
	code  int
	// says is the error, next what to do.
	says, next string
}

// badInputs are the mistakes that people make, each with its command.
func badInputs(t *testing.T, s *stage, repository string) map[string]badInput {
	t.Helper()
	good := savedSensor(t)
	changed := bytes.Clone(good)
	changed[len(changed)/4] ^= 0xff
	to := s.Registry + "/" + repository
	push := func(content []byte, more ...string) []string {
		return append([]string{"sensor", "push", inFile(t, content), to + ":8"}, more...)
	}
	ensure := []string{"aws", "fargate", "ensure", "--namespaces", "web", "--no-injector"}
	up := []string{"up", "--cid", "0123456789abcdef0123456789abcdef-12", "--source", inFile(t, good)}
	none := map[string]string{"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
	expired := fake.Fault{Action: "*", Kind: fake.ExpiredToken}
	const again = "download it again, and compare its checksum"
	return map[string]badInput{
		"a tarball that is cut":            {args: push(good[:len(good)/2]), code: 2, says: "is cut: it ends before the image does", next: again},
		"a tarball of no image":            {args: push([]byte(strings.Repeat("no image\n", 100))), code: 2, says: "is damaged, or no tarball of an image", next: again},
		"a wrong checksum":                 {args: push(changed), code: 2, says: "is damaged", next: again},
		"a bomb":                           {args: push(bomb(t)), code: 2, says: "is refused: it unpacks to more than an image can have", next: again},
		"a folder":                         {args: []string{"sensor", "push", t.TempDir(), to + ":8"}, code: 2, says: "is a folder, not a tarball of an image", next: "name the tarball that docker save"},
		"no such file":                     {args: []string{"sensor", "push", "/nowhere.tar", to + ":8"}, code: 2, says: "/nowhere.tar cannot be read: no such file", next: "check the name"},
		"another platform":                 {args: push(good, "--platform", "linux/s390x"), code: 2, says: "has no image for linux/s390x", next: "choose one of those"},
		"no platform":                      {args: push(good, "--platform", "arm64"), code: 2, says: `"arm64" is no platform`, next: "write it as linux/amd64"},
		"a tag that cannot be moved":       {args: []string{"sensor", "push", inFile(t, good), to + ":7"}, code: 2, says: "the registry lets no tag be changed", next: "push to another tag"},
		"no such repository":               {args: []string{"sensor", "push", inFile(t, good), s.Registry + "/none:7"}, code: 2, says: "the registry has no repository none", next: "kubectl falcon aws ecr ensure none"},
		"a name that ECR refuses":          {args: []string{"aws", "ecr", "ensure", "Falcon"}, code: 2, says: "capital letters", next: "such as"},
		"a name that ECR refuses, up":      {args: append(up, "--repository", "Falcon"), code: 2, says: "capital letters", next: "such as"},
		"a destination that cannot be":     {args: []string{"sensor", "push", inFile(t, good), s.Registry + "/Falcon:7"}, code: 2, says: "is no place for an image", next: "write REGISTRY/REPOSITORY:TAG"},
		"a profile for other pods":         {args: ensure, code: 2, says: "there is a Fargate profile fp-web already, for other pods: elsewhere instead of web", next: "--name"},
		"no such cluster":                  {args: append(ensure, "--cluster", "absent"), code: 2, says: "there is no EKS cluster absent in eu-west-1", next: "aws eks list-clusters"},
		"a cluster that is not of EKS":     {args: ensure, env: map[string]string{"KUBECONFIG": "/dev/null"}, code: 2, says: "no EKS cluster is named, and the kubeconfig's context does not say one", next: "--cluster"},
		"a cluster that is not of EKS, up": {args: up, env: map[string]string{"KUBECONFIG": "/dev/null"}, code: 2, says: "no EKS cluster is named", next: "--cluster"},
		"a region of no such form":         {args: append(ensure, "--region", "nowhere"), code: 2, says: `"nowhere" is not the name of an AWS region`, next: "eu-west-1"},
		"a region that is not there":       {args: append(ensure, "--cluster", "shop", "--region", "xx-nowhere-9"), fault: fake.Fault{Action: "*", Kind: fake.WrongRegion}, code: 3, says: "valid region", next: "xx-nowhere-9"},
		"no credentials":                   {args: ensure, env: none, code: 3, says: "there are no AWS credentials", next: "set AWS_ACCESS_KEY_ID"},
		"no credentials, ECR":              {args: []string{"aws", "ecr", "ensure", "new"}, env: none, code: 3, says: "there are no AWS credentials", next: "set AWS_ACCESS_KEY_ID"},
		"no credentials, up":               {args: up, env: none, code: 3, says: "there are no AWS credentials", next: "set AWS_ACCESS_KEY_ID"},
		"credentials that expired":         {args: ensure, fault: expired, code: 3, says: "expired", next: "get new credentials: aws sso login"},
		"credentials that expired, ECR":    {args: []string{"aws", "ecr", "ensure", "new"}, fault: expired, code: 3, says: "expired", next: "get new credentials: aws sso login"},
		"credentials that expired, push":   {args: push(good), fault: fake.Fault{Action: "ecr:*", Kind: fake.ExpiredToken}, code: 3, says: "expired", next: "get new credentials: aws sso login"},
		"no such profile of AWS":           {args: append(ensure, "--profile", "none"), code: 2, says: "there is no AWS profile none", next: "aws configure list-profiles"},
	}
}

// Each mistake has one clear message with what to do, and nothing is changed.
func TestBadInput(t *testing.T) {
	s := set(t)
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	t.Setenv("TMPDIR", t.TempDir())
	s.profile("fp-web", "elsewhere", nil)
	const repository = "falcon-sensor"
	s.run("ecr", "ensure", repository).must(0)
	s.falcon(s.t.Context(), "sensor", "push", inFile(t, savedSensor(t)), s.Registry+"/"+repository+":7").must(0)
	state := func() string {
		images := s.run("ecr", "images", repository, "-o", "json").must(0).out
		return s.left() + images + s.run("ecr", "images", "new", "-o", "json").err
	}
	before := state()
	for name, c := range badInputs(t, s, repository) {
		t.Run(name, func(t *testing.T) {
			for key, value := range c.env {
				t.Setenv(key, value)
			}
			if c.fault.Kind != "" {
				s.Break(c.fault)
			}
			o := s.falcon(s.t.Context(), c.args...)
			s.Mend()
			o.t = t
			o.must(c.code, c.says, c.next)
			if strings.Count(o.err, "error: ") != 1 || strings.Count(o.err, "\n  next: ") != 1 || o.out != "" {
				t.Errorf("it is not one message with what to do:\n%s%s", o.err, o.out)
			}
			if strings.Contains(o.err, "goroutine ") || strings.Contains(o.err, "operation error") || strings.Contains(o.err, "https response error") {
				t.Errorf("it is no text for people:\n%s", o.err)
			}
		})
	}
	if after := state(); after != before {
		t.Errorf("before there was\n%s\nafter\n%s", before, after)
	}
	left, err := filepath.Glob(filepath.Join(os.Getenv("TMPDIR"), "kubectl-falcon*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
