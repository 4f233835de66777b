// Package eksdoor is a door before an API server of tests that lets in as EKS does: by a bearer token that is a
// signed request to STS, of one cluster, by somebody who is known. What it lets in goes on to the server with the
// certificate of a kubeconfig. It listens on the loopback address alone.
//
// It is a stand-in: STS is not asked, but the signature is made again with the secret of who is known, which is
// what STS does. Everybody it knows may do all.
package eksdoor

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Door is one that is open until it is closed.
type Door struct {
	// Endpoint and CA are what EKS says of the cluster's API server: its address, and its authority in PEM.
	Endpoint, CA string

	cluster string
	known   map[string]string
	server  *httptest.Server
	forward http.Handler

	mu       sync.Mutex
	let      []Visit
	refusals []string
}

// Visit is a request that was let in.
type Visit struct {
	Method, Path string
	At           time.Time
}

// Open opens a door for a cluster before the API server of a kubeconfig. known are secrets by access key id.
func Open(kubeconfig, cluster string, known map[string]string) (*Door, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	// HTTP/2 has no upgrades, which exec needs.
	config.NextProtos = []string{"http/1.1"}
	transport, err := rest.TransportFor(config)
	if err != nil {
		return nil, err
	}
	target, err := url.Parse(config.Host)
	if err != nil {
		return nil, err
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.Transport, proxy.FlushInterval = transport, -1
	// A client that went is no news.
	proxy.ErrorLog = log.New(io.Discard, "", 0)
	d := &Door{cluster: cluster, known: known, forward: proxy}
	d.server = httptest.NewTLSServer(d)
	d.Endpoint = d.server.URL
	d.CA = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: d.server.Certificate().Raw}))
	return d, nil
}

// Close closes the door.
func (d *Door) Close() { d.server.Close() }

// Let are the requests that were let in, in their order.
func (d *Door) Let() []Visit {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]Visit{}, d.let...)
}

// Refused says why others were not.
func (d *Door) Refused() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string{}, d.refusals...)
}

// ServeHTTP lets a request in, or answers as an API server does to somebody it does not know.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	err := d.check(r.Context(), r.Header.Get("Authorization"))
	d.mu.Lock()
	if err != nil {
		d.refusals = append(d.refusals, r.Method+" "+r.URL.Path+": "+err.Error())
	} else {
		d.let = append(d.let, Visit{r.Method, r.URL.Path, time.Now()})
	}
	d.mu.Unlock()
	if err != nil {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusUnauthorized)
		_ = json.NewEncoder(w).Encode(metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusFailure,
			Code: http.StatusUnauthorized, Reason: metav1.StatusReasonUnauthorized, Message: "Unauthorized"})
		return
	}
	r.Header.Del("Authorization")
	d.forward.ServeHTTP(w, r)
}

// The form of a token is that of aws-iam-authenticator (kubernetes-sigs/aws-iam-authenticator, "API authorization
// from outside a cluster"): its prefix, how long it is good after it was signed, and the header with the cluster.
const (
	prefix        = "k8s-aws-v1."
	goodFor       = 15 * time.Minute
	clusterHeader = "x-k8s-aws-id"
	timeForm      = "20060102T150405Z"
	// emptyBody is the SHA-256 of nothing.
	emptyBody = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

// check says why a token is not taken.
func (d *Door) check(ctx context.Context, header string) error {
	token, ok := strings.CutPrefix(header, "Bearer "+prefix)
	if !ok {
		return errors.New("there is no token of EKS")
	}
	content, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return err
	}
	signed, err := url.Parse(string(content))
	if err != nil {
		return err
	}
	query := signed.Query()
	scope := strings.Split(query.Get("X-Amz-Credential"), "/")
	at, err := time.Parse(timeForm, query.Get("X-Amz-Date"))
	switch {
	case err != nil:
		return err
	case signed.Scheme != "https" || signed.Path != "/" || query.Get("Action") != "GetCallerIdentity":
		return fmt.Errorf("it is not a question to STS: %s", signed.Host+signed.Path)
	case len(scope) != 5 || scope[3] != "sts" || signed.Host != "sts."+scope[2]+".amazonaws.com":
		return fmt.Errorf("it is signed for %v, and goes to %s", scope, signed.Host)
	case time.Since(at) > goodFor || time.Until(at) > time.Minute:
		return fmt.Errorf("it was signed at %s", at)
	case d.known[scope[0]] == "":
		return fmt.Errorf("nobody knows %s", scope[0])
	}
	return d.signed(ctx, signed, scope, at)
}

// signed makes the signature again: it is another one if anything differs, the cluster too.
func (d *Door) signed(ctx context.Context, given *url.URL, scope []string, at time.Time) error {
	plain, query := *given, given.Query()
	for _, name := range []string{"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-SignedHeaders", "X-Amz-Signature"} {
		query.Del(name)
	}
	plain.RawQuery = query.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, plain.String(), nil)
	if err != nil {
		return err
	}
	r.Header.Set(clusterHeader, d.cluster)
	again, _, err := v4.NewSigner().PresignHTTP(ctx, aws.Credentials{AccessKeyID: scope[0], SecretAccessKey: d.known[scope[0]]}, r, emptyBody, "sts", scope[2], at)
	if err != nil {
		return err
	}
	made, err := url.Parse(again)
	if err != nil {
		return err
	}
	for _, name := range []string{"X-Amz-SignedHeaders", "X-Amz-Signature"} {
		if got, want := given.Query().Get(name), made.Query().Get(name); got != want {
			return fmt.Errorf("the %s is %s: it was not signed by %s for the cluster %s", name, got, scope[0], d.cluster)
		}
	}
	return nil
}
