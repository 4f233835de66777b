// Package vendorregistry stands in for the vendor's container registry, which cannot be had without a
// subscription. It is made from what the vendor's public tools do (falcon-scripts, falcon-operator) and is not
// a CrowdStrike product. It lets in whoever has the customer's user and password, by a token for the
// repositories that were asked for, and nobody else.
package vendorregistry

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/registry"
)

// The repositories of the container sensor; the second has the region between.
const (
	Unified        = "falcon-container/release/falcon-container"
	RegionalPrefix = "falcon-container/"
	RegionalSuffix = "/release/falcon-sensor"
)

// Registry is the stand-in. It is an http.Handler and may be used by many goroutines.
type Registry struct {
	user, password string
	// inside is the registry without its door.
	inside http.Handler

	mu     sync.Mutex
	tokens map[string][]string
	seen   []string
}

// New returns a registry of the customer with that id, with or without its checksum.
func New(cid, password string) *Registry {
	id, _, _ := strings.Cut(strings.ToLower(cid), "-")
	return &Registry{user: "fc-" + id, password: password, tokens: map[string][]string{},
		inside: registry.New(registry.Logger(log.New(io.Discard, "", 0)))}
}

// Inside is the registry without its door, for a test to fill it.
func (r *Registry) Inside() http.Handler { return r.inside }

// Seen returns the method and path of every request so far.
func (r *Registry) Seen() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.seen)
}

// ServeHTTP lets in who may read, and only to read.
func (r *Registry) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	r.mu.Lock()
	r.seen = append(r.seen, q.Method+" "+q.URL.Path)
	r.mu.Unlock()
	if q.URL.Path == "/v2/token" {
		r.token(w, q)
		return
	}
	token, _ := strings.CutPrefix(q.Header.Get("Authorization"), "Bearer ")
	r.mu.Lock()
	repositories, known := r.tokens[token]
	r.mu.Unlock()
	repository := repositoryOf(q.URL.Path)
	switch {
	case !known || repository != "" && !slices.Contains(repositories, repository):
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="http://%s/v2/token",service="%[1]s"`, q.Host))
		refuse(w, http.StatusUnauthorized, "UNAUTHORIZED", "authentication required")
	case q.Method != http.MethodGet && q.Method != http.MethodHead:
		refuse(w, http.StatusForbidden, "DENIED", "requested access to the resource is denied")
	default:
		r.inside.ServeHTTP(w, q)
	}
}

// token answers to the user and the password with a token for the scopes that are asked for.
func (r *Registry) token(w http.ResponseWriter, q *http.Request) {
	user, password, _ := q.BasicAuth()
	if user != r.user || password != r.password {
		refuse(w, http.StatusUnauthorized, "UNAUTHORIZED", "incorrect username or password")
		return
	}
	var repositories []string
	for _, scope := range q.URL.Query()["scope"] {
		if parts := strings.Split(scope, ":"); len(parts) == 3 && parts[0] == "repository" {
			repositories = append(repositories, parts[1])
		}
	}
	token := rand.Text()
	r.mu.Lock()
	r.tokens[token] = repositories
	r.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{"token": token})
}

// repositoryOf is the repository that a path is about, or nothing.
func repositoryOf(path string) string {
	rest, _ := strings.CutPrefix(path, "/v2/")
	for _, part := range []string{"/tags/", "/manifests/", "/blobs/", "/referrers/"} {
		if n := strings.LastIndex(rest, part); n > 0 {
			return rest[:n]
		}
	}
	return ""
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": []map[string]string{{"code": code, "message": message}}})
}
