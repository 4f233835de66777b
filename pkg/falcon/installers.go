package falcon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

var (
	findInstallers = operation{http.MethodGet, "/sensors/combined/installers/v1", "Sensor Download: Read", "list the sensor's tarballs"}
	getInstaller   = operation{http.MethodGet, "/sensors/entities/download-installer/v1", "Sensor Download: Read", "download the sensor's tarball"}
)

// Installer is a file that the Falcon API gives, for a container sensor the tarball of its image.
type Installer struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	// SHA256 is its checksum, and what it is asked for by.
	SHA256   string    `json:"sha256"`
	Size     int64     `json:"file_size"`
	OS       string    `json:"os"`
	Type     string    `json:"file_type"`
	Released time.Time `json:"release_date"`
}

// mostInstallers is the API's limit for one page.
const mostInstallers = 500

// ContainerTarballs returns the tarballs of the container sensor, the newest release first. It may be none:
// the vendor has said that new versions come by the registry alone.
func (c *Client) ContainerTarballs(ctx context.Context) (all []Installer, err error) {
	query := url.Values{"filter": {`os:"Container"`}, "sort": {"release_date|desc"}, "limit": {strconv.Itoa(mostInstallers)}}
	_, err = c.call(ctx, findInstallers, query, nil, &all)
	return all, err
}

// Download asks for a file from a byte on. The content may begin earlier, at the byte that is returned: 0 if
// the server does not go on where one was. The caller closes it.
func (c *Client) Download(ctx context.Context, sha256 string, from int64) (content io.ReadCloser, at int64, err error) {
	var stale *oauth2.Token
	for try := 1; ; try++ {
		token, err := c.bearer(ctx, stale)
		if err != nil {
			return nil, 0, err
		}
		response, err := c.open(ctx, sha256, from, token)
		if err != nil {
			return nil, 0, c.unreached(ctx, getInstaller, err)
		}
		switch {
		case response.StatusCode == http.StatusOK:
			return response.Body, 0, nil
		case response.StatusCode == http.StatusPartialContent && from > 0:
			if start, err := rangeStart(response.Header.Get("Content-Range")); err == nil && start == from {
				return response.Body, from, nil
			}
		case response.StatusCode == http.StatusRequestedRangeNotSatisfiable && from > 0:
			from = 0
			_ = response.Body.Close()
			continue
		}
		a, err := drained(response)
		if err != nil {
			return nil, 0, c.unreached(ctx, getInstaller, err)
		}
		if a.status == http.StatusUnauthorized && stale == nil {
			stale = token
			continue
		}
		again, wait := a.retry(nil, try)
		if !again {
			return nil, 0, a.noFile()
		}
		if err := sleep(ctx, wait); err != nil {
			return nil, 0, err
		}
	}
}

// noFile is the error of an answer that has no file.
func (a answer) noFile() error {
	if a.status == http.StatusNotFound {
		return problem.New(problem.Failed, "choose another version", "%s: the Falcon API does not have it (404)", getInstaller.about)
	}
	if _, err := a.decode(getInstaller, nil); err != nil {
		return err
	}
	return problem.New(problem.Failed, "check the proxy between here and the Falcon API", "%s: the answer %d has no file", getInstaller.about, a.status)
}

func drained(response *http.Response) (answer, error) {
	defer response.Body.Close()
	a := answer{status: response.StatusCode, header: response.Header}
	var err error
	a.body, err = io.ReadAll(io.LimitReader(response.Body, mostAnswer))
	return a, err
}

// open sends the request for a file. It has no limit of time: a file may take as long as it does.
func (c *Client) open(ctx context.Context, sha256 string, from int64, token *oauth2.Token) (*http.Response, error) {
	c.mu.Lock()
	address := c.address(getInstaller.path)
	c.mu.Unlock()
	request, err := http.NewRequestWithContext(ctx, getInstaller.method, address+"?"+url.Values{"id": {sha256}}.Encode(), nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+token.AccessToken)
	if c.o.Agent != "" {
		request.Header.Set("User-Agent", c.o.Agent)
	}
	if from > 0 {
		request.Header.Set("Range", fmt.Sprintf("bytes=%d-", from))
	}
	patient := &http.Client{Transport: c.http.Transport, CheckRedirect: c.http.CheckRedirect}
	return patient.Do(request)
}

// rangeStart is the first byte of a Content-Range such as "bytes 100-199/200" (RFC 9110, 14.4).
func rangeStart(header string) (int64, error) {
	rest, ok := strings.CutPrefix(header, "bytes ")
	if !ok {
		return 0, errors.New("no range of bytes")
	}
	first, _, _ := strings.Cut(rest, "-")
	return strconv.ParseInt(first, 10, 64)
}
