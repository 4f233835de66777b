package imageinfo

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/standin"
)

// serviceAccountDir is where every pod finds its own token and the cluster's CA.
const serviceAccountDir = "/var/run/secrets/kubernetes.io/serviceaccount"

// maxSecret is more than the API server lets a Secret hold.
const maxSecret = 4 << 20

// Secrets reads single secrets over plain HTTP: the few lines below spare the
// image a whole Kubernetes client.
type Secrets struct {
	// Server is the API server's URL.
	Server string
	// TokenFile is read at every request because tokens are rotated.
	TokenFile string
	Client    *http.Client
}

// InCluster returns a reader of secrets for a process in a pod, or nil where
// there is no service account; a nil reader finds no credentials.
func InCluster(env standin.Env) *Secrets {
	host, port := env["KUBERNETES_SERVICE_HOST"], env["KUBERNETES_SERVICE_PORT"]
	ca, err := os.ReadFile(filepath.Join(serviceAccountDir, "ca.crt"))
	if host == "" || port == "" || err != nil {
		return nil
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	return &Secrets{
		Server:    "https://" + net.JoinHostPort(host, port),
		TokenFile: filepath.Join(serviceAccountDir, "token"),
		Client: &http.Client{Transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		}},
	}
}

// auths returns the credentials for ref in the pod's pull secrets. Secrets that
// cannot be read are passed over: the look-up then goes on without them.
func (s *Secrets) auths(ctx context.Context, ref name.Reference, source Source) []authn.Authenticator {
	if s == nil {
		return nil
	}
	var auths []authn.Authenticator
	for _, secretName := range source.PullSecrets {
		secret, err := s.get(ctx, source.Namespace, secretName)
		if err != nil {
			continue
		}
		configs := dockerConfig(secret)
		// Longest key first: it is the one meant most closely for this image.
		keys := slices.SortedFunc(maps.Keys(configs), func(a, b string) int {
			return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b))
		})
		for _, key := range keys {
			if serves(key, ref) {
				auths = append(auths, authn.FromConfig(configs[key]))
			}
		}
	}
	return auths
}

func (s *Secrets) get(ctx context.Context, namespace, secretName string) (*corev1.Secret, error) {
	token, err := os.ReadFile(s.TokenFile)
	if err != nil {
		return nil, fmt.Errorf("read the service account token: %w", err)
	}
	path := "/api/v1/namespaces/" + url.PathEscape(namespace) + "/secrets/" + url.PathEscape(secretName)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Server+path, nil)
	if err != nil {
		return nil, fmt.Errorf("ask for secret %s/%s: %w", namespace, secretName, err)
	}
	request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	request.Header.Set("Accept", "application/json")
	response, err := s.Client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("get secret %s/%s: %w", namespace, secretName, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("get secret %s/%s: %s", namespace, secretName, response.Status)
	}
	secret := &corev1.Secret{}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxSecret)).Decode(secret); err != nil {
		return nil, fmt.Errorf("read secret %s/%s: %w", namespace, secretName, err)
	}
	return secret, nil
}

// dockerConfig reads both kinds of pull secret.
func dockerConfig(secret *corev1.Secret) map[string]authn.AuthConfig {
	var file struct {
		Auths map[string]authn.AuthConfig `json:"auths"`
	}
	switch secret.Type {
	case corev1.SecretTypeDockerConfigJson:
		_ = json.Unmarshal(secret.Data[corev1.DockerConfigJsonKey], &file)
	case corev1.SecretTypeDockercfg:
		_ = json.Unmarshal(secret.Data[corev1.DockerConfigKey], &file.Auths)
	}
	return file.Auths
}

// serves reports whether the credentials under key are meant for ref: the same
// registry, and the repository itself or a folder above it.
func serves(key string, ref name.Reference) bool {
	key = strings.TrimPrefix(strings.TrimPrefix(key, "https://"), "http://")
	host, folder, _ := strings.Cut(key, "/")
	if host == "docker.io" {
		host = name.DefaultRegistry
	}
	if host != ref.Context().RegistryStr() {
		return false
	}
	folder = strings.Trim(folder, "/")
	// Docker has always written its own registry with an API version behind it.
	if folder == "" || folder == "v1" || folder == "v2" {
		return true
	}
	repository := ref.Context().RepositoryStr()
	return repository == folder || strings.HasPrefix(repository, folder+"/")
}
