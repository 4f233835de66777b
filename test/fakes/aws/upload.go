package aws

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// upload is a session in which a blob is sent.
type upload struct {
	// first is where its first part ends, which is all that ECR ever says of how far a session is
	// (aws/containers-roadmap issue 2831).
	first   int64
	started bool
	// broken is after a part that did not come whole: the session cannot be taken up again
	// (apple/containerization issue 792).
	broken bool
}

// errCut is a body that the fault ends.
var errCut = errors.New("the connection is cut here")

// counted is the body of an upload.
type counted struct {
	from io.Reader
	cut  func(n int) bool
	n    int64
}

// Read counts, and fails where the fault cuts.
func (b *counted) Read(p []byte) (int, error) {
	n, err := b.from.Read(p)
	b.n += int64(n)
	if n > 0 && b.cut(n) {
		return 0, errCut
	}
	return n, err
}

// letUpload is the sending of blobs. ECR answers a part with 201, where others have 202, and takes none twice.
func (c *Cloud) letUpload(v *visit) {
	if v.r.Method == http.MethodPost {
		c.beginUpload(v)
		return
	}
	c.mu.Lock()
	session := c.uploads[v.r.URL.Path]
	c.mu.Unlock()
	if session == nil {
		refuse(v.w, http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
		return
	}
	c.mu.Lock()
	now := *session
	c.mu.Unlock()
	switch from := v.r.Header.Get("Content-Range"); {
	case v.r.Method == http.MethodGet:
		v.w.Header().Set("Range", fmt.Sprintf("0-%d", now.first))
		v.w.Header().Set("Location", "http://"+v.r.Host+v.r.URL.RequestURI())
		v.w.WriteHeader(http.StatusNoContent)
		return
	case v.r.Method == http.MethodDelete:
	case now.broken, v.r.Method == http.MethodPatch && now.started && (from == "" || strings.HasPrefix(from, "0-")):
		v.w.Header().Set("Range", fmt.Sprintf("0-%d", now.first))
		refuse(v.w, http.StatusRequestedRangeNotSatisfiable, "BLOB_UPLOAD_INVALID", "blob upload invalid")
		return
	}
	c.goOn(v, session)
}

// beginUpload opens a session, or mounts the blob of another repository.
func (c *Cloud) beginUpload(v *visit) {
	parameters := v.r.URL.Query()
	digest, from := parameters.Get("mount"), parameters.Get("from")
	if digest != "" && !c.options.BlobMounting {
		parameters.Del("mount")
		parameters.Del("from")
		v.r.URL.RawQuery = parameters.Encode()
	} else if digest != "" && !c.store.perRepository && c.existing(v.r.Context(), v.token.region, from) != nil &&
		c.has(c.repository(v.token.region, from), digest) {
		c.sent(v, digest)
		v.w.Header().Set("Location", "http://"+v.r.Host+"/v2/"+v.name+"/blobs/"+digest)
		v.w.Header().Set("Docker-Content-Digest", digest)
		v.w.WriteHeader(http.StatusCreated)
		return
	}
	answer := c.pass(v, v.r.Body)
	if answer == nil {
		panic(http.ErrAbortHandler)
	}
	if at, err := answer.Location(); err == nil && answer.StatusCode == http.StatusAccepted {
		c.mu.Lock()
		c.uploads[at.Path] = &upload{}
		c.mu.Unlock()
	}
	if given := answer.Header.Get("Docker-Content-Digest"); given != "" && answer.StatusCode == http.StatusCreated {
		c.sent(v, given)
	}
	give(v.w, answer)
}

// goOn sends a part of a blob, or its end.
func (c *Cloud) goOn(v *visit, session *upload) {
	body := &counted{from: v.r.Body, cut: c.cutNow}
	answer := c.pass(v, body)
	c.mu.Lock()
	if v.r.Method == http.MethodPatch && !session.started {
		session.started, session.first = true, max(body.n-1, 0)
	}
	session.broken = session.broken || answer == nil
	first := session.first
	c.mu.Unlock()
	if answer == nil {
		panic(http.ErrAbortHandler)
	}
	if v.r.Method == http.MethodPatch && answer.StatusCode == http.StatusAccepted {
		answer.StatusCode = http.StatusCreated
		answer.Header.Set("Range", fmt.Sprintf("0-%d", first))
	}
	if v.r.Method == http.MethodPut && answer.StatusCode == http.StatusCreated {
		c.sent(v, v.r.URL.Query().Get("digest"))
		c.mu.Lock()
		delete(c.uploads, v.r.URL.Path)
		c.mu.Unlock()
	}
	give(v.w, answer)
}

// sent notes that a blob is in the repository.
func (c *Cloud) sent(v *visit, digest string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	v.repo.blobs[digest] = true
}

// statusWriter remembers the status of an answer.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader remembers and passes on.
func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// discard takes an answer that nobody gets.
type discard struct{ header http.Header }

// Header is that of the answer.
func (d discard) Header() http.Header { return d.header }

// Write does nothing.
func (d discard) Write(p []byte) (int, error) { return len(p), nil }

// WriteHeader does nothing.
func (d discard) WriteHeader(int) {}
