package imageinfo

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/standin"
)

// newRegistry serves app:1; with a password, only to user:password.
func newRegistry(t *testing.T, password string) (image string) {
	t.Helper()
	plain := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, given, _ := r.BasicAuth()
		if password != "" && (user != "user" || given != password) {
			w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
			http.Error(w, "who are you", http.StatusUnauthorized)
			return
		}
		plain.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	image = strings.TrimPrefix(server.URL, "http://") + "/team/app:1"
	config := v1.Config{Entrypoint: []string{"/entry"}, Cmd: []string{"cmd"}}
	built, err := mutate.Config(empty.Image, config)
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.ParseReference(image)
	if err != nil {
		t.Fatal(err)
	}
	auth := authn.FromConfig(authn.AuthConfig{Username: "user", Password: password})
	if err := remote.Write(ref, built, remote.WithAuth(auth)); err != nil {
		t.Fatal(err)
	}
	return image
}

// newSecrets is an API server that knows one pull secret and one token.
func newSecrets(t *testing.T, secret corev1.Secret) *Secrets {
	t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Authorization") != "Bearer token":
			http.Error(w, "forbidden", http.StatusForbidden)
		case r.URL.Path != "/api/v1/namespaces/default/secrets/pull":
			http.NotFound(w, r)
		default:
			_ = json.NewEncoder(w).Encode(secret)
		}
	}))
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("token\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return &Secrets{Server: server.URL, TokenFile: file, Client: server.Client()}
}

func pullSecret(kind corev1.SecretType, server, password string) corev1.Secret {
	auth := base64.StdEncoding.EncodeToString([]byte("user:" + password))
	auths := fmt.Sprintf(`{%q:{"auth":%q}}`, server, auth)
	if kind == corev1.SecretTypeDockercfg {
		return corev1.Secret{Type: kind, Data: map[string][]byte{corev1.DockerConfigKey: []byte(auths)}}
	}
	return corev1.Secret{Type: kind, Data: map[string][]byte{corev1.DockerConfigJsonKey: []byte(`{"auths":` + auths + `}`)}}
}

func TestCommand(t *testing.T) {
	const unauthorized = "unauthorized: authentication required"
	open, closed := newRegistry(t, ""), newRegistry(t, "open sesame")
	host := func(image string) string { h, _, _ := strings.Cut(image, "/"); return h }
	good := pullSecret(corev1.SecretTypeDockerConfigJson, host(closed), "open sesame")
	tests := []struct {
		name    string
		image   string
		secrets *Secrets
		names   []string
		cause   string
	}{
		{"open", open, nil, nil, ""},
		{"closed, anonymous", closed, nil, nil, unauthorized},
		{"closed, with the pod's secret", closed, newSecrets(t, good), []string{"pull"}, ""},
		{"closed, secret of the old kind", closed,
			newSecrets(t, pullSecret(corev1.SecretTypeDockercfg, "https://"+host(closed), "open sesame")), []string{"pull"}, ""},
		{"closed, secret for the folder", closed,
			newSecrets(t, pullSecret(corev1.SecretTypeDockerConfigJson, host(closed)+"/team", "open sesame")), []string{"pull"}, ""},
		{"closed, secret for another folder", closed,
			newSecrets(t, pullSecret(corev1.SecretTypeDockerConfigJson, host(closed)+"/tea", "open sesame")), []string{"pull"}, unauthorized},
		{"closed, wrong password", closed,
			newSecrets(t, pullSecret(corev1.SecretTypeDockerConfigJson, host(closed), "wrong")), []string{"pull"}, unauthorized},
		{"closed, secret that is not there", closed, newSecrets(t, good), []string{"other"}, unauthorized},
		{"closed, missing secret before the right one", closed, newSecrets(t, good), []string{"other", "pull"}, ""},
		{"open, wrong password", open,
			newSecrets(t, pullSecret(corev1.SecretTypeDockerConfigJson, host(open), "wrong")), []string{"pull"}, ""},
		{"no such tag", strings.TrimSuffix(open, "1") + "2", nil, nil, "manifest unknown: Unknown manifest"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var found string
			reader := Reader{
				Timeout: 20 * time.Second,
				Secrets: tt.secrets,
				Found:   func(_, registry string) { found = registry },
			}
			command, err := reader.Command(t.Context(), tt.image, Source{Namespace: "default", PullSecrets: tt.names})
			if found != host(tt.image) {
				t.Errorf("found registry %q", found)
			}
			if tt.cause != "" {
				want := fmt.Sprintf("Failed to get the image config/digest for %q on %q: %s", tt.image, host(tt.image), tt.cause)
				if err == nil || err.Error() != want {
					t.Errorf("error %v, want %s", err, want)
				}
				return
			}
			if err != nil || !reflect.DeepEqual(command.Entrypoint, []string{"/entry"}) || !reflect.DeepEqual(command.Cmd, []string{"cmd"}) {
				t.Errorf("command %+v, error %v", command, err)
			}
		})
	}
}

func TestDeadline(t *testing.T) {
	stop := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-stop:
		case <-r.Context().Done():
		}
	}))
	defer server.Close()
	defer close(stop)
	host := strings.TrimPrefix(server.URL, "http://")
	reader := Reader{Timeout: 50 * time.Millisecond}
	_, err := reader.Command(t.Context(), host+"/app:1", Source{})
	want := fmt.Sprintf(`Failed to get the image config/digest for "%s/app:1" on %q: context deadline exceeded`, host, host)
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
}

func TestRegistryName(t *testing.T) {
	tests := map[string]string{
		"nginx":                      "docker.io",
		"docker.io/library/nginx:1":  "docker.io",
		"quay.io/crowdstrike/tool:1": "quay.io",
		"10.0.0.1:5000/app":          "10.0.0.1:5000",
	}
	for image, want := range tests {
		ref, err := name.ParseReference(image, name.WeakValidation)
		if err != nil || registryName(ref) != want {
			t.Errorf("registry of %s is %q (%v), want %q", image, registryName(ref), err, want)
		}
	}
	if _, err := (&Reader{}).Command(t.Context(), "UPPER//x", Source{}); err == nil {
		t.Error("a name that is none was looked up")
	}
}

func TestServes(t *testing.T) {
	tests := []struct {
		key, image string
		want       bool
	}{
		{"https://index.docker.io/v1/", "nginx", true},
		{"docker.io", "library/nginx", true},
		{"quay.io", "nginx", false},
		{"http://quay.io/team/", "quay.io/team/app", true},
		{"quay.io/team/app", "quay.io/team/app:1", true},
		{"quay.io/te", "quay.io/team/app:1", false},
	}
	for _, tt := range tests {
		ref, err := name.ParseReference(tt.image)
		if err != nil || serves(tt.key, ref) != tt.want {
			t.Errorf("serves(%s, %s) = %v (%v)", tt.key, tt.image, !tt.want, err)
		}
	}
}

func TestOutsideACluster(t *testing.T) {
	if InCluster(standin.Env{}) != nil {
		t.Error("found a cluster in an empty environment")
	}
}
