package aws_test

import (
	"encoding/json"
	"testing"
	"time"

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
)

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
