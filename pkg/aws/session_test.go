package aws

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// bare is an environment in which nothing of AWS is set, with these variables.
func bare(t *testing.T, pairs ...string) {
	t.Helper()
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "")
			if err := os.Unsetenv(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, pair := range append([]string{"AWS_CONFIG_FILE=" + os.DevNull, "AWS_SHARED_CREDENTIALS_FILE=" + os.DevNull, "HTTPS_PROXY=", "HTTP_PROXY="}, pairs...) {
		name, value, _ := strings.Cut(pair, "=")
		t.Setenv(name, value)
	}
}

// wantProblem checks an error's kind, what it says and what it advises.
func wantProblem(t *testing.T, err error, kind problem.Kind, says, next string) {
	t.Helper()
	p, ok := errors.AsType[*problem.Error](err)
	if !ok {
		t.Errorf("no problem: %v", err)
		return
	}
	if p.Kind() != kind || !strings.Contains(err.Error(), says) || !strings.Contains(p.Next(), next) || strings.Contains(err.Error(), "\n") {
		t.Errorf("kind %d: %s\n  next: %s\nwant kind %d, %q, %q", p.Kind(), err, p.Next(), kind, says, next)
	}
}

const keys = "AWS_ACCESS_KEY_ID=AKIAEXAMPLE"
const secret = "AWS_SECRET_ACCESS_KEY=notshown"

func TestLoadFindsTheRegion(t *testing.T) {
	near := Place{Region: "eu-central-1"}
	for name, test := range map[string]struct {
		o    Settings
		env  []string
		want string
	}{
		"by the flag":        {Settings{Region: "us-east-1", Near: near}, []string{"AWS_REGION=eu-west-1"}, "us-east-1"},
		"by the environment": {Settings{Near: near}, []string{"AWS_REGION=eu-west-1"}, "eu-west-1"},
		"by the cluster":     {Settings{Near: near}, nil, "eu-central-1"},
	} {
		t.Run(name, func(t *testing.T) {
			bare(t, append(test.env, keys, secret)...)
			s, err := Load(t.Context(), test.o)
			if err != nil {
				t.Fatal(err)
			}
			if s.Region != test.want || s.Config.Region != test.want {
				t.Errorf("got %s and %s", s.Region, s.Config.Region)
			}
		})
	}
}

func TestLoadSaysWhatIsMissing(t *testing.T) {
	config := filepath.Join(t.TempDir(), "config")
	content := "[profile sso]\nregion = eu-west-1\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = Dev\n\n" +
		"[sso-session corp]\nsso_region = eu-west-1\nsso_start_url = https://example.awsapps.com/start\n\n" +
		"[profile mfa]\nregion = eu-west-1\nrole_arn = arn:aws:iam::123456789012:role/Dev\nsource_profile = base\nmfa_serial = arn:aws:iam::123456789012:mfa/eve\n\n" +
		"[profile base]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = notshown\n\n" +
		"[profile broken]\nregion = eu-west-1\ncredential_process = /no/such/program\n"
	if err := os.WriteFile(config, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		o          Settings
		env        []string
		kind       problem.Kind
		says, next string
	}{
		"no region":        {Settings{}, []string{keys, secret}, problem.BadInput, "no AWS region is set", "--region"},
		"no such region":   {Settings{Region: "moon"}, []string{keys, secret}, problem.BadInput, `"moon" is not the name`, "eu-west-1"},
		"a host as region": {Settings{Region: "eu-west-1.example.com/"}, []string{keys, secret}, problem.BadInput, "is not the name", "eu-west-1"},
		"no credentials":   {Settings{Region: "eu-west-1"}, []string{"AWS_EC2_METADATA_DISABLED=true"}, problem.NoAccess, "there are no AWS credentials", "--profile"},
		"half of them":     {Settings{Region: "eu-west-1"}, []string{keys, "AWS_EC2_METADATA_DISABLED=true"}, problem.NoAccess, "there are no AWS credentials", "AWS_SECRET_ACCESS_KEY"},
		"no such profile":  {Settings{Region: "eu-west-1", Profile: "nix"}, nil, problem.BadInput, "there is no AWS profile nix in", "list-profiles"},
		"SSO":              {Settings{Profile: "sso"}, nil, problem.NoAccess, "SSO session", "aws sso login --profile sso"},
		"MFA":              {Settings{Profile: "mfa"}, nil, problem.BadInput, "asks for the code of a device", "terminal"},
		"no such program":  {Settings{Profile: "broken"}, nil, problem.NoAccess, "get AWS credentials: ", "--profile"},
	} {
		t.Run(name, func(t *testing.T) {
			bare(t, append(test.env, "AWS_CONFIG_FILE="+config, "HOME="+t.TempDir())...)
			_, err := Load(t.Context(), test.o)
			wantProblem(t, err, test.kind, test.says, test.next)
			if err != nil && strings.Contains(err.Error(), "notshown") {
				t.Errorf("it shows the secret: %v", err)
			}
		})
	}
}

// Where nothing answers there is no metadata service, and nobody waits for it.
func TestLoadDoesNotWaitForCredentials(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	bare(t, "AWS_EC2_METADATA_SERVICE_ENDPOINT=http://"+silent.Addr().String(), "HOME="+t.TempDir())
	begin := time.Now()
	_, err = Load(t.Context(), Settings{Region: "eu-west-1"})
	wantProblem(t, err, problem.NoAccess, "there are no AWS credentials", "--profile")
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
}

// answering is a session whose calls all get one answer.
func answering(t *testing.T, status int, header http.Header, body string) *Session {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for name, values := range header {
			w.Header()[name] = values
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	return at(t, server.URL)
}

func at(t *testing.T, url string) *Session {
	t.Helper()
	bare(t, keys, secret, "AWS_ENDPOINT_URL="+url)
	s, err := Load(t.Context(), Settings{Region: "eu-west-1", Command: "ecr ensure", Agent: "kubectl-falcon/1", Attempts: 1})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const caller = `<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws-cn:sts::123456789012:assumed-role/Dev/eve</Arn>` +
	`<Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`

func TestIdentityIsAskedOnce(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		if !strings.Contains(r.UserAgent(), "kubectl-falcon/1") {
			t.Errorf("it calls itself %s", r.UserAgent())
		}
		_, _ = w.Write([]byte(caller))
	}))
	defer server.Close()
	s := at(t, server.URL)
	for range 2 {
		got, err := s.Identity(t.Context())
		want := Identity{"123456789012", "arn:aws-cn:sts::123456789012:assumed-role/Dev/eve", "aws-cn"}
		if err != nil || got != want {
			t.Errorf("got %+v, %v", got, err)
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
}

func TestEndpointOfAServiceComesFirst(t *testing.T) {
	bare(t, keys, secret, "AWS_ENDPOINT_URL=http://127.0.0.1:1", "AWS_ENDPOINT_URL_ECR=http://127.0.0.1:2")
	s, err := Load(t.Context(), Settings{Region: "eu-west-1"})
	if err != nil {
		t.Fatal(err)
	}
	if s.Endpoint("ECR") != "http://127.0.0.1:2" || s.Endpoint("EC2") != "http://127.0.0.1:1" {
		t.Errorf("got %s and %s", s.Endpoint("ECR"), s.Endpoint("EC2"))
	}
}

func TestExplainLeavesWhatIsToldAndWhatIsStopped(t *testing.T) {
	s := &Session{}
	told := problem.New(problem.BadInput, "do", "told")
	if err := s.Explain(t.Context(), "x", told); err != error(told) {
		t.Errorf("got %v", err)
	}
	if s.Explain(t.Context(), "x", nil) != nil {
		t.Error("an error of nothing")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Explain(ctx, "x", errors.New("y")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
