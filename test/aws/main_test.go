package aws_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/plugin"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
	fake "github.com/kubectl-falcon/kubectl-falcon/test/fakes/aws"
)

// shared is one local AWS for all tests, which takes seconds to start.
var shared *fake.Cloud

func TestMain(m *testing.M) {
	cloud, err := fake.Start(context.Background(), fake.Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	shared = cloud
	code := m.Run()
	_ = cloud.Close()
	os.Exit(code)
}

// stage is an account with a cluster in it.
type stage struct {
	*fake.Cloud
	t       *testing.T
	network fake.Network
}

// set empties the account, makes a cluster called shop, and lets commands find both.
func set(t *testing.T) *stage {
	t.Helper()
	if err := shared.Reset(t.Context()); err != nil {
		t.Fatal(err)
	}
	network, err := shared.AddCluster(t.Context(), fake.ClusterSpec{Name: "shop"})
	if err != nil {
		t.Fatal(err)
	}
	for _, pair := range shared.Env() {
		name, value, _ := strings.Cut(pair, "=")
		t.Setenv(name, value)
	}
	t.Setenv("HOME", t.TempDir())
	// What fails for good need not be tried three times.
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	s := &stage{shared, t, network}
	s.kubeconfig("http://127.0.0.1:1")
	return s
}

// kubeconfig names the cluster as aws eks update-kubeconfig does.
func (s *stage) kubeconfig(server string) { s.kubeconfigOf(fake.Account, "shop", server) }

// kubeconfigOf is the same for a cluster of an account.
func (s *stage) kubeconfigOf(account, cluster, server string) {
	s.t.Helper()
	name := "arn:aws:eks:eu-west-1:" + account + ":cluster/" + cluster
	content := fmt.Sprintf("apiVersion: v1\nkind: Config\ncurrent-context: %[1]s\nclusters: [{name: %[1]q, cluster: {server: %[2]q}}]\n"+
		"contexts: [{name: %[1]q, context: {cluster: %[1]q, user: u}}]\nusers: [{name: u, user: {}}]\n", name, server)
	path := filepath.Join(s.t.TempDir(), "config")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.t.Setenv("KUBECONFIG", path)
}

// kubeconfigPlain names the cluster as nobody of AWS does.
func (s *stage) kubeconfigPlain(server string) {
	s.t.Helper()
	content := fmt.Sprintf("apiVersion: v1\nkind: Config\ncurrent-context: lab\nclusters: [{name: lab, cluster: {server: %q}}]\n"+
		"contexts: [{name: lab, context: {cluster: lab, user: u}}]\nusers: [{name: u, user: {}}]\n", server)
	path := filepath.Join(s.t.TempDir(), "config")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.t.Setenv("KUBECONFIG", path)
}

// kubernetes serves answers of an API server by path, and returns its address.
func (s *stage) kubernetes(answers map[string]any) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		v, ok := answers[r.URL.Path]
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			v = map[string]any{"apiVersion": "v1", "kind": "Status", "status": "Failure", "code": 404, "reason": "NotFound", "message": r.URL.Path}
		}
		_ = json.NewEncoder(w).Encode(v)
	}))
	s.t.Cleanup(server.Close)
	s.kubeconfig(server.URL)
	return server.URL
}

// outcome is what a user sees of a run.
type outcome struct {
	t        *testing.T
	args     string
	code     int
	out, err string
}

// run runs a command of `kubectl falcon aws`.
func (s *stage) run(args ...string) outcome { return s.runWith(s.t.Context(), args...) }

func (s *stage) runWith(ctx context.Context, args ...string) outcome {
	s.t.Helper()
	return s.falcon(ctx, append([]string{"aws"}, args...)...)
}

// falcon runs any command.
func (s *stage) falcon(ctx context.Context, args ...string) outcome {
	s.t.Helper()
	var out, errs strings.Builder
	code := plugin.Run(ctx, args, term.Streams{In: strings.NewReader(""), Out: &out, Err: &errs})
	return outcome{s.t, strings.Join(args, " "), code, out.String(), errs.String()}
}

// must checks the exit code, and that stderr says each text, however it is folded.
func (o outcome) must(code int, says ...string) outcome {
	o.t.Helper()
	said := strings.Join(strings.Fields(o.err), " ")
	if o.code != code {
		o.t.Errorf("%s: exit code %d, want %d; it said\n%s%s", o.args, o.code, code, o.err, o.out)
	}
	for _, text := range says {
		if !strings.Contains(said, text) {
			o.t.Errorf("%s: it did not say %q but\n%s", o.args, text, o.err)
		}
	}
	return o
}

// prints checks what is on stdout.
func (o outcome) prints(texts ...string) outcome {
	o.t.Helper()
	for _, text := range texts {
		if !strings.Contains(o.out, text) {
			o.t.Errorf("%s: it did not print %q but\n%s", o.args, text, o.out)
		}
	}
	return o
}

// admin is a configuration whose calls meet no fault and no policy.
func (s *stage) admin() sdk.Config {
	return sdk.Config{Region: "eu-west-1", BaseEndpoint: sdk.String(s.Endpoint), Credentials: credentials.NewStaticCredentialsProvider(fake.AdminKey, "none", "")}
}

// roles are the names of the roles in the account, but for AWS's own.
func (s *stage) roles() (names []string) {
	s.t.Helper()
	out, err := iam.NewFromConfig(s.admin()).ListRoles(s.t.Context(), &iam.ListRolesInput{})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, r := range out.Roles {
		if !strings.HasPrefix(sdk.ToString(r.Path), "/aws-service-role/") {
			names = append(names, *r.RoleName)
		}
	}
	slices.Sort(names)
	return names
}

// providers are the ARNs of the OIDC providers.
func (s *stage) providers() (arns []string) {
	s.t.Helper()
	out, err := iam.NewFromConfig(s.admin()).ListOpenIDConnectProviders(s.t.Context(), &iam.ListOpenIDConnectProvidersInput{})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, p := range out.OpenIDConnectProviderList {
		arns = append(arns, *p.Arn)
	}
	return arns
}

// left is everything in the account that a command may leave.
func (s *stage) left() string {
	s.t.Helper()
	profiles, err := s.Profiles(s.t.Context(), "shop")
	if err != nil {
		s.t.Fatal(err)
	}
	return fmt.Sprint(profiles, s.roles(), s.providers())
}

// profile makes a profile as somebody else would.
func (s *stage) profile(name, namespace string, tags map[string]string) {
	s.t.Helper()
	role, err := s.AddPodExecutionRole(s.t.Context(), "theirs-"+name)
	if err != nil {
		s.t.Fatal(err)
	}
	_, err = eks.NewFromConfig(s.admin()).CreateFargateProfile(s.t.Context(), &eks.CreateFargateProfileInput{ClusterName: sdk.String("shop"), FargateProfileName: &name,
		PodExecutionRoleArn: &role, Subnets: s.network.Private, Tags: tags, Selectors: []types.FargateProfileSelector{{Namespace: &namespace}}})
	if err != nil {
		s.t.Fatal(err)
	}
}
