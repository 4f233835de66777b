package plugin

import (
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	fake "github.com/kubectl-falcon/kubectl-falcon/test/fakes/aws"
)

// upScene is a cluster in AWS whose Kubernetes has nothing, and takes nothing: what is tested is AWS.
type upScene struct {
	*eksScene
	repository, image string
	before            map[string]string
}

func newUpScene(t *testing.T) *upScene {
	t.Helper()
	// All of it is looked at again and again, so it has nothing of other tests. It starts before the environment
	// leads to theirs.
	cloud, err := fake.Start(t.Context(), fake.Options{})
	if err != nil {
		t.Fatal(err)
	}
	u := &upScene{eksScene: newEKSScene(t), repository: nextRepository(), image: filepath.Join(t.TempDir(), "falcon.tar")}
	u.cloud = cloud
	for _, pair := range u.cloud.Env() {
		name, value, _ := strings.Cut(pair, "=")
		t.Setenv(name, value)
	}
	u.network = fake.Network{}
	existing(u.eksScene)
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	image, err := random.Image(2000, 1)
	if err != nil {
		t.Fatal(err)
	}
	// Its name says that it is the container sensor's.
	tag, err := name.NewTag("example.com/falcon-container:7.40.0")
	if err == nil {
		err = tarball.WriteToFile(u.image, tag, image)
	}
	if err != nil {
		t.Fatal(err)
	}
	content := "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{name: c, cluster: {server: " + emptyCluster(t) + "}}]\n" +
		"contexts: [{name: c, context: {cluster: c, user: u}}]\nusers: [{name: u, user: {}}]\n"
	if err := os.WriteFile(u.kubeconfig, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	u.before = u.inAWS()
	return u
}

// listKinds are the kinds of the lists that are asked for.
var listKinds = map[string]string{"pods": "PodList", "namespaces": "NamespaceList", "configmaps": "ConfigMapList", "secrets": "SecretList",
	"services": "ServiceList", "deployments": "DeploymentList", "replicasets": "ReplicaSetList",
	"mutatingwebhookconfigurations": "MutatingWebhookConfigurationList"}

// emptyCluster is an API server that has no object, lets anybody do anything, and makes nothing.
func emptyCluster(t *testing.T) string {
	t.Helper()
	return server(t, func(w http.ResponseWriter, r *http.Request) {
		parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
		group, resource := strings.Join(parts[1:max(2, len(parts)-1)], "/"), parts[len(parts)-1]
		switch {
		case strings.HasPrefix(resource, "selfsubject"):
			reply(w, http.StatusCreated, map[string]any{"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
				"status": map[string]any{"allowed": true}})
		case r.Method == http.MethodGet && strings.Contains(r.Header.Get("Accept"), "PartialObjectMetadataList"):
			reply(w, http.StatusOK, metav1.PartialObjectMetadataList{TypeMeta: metav1.TypeMeta{APIVersion: "meta.k8s.io/v1", Kind: "PartialObjectMetadataList"}})
		case r.Method == http.MethodGet && listKinds[resource] != "":
			version := "v1"
			if parts[0] == "apis" {
				version = strings.Join(strings.Split(group, "/")[:2], "/")
			}
			reply(w, http.StatusOK, map[string]any{"apiVersion": version, "kind": listKinds[resource], "metadata": map[string]any{}, "items": []any{}})
		default:
			code, reason := http.StatusNotFound, metav1.StatusReasonNotFound
			if r.Method != http.MethodGet {
				code, reason = http.StatusForbidden, metav1.StatusReasonForbidden
			}
			reply(w, code, metav1.Status{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}, Status: metav1.StatusFailure,
				Code: int32(code), Reason: reason, Message: r.Method + " " + r.URL.Path})
		}
	})
}

// inAWS is all in AWS, but for what is made anew with each thing, and the networks.
func (u *upScene) inAWS() map[string]string {
	u.Helper()
	all, err := u.cloud.Inventory(u.Context())
	if err != nil {
		u.Fatal(err)
	}
	anew := []string{"createdAt", "imagePushedAt", "CreateDate", "RoleId", "fargateProfileArn"}
	maps.DeleteFunc(all, func(at, _ string) bool {
		return strings.HasPrefix(at, "ec2 ") || strings.Contains(at, "AWSServiceRole") || slices.Contains(anew, at[strings.LastIndex(at, " ")+1:])
	})
	return all
}

func (u *upScene) up() outcome {
	u.Helper()
	return falcon(u.T, "up", "--kubeconfig", u.kubeconfig, "--cluster", u.name, "--cid", cid, "--source", u.image, "--repository", u.repository, "--no-demo")
}

func (u *upScene) down() outcome {
	u.Helper()
	return falcon(u.T, "down", "--kubeconfig", u.kubeconfig, "--cluster", u.name, "--repository", u.repository, "--yes")
}

// states are those of a summary.
func states(o outcome) (all map[string]string) {
	all = map[string]string{}
	for line := range strings.Lines(o.out) {
		for _, name := range []string{"fargate profile", "repository", "image", "role", "injector", "cluster", "demo"} {
			if rest, ok := strings.CutPrefix(line, name+" "); ok {
				all[name] = strings.Fields(rest)[0]
			}
		}
	}
	return all
}

// done holds that a run did all that is in AWS.
func (u *upScene) done(o outcome, want map[string]string) {
	u.Helper()
	got := states(o)
	for name, state := range got {
		if state != "made" && state != "present" && name != "injector" {
			u.Errorf("%s is %s: %s", name, state, o.err)
		}
	}
	if now := u.inAWS(); !maps.Equal(now, want) {
		for at, value := range now {
			if want[at] != value {
				u.Errorf("%s is %q, want %q", at, value, want[at])
			}
		}
		for at, value := range want {
			if _, there := now[at]; !there {
				u.Errorf("%s is missing, want %q", at, value)
			}
		}
	}
}

// failed holds that a run says why it could not end, what to do, and which stages it did not do.
func (u *upScene) failed(command string, o outcome, f fake.Fault) {
	u.Helper()
	if f.Kind == fake.AccessDenied && !strings.Contains(strings.ReplaceAll(o.err, ";", "\n"), "kubectl falcon aws iam-policy "+command+"\n") {
		u.Errorf("%s without %s does not tell where its own rights stand: %s", command, f.Action, o.err)
	}
	want := refusals[f.Kind]
	known := slices.ContainsFunc(strings.Split(want.says, "|"), func(one string) bool { return strings.Contains(o.err, one) })
	// Of a HEAD there are no words of the registry's.
	known = known || f.Kind == fake.AccessDenied && strings.Contains(o.err, "the right "+f.Action)
	if o.code != want.code || !known || !strings.Contains(o.err, "\n  next: ") {
		u.Errorf("%s at %s: exit code %d: %s", f.Kind, f.Action, o.code, o.err)
	}
	if o.out != "" && !strings.Contains(o.out, "failed") {
		u.Errorf("%s at %s: the summary says\n%s", f.Kind, f.Action, o.out)
	}
}

// Whatever goes wrong at whichever call of up or down, it says why; what does not need that is done; and the same
// command again comes to the end, and back, with nothing left.
func TestUpAndDownWithFaultsAtEveryCall(t *testing.T) {
	u := newUpScene(t)
	u.cloud.ClearLog()
	first := u.up()
	goal := u.inAWS()
	if got := states(first); got["injector"] != "failed" || got["role"] != "made" || got["image"] != "made" || got["fargate profile"] != "made" {
		t.Fatalf("without a fault the stages are %v: %s", got, first.err)
	}
	upCalls := unique(u.cloud.Log("ecr:*", "eks:*", "iam:*", "ec2:*"))
	u.cloud.ClearLog()
	u.down().must(t, ExitOK)
	downCalls := unique(u.cloud.Log("ecr:*", "eks:*", "iam:*", "ec2:*"))
	u.done(outcome{}, u.before)
	for _, action := range upCalls {
		for _, f := range faultsOf(action, action == upCalls[0]) {
			u.broken("up", u.up, f)
		}
		u.done(u.up(), goal)
		if slices.Contains(downCalls, action) {
			u.downFrom(action)
		} else {
			u.backFrom(action)
		}
	}
	for _, action := range downCalls {
		if !slices.Contains(upCalls, action) {
			u.up()
			u.downFrom(action)
		}
	}
}

// broken runs a command with a fault.
func (u *upScene) broken(command string, run func() outcome, f fake.Fault) {
	u.Helper()
	u.cloud.Break(f)
	o := run()
	u.cloud.Mend()
	u.failed(command, o, f)
}

// downFrom runs down with every fault of a call, and without.
func (u *upScene) downFrom(action string) {
	u.Helper()
	for _, f := range faultsOf(action, false) {
		u.broken("down", u.down, f)
	}
	u.backFrom(action)
}

// backFrom holds that down leaves nothing.
func (u *upScene) backFrom(action string) {
	u.Helper()
	u.down().must(u.T, ExitOK)
	u.done(outcome{}, u.before)
	if u.Failed() {
		u.Fatalf("it was %s", action)
	}
}

// faultsOf are those of a call. What the registry is asked is tried again, which other tests hold; an answer that
// is lost comes last, since what it was about is done then.
func faultsOf(action string, all bool) (faults []fake.Fault) {
	kinds := everywhere
	if all {
		kinds = slices.Sorted(maps.Keys(refusals))
	}
	switch action {
	case "ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload", "ecr:PutImage", "ecr:BatchGetImage", "ecr:BatchCheckLayerAvailability":
		kinds = []fake.Kind{fake.AccessDenied}
	}
	for _, kind := range kinds {
		f := fake.Fault{Action: action, Kind: kind}
		_, word, _ := strings.Cut(action, ":")
		reads := slices.ContainsFunc([]string{"Get", "List", "Describe", "Batch"}, func(verb string) bool { return strings.HasPrefix(word, verb) })
		if kind == fake.CutAfter && !reads {
			// It is done then, and the next has nothing to do. What reads is asked again by the HTTP client itself.
			f.Times = 1
		}
		faults = append(faults, f)
	}
	return faults
}

func unique(actions []string) (all []string) {
	for _, action := range actions {
		if !slices.Contains(all, action) {
			all = append(all, action)
		}
	}
	return all
}
