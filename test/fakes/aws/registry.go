package aws

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
)

// visit is one request to the registry.
type visit struct {
	w http.ResponseWriter
	r *http.Request
	// repo is nil until it is known that the repository was created.
	repo  *repository
	token token
	name  string
	// kind is manifests, blobs, uploads or tags; ref is what comes after it.
	kind, ref string
	action    string
}

// serveRegistry is ECR's door: it lets in who has a good token and the rights for the action, to repositories
// that were created, and hands the rest to the registry behind.
func (c *Cloud) serveRegistry(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
	t, ok := c.login(w, r)
	if !ok {
		return
	}
	// What has come whole is done whole, also if nobody waits for its answer any more.
	v := &visit{w: w, r: r.WithContext(context.WithoutCancel(r.Context())), token: t}
	if v.parse(); v.kind == "" {
		if strings.TrimSuffix(r.URL.Path, "/") != "/v2" {
			refuse(w, http.StatusNotFound, "NAME_UNKNOWN", "there is nothing at "+r.URL.Path)
		}
		return
	}
	if t.key != AdminKey {
		answered := c.note(Call{Action: v.action, Region: t.region, Resource: v.resource()})
		status := &statusWriter{ResponseWriter: w}
		v.w = status
		defer func() { answered(status.status) }()
		met, latency := c.due(v.action)
		wait(r.Context(), latency)
		if !c.admit(v, met) {
			return
		}
		if met.Kind == CutAfter {
			v.w = discard{http.Header{}}
			defer met.end()
		}
	}
	if v.repo = c.existing(r.Context(), t.region, v.name); v.repo == nil {
		refuse(v.w, http.StatusNotFound, "NAME_UNKNOWN",
			fmt.Sprintf("The repository with name '%s' does not exist in the registry with id '%s'", v.name, Account))
		return
	}
	c.let(v)
}

// login checks the token. What ECR says to one that is missing, unknown or too old is from reports of users
// (aws/aws-cli issue 2351, spotify/dockerfile-maven issue 243).
func (c *Cloud) login(w http.ResponseWriter, r *http.Request) (token, bool) {
	user, password, ok := r.BasicAuth()
	if !ok {
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Basic realm="http://%s/",service="ecr.amazonaws.com"`, c.Registry))
		http.Error(w, "Not Authorized", http.StatusUnauthorized)
		return token{}, false
	}
	c.mu.Lock()
	t, known := c.tokens[password]
	c.mu.Unlock()
	if user != "AWS" || !known {
		refuse(w, http.StatusForbidden, "DENIED", "Your Authorization Token is invalid.")
		return token{}, false
	}
	if !c.options.Now().Before(t.expires) {
		refuse(w, http.StatusForbidden, "DENIED", "Your authorization token has expired. Reauthenticate and try again.")
		return token{}, false
	}
	return t, true
}

// parse reads the path, and which of ECR's actions the request needs ("Required IAM permissions for pushing an
// image", Amazon ECR user guide; aws/amazon-ecr-credential-helper's documentation for pulling).
func (v *visit) parse() {
	rest, _ := strings.CutPrefix(v.r.URL.Path, "/v2/")
	for _, kind := range []string{"/blobs/uploads/", "/blobs/uploads", "/manifests/", "/blobs/", "/tags/", "/referrers/"} {
		if n := strings.LastIndex(rest, kind); n > 0 {
			v.name, v.ref = rest[:n], rest[n+len(kind):]
			v.kind = path.Base(kind)
			break
		}
	}
	reading := v.r.Method == http.MethodGet || v.r.Method == http.MethodHead
	switch {
	case v.kind == "uploads" && v.r.Method == http.MethodPost:
		v.action = "ecr:InitiateLayerUpload"
	case v.kind == "uploads" && v.r.Method == http.MethodPut:
		v.action = "ecr:CompleteLayerUpload"
	case v.kind == "uploads":
		v.action = "ecr:UploadLayerPart"
	case v.kind == "blobs" && v.r.Method == http.MethodHead:
		v.action = "ecr:BatchCheckLayerAvailability"
	case v.kind == "blobs":
		v.action = "ecr:GetDownloadUrlForLayer"
	case v.kind == "manifests" && v.r.Method == http.MethodPut:
		v.action = "ecr:PutImage"
	case v.kind == "manifests" && !reading:
		v.action = "ecr:BatchDeleteImage"
	case v.kind == "tags":
		v.action = "ecr:ListImages"
	default:
		v.action = "ecr:BatchGetImage"
	}
}

func (v *visit) resource() string {
	return "arn:aws:ecr:" + v.token.region + ":" + Account + ":repository/" + v.name
}

// admit does the fault and holds the policy, and says whether the request goes on.
func (c *Cloud) admit(v *visit, met Fault) bool {
	message := func(usual string) string {
		if met.Message != "" {
			return met.Message
		}
		return usual
	}
	switch met.Kind {
	case "", Late, CutAfter:
	case Cut:
		met.end()
	case Throttled:
		refuse(v.w, http.StatusTooManyRequests, "TOOMANYREQUESTS", message("Rate exceeded"))
		return false
	case ServerError:
		refuse(v.w, http.StatusInternalServerError, "UNKNOWN", message("An internal error has occurred."))
		return false
	case ExpiredToken:
		refuse(v.w, http.StatusForbidden, "DENIED", message("Your authorization token has expired. Reauthenticate and try again."))
		return false
	case AccessDenied:
		refuse(v.w, http.StatusForbidden, "DENIED", message(c.denial(v.action, v.resource())))
		return false
	default:
		status := max(met.Status, http.StatusBadRequest)
		refuse(v.w, status, strings.ToUpper(met.Code), message(string(met.Kind)))
		return false
	}
	if action := c.refused(v.action); action != "" {
		refuse(v.w, http.StatusForbidden, "DENIED", c.denial(action, v.resource()))
		return false
	}
	return true
}

// let hands a request to the registry behind, with what ECR does differently.
func (c *Cloud) let(v *visit) {
	switch {
	case v.kind == "uploads":
		c.letUpload(v)
	case v.kind == "manifests" && v.r.Method == http.MethodPut:
		c.letManifest(v)
	case v.kind == "blobs" && !c.has(v.repo, v.ref):
		refuse(v.w, http.StatusNotFound, "BLOB_UNKNOWN", "blob unknown to registry")
	default:
		answer := c.pass(v, v.r.Body)
		switch {
		case answer == nil:
		case v.kind == "manifests" && answer.StatusCode == http.StatusNotFound:
			// The registry behind may not know the repository before its first image; ECR does.
			_ = answer.Body.Close()
			refuse(v.w, http.StatusNotFound, "MANIFEST_UNKNOWN", "Requested image not found")
		default:
			give(v.w, answer)
		}
	}
}

// has says whether a blob is in a repository, as far as the front must know.
func (c *Cloud) has(repo *repository, digest string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.store.perRepository || repo.blobs[digest]
}

// letManifest takes an image, if its tag may be set, and tells ECR's control plane of it.
func (c *Cloud) letManifest(v *visit) {
	content, err := io.ReadAll(io.LimitReader(v.r.Body, maxBody))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	m, size, err := readManifest(content)
	if err != nil {
		refuse(v.w, http.StatusBadRequest, "MANIFEST_INVALID", "manifest invalid")
		return
	}
	digest, tag := digestOf(content), v.ref
	if strings.Contains(v.ref, ":") {
		tag = ""
	}
	// Also for the image that has the tag already (aws/containers-roadmap issue 2179).
	if tag != "" && c.keeps(v.repo, tag) && c.tagged(v, tag) != "" {
		refuse(v.w, http.StatusBadRequest, "TAG_INVALID", fmt.Sprintf("The image tag '%s' already exists in the '%s' repository "+
			"and cannot be overwritten because the repository is immutable.", tag, v.name))
		return
	}
	for _, d := range append(m.Layers, m.Config) {
		if d.Digest != "" && len(d.URLs) == 0 && !c.has(v.repo, d.Digest) {
			refuse(v.w, http.StatusBadRequest, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry: "+d.Digest)
			return
		}
	}
	answer := c.pass(v, bytes.NewReader(content))
	if answer == nil {
		return
	}
	if answer.StatusCode == http.StatusCreated {
		c.putImage(v, content, digest, tag, size)
	}
	give(v.w, answer)
}

// pass lets the registry behind answer. Without an answer the connection of the client ends.
func (c *Cloud) pass(v *visit, body io.Reader) *http.Response {
	behind, _ := url.Parse(c.store.url)
	target := *v.r.URL
	target.Scheme, target.Host = behind.Scheme, behind.Host
	r, err := http.NewRequestWithContext(context.WithoutCancel(v.r.Context()), v.r.Method, target.String(), body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Header = v.r.Header.Clone()
	r.Header.Del("Authorization")
	r.ContentLength = v.r.ContentLength
	if r.ContentLength == 0 {
		r.Body = http.NoBody
	}
	// It makes its locations of it.
	r.Host = v.r.Host
	answer, err := c.client.Do(r)
	if err != nil {
		// Without an answer the client would take it for an empty one.
		http.Error(v.w, "the registry behind the local AWS does not answer: "+err.Error(), http.StatusBadGateway)
		return nil
	}
	if at := answer.Header.Get("Location"); strings.HasPrefix(at, "/") {
		answer.Header.Set("Location", "http://"+v.r.Host+at)
	}
	return answer
}

func give(w http.ResponseWriter, answer *http.Response) {
	defer answer.Body.Close()
	for name, values := range answer.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.StatusCode)
	_, _ = io.Copy(w, answer.Body)
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(jsonReply(status, object{"errors": []object{{"code": code, "message": message}}}).body)
}
