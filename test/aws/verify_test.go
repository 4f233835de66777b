package aws_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/ecr"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/certs"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	fake "github.com/kubectl-falcon/kubectl-falcon/test/fakes/aws"
)

// awsChecks are the ids of the checks of AWS.
var awsChecks = []string{"FC901", "FC902", "FC903", "FC904", "FC905", "FC906", "FC907", "FC908", "FC909", "FC910"}

// inside is a cluster on Fargate as Kubernetes has it, with an injector.
type inside struct {
	image string
	// role is what the injector's ServiceAccount names; trouble is why the web pod's sensor is not pulled.
	role, trouble string
	// processor is the nodes'.
	processor string
	// nodes are the names of the nodes.
	nodes []string
}

// list is one of objects.
func list[T any](kind string, items ...T) map[string]any { return listOf("v1", kind, items...) }

func listOf[T any](version, kind string, items ...T) map[string]any {
	return map[string]any{"apiVersion": version, "kind": kind, "metadata": map[string]any{}, "items": items}
}

// put serves the cluster, whose address EKS gives too.
func (s *stage) put(in inside) string {
	s.t.Helper()
	o := manifest.Defaults()
	o.CID, o.Image = "0123456789abcdef0123456789abcdef-12", in.image
	pair, err := certs.New(time.Now(), 24*time.Hour)
	if err != nil {
		s.t.Fatal(err)
	}
	plan := manifest.Render(o, manifest.Given{TLS: pair, Bundle: pair.CA, CertHash: manifest.CertHash(pair), Version: "v1"})
	answers := map[string]any{}
	var deployment *appsv1.Deployment
	for _, object := range plan.Objects {
		switch o := object.(type) {
		case *appsv1.Deployment:
			deployment = o
			answers["/apis/apps/v1/deployments"] = listOf("apps/v1", "DeploymentList", o)
		case *corev1.ConfigMap:
			answers["/api/v1/namespaces/falcon-system/configmaps"] = list("ConfigMapList", o)
		case *corev1.ServiceAccount:
			o.Annotations = map[string]string{"eks.amazonaws.com/role-arn": in.role}
			answers["/api/v1/namespaces/falcon-system/serviceaccounts/injector"] = o
		}
	}
	answers["/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"] = listOf("admissionregistration.k8s.io/v1", "MutatingWebhookConfigurationList", plan.Webhook)
	space := func(name string) corev1.Namespace {
		return corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{corev1.LabelMetadataName: name}}}
	}
	answers["/api/v1/namespaces"] = list("NamespaceList", space("falcon-system"), space("shop"))
	injector := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "injector-1", Namespace: "falcon-system", Labels: deployment.Spec.Template.Labels}, Spec: deployment.Spec.Template.Spec}
	injector.Spec.NodeName = "fargate-ip-10-0-0-1"
	injector.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "AWS_ROLE_ARN", Value: in.role}}
	injector.Status = corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{{Name: "injector", Ready: true}}}
	web := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "shop", Labels: map[string]string{"eks.amazonaws.com/fargate-profile": "fp-shop"}},
		Spec: corev1.PodSpec{NodeName: "fargate-ip-10-0-0-2", Containers: []corev1.Container{{Name: "web", Image: s.Registry + "/web:1"},
			{Name: "crowdstrike-falcon-container", Image: in.image}}}}
	state := corev1.ContainerStatus{Name: "crowdstrike-falcon-container", Ready: true}
	if in.trouble != "" {
		state = corev1.ContainerStatus{Name: state.Name, State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ErrImagePull", Message: in.trouble}}}
	}
	web.Status = corev1.PodStatus{Phase: corev1.PodPending, ContainerStatuses: []corev1.ContainerStatus{state}}
	answers["/api/v1/pods"] = list("PodList", injector, web)
	answers["/api/v1/namespaces/falcon-system/pods"] = list("PodList", injector)
	nodes := []corev1.Node{}
	for _, name := range in.nodes {
		nodes = append(nodes, corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}, Status: corev1.NodeStatus{NodeInfo: corev1.NodeSystemInfo{OperatingSystem: "linux", Architecture: in.processor}}})
	}
	answers["/api/v1/nodes"] = list("NodeList", nodes...)
	server := s.kubernetes(answers)
	if err := s.SetServer(s.t.Context(), "shop", server, ""); err != nil {
		s.t.Fatal(err)
	}
	return server
}

// stored puts an image into a repository that is made for it, and returns its reference by digest.
func (s *stage) stored(repository string) string {
	s.t.Helper()
	s.run("ecr", "ensure", repository).must(0)
	account, err := aws.Load(s.t.Context(), aws.Settings{})
	if err != nil {
		s.t.Fatal(err)
	}
	login, err := ecr.New(account, ecr.Connect(account), nil).Login(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	image, err := random.Image(1000, 1)
	if err == nil {
		image, err = mutate.ConfigFile(image, &v1.ConfigFile{OS: "linux", Architecture: "amd64", RootFS: rootOf(s.t, image)})
	}
	if err != nil {
		s.t.Fatal(err)
	}
	tag, err := name.NewTag(s.Registry+"/"+repository+":1", name.Insecure)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := remote.Write(tag, image, remote.WithAuth(&authn.Basic{Username: login.User, Password: login.Password()})); err != nil {
		s.t.Fatal(err)
	}
	found, err := ecr.New(account, ecr.Connect(account), nil).Find(s.t.Context(), "", repository, "1")
	if err != nil || found == nil {
		s.t.Fatalf("the image is not there: %v", err)
	}
	return s.Registry + "/" + repository + "@" + found.Digest
}

// protected is a cluster with all that the checks of AWS want.
func (s *stage) protected() inside {
	s.t.Helper()
	image := s.stored("falcon-sensor")
	s.run("fargate", "ensure").must(0)
	s.run("fargate", "ensure", "--no-injector", "--namespaces", "shop").must(0)
	s.run("irsa", "ensure").must(0)
	return inside{image: image, role: irsaARN, processor: "amd64", nodes: []string{"fargate-ip-10-0-0-1", "fargate-ip-10-0-0-2"}}
}

// judged is what one check says.
type judged struct {
	ID, Verdict, Reason string
	Findings            []struct{ Object, Message, Hint, Command string }
}

// verify runs verify --aws and returns the checks of AWS by id.
func (s *stage) verify(more ...string) (map[string]judged, outcome) {
	s.t.Helper()
	o := s.falcon(s.t.Context(), append([]string{"verify", "-A", "--aws", "--no-canary", "--check", "FC90,FC910", "-o", "json"}, more...)...)
	var report struct{ Clusters []struct{ Checks []judged } }
	if err := json.Unmarshal([]byte(o.out), &report); err != nil {
		s.t.Fatalf("verify: %v\n%s%s", err, o.out, o.err)
	}
	all := map[string]judged{}
	for _, c := range report.Clusters[0].Checks {
		all[c.ID] = c
	}
	if len(all) != len(awsChecks) {
		s.t.Errorf("it made %d checks of AWS", len(all))
	}
	return all, o
}

// must fails the test for an error.
func (s *stage) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func rootOf(t *testing.T, image v1.Image) v1.RootFS {
	t.Helper()
	config, err := image.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	return config.RootFS
}

// all says that every check has a verdict, but for those named, for each of which another is given.
func (s *stage) all(got map[string]judged, verdict string, but map[string]string) {
	s.t.Helper()
	for _, id := range awsChecks {
		want := verdict
		if other := but[id]; other != "" {
			want = other
		}
		if c := got[id]; c.Verdict != want {
			s.t.Errorf("%s is %s, want %s: %s %+v", id, c.Verdict, want, c.Reason, c.Findings)
		}
	}
}

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
