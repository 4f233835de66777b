package aws

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
)

// store is the registry behind the front, which keeps what is pushed and asks for no login.
type store struct {
	url string
	// perRepository says that a blob is in the repositories it was sent to and no other. The in-process
	// registry has one heap of blobs for all, which the front then hides.
	perRepository bool
	memory        *atomic.Value
}

// startStore starts the registry that the options name.
func (c *Cloud) startStore(ctx context.Context) error {
	switch {
	case c.options.RegistryURL != "":
		c.store = store{url: c.options.RegistryURL, perRepository: true}
		return nil
	case c.options.RegistryProgram != "":
		return c.startProgram(ctx)
	}
	memory := &atomic.Value{}
	memory.Store(newMemory())
	address, err := c.serve("127.0.0.1:0", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		memory.Load().(http.Handler).ServeHTTP(w, r)
	}))
	c.store = store{url: "http://" + address, memory: memory}
	return err
}

func newMemory() http.Handler {
	return registry.New(registry.Logger(log.New(io.Discard, "", 0)), registry.WithReferrersSupport(true))
}

// startProgram starts distribution's registry on a free port with its images in a folder that goes with it.
func (c *Cloud) startProgram(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "fake-ecr-")
	if err != nil {
		return err
	}
	c.closers = append(c.closers, func() error { return os.RemoveAll(dir) })
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	address := free.Addr().String()
	_ = free.Close()
	config := fmt.Sprintf("version: 0.1\nlog: {level: warn, accesslog: {disabled: true}}\nstorage:\n"+
		"  filesystem: {rootdirectory: %q}\n  delete: {enabled: true}\nhttp: {addr: %q}\n", filepath.Join(dir, "images"), address)
	file := filepath.Join(dir, "registry.yaml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		return err
	}
	cmd := exec.Command(c.options.RegistryProgram, "serve", file)
	// Without it the registry keeps trying to send traces somewhere.
	cmd.Env = append(os.Environ(), "OTEL_TRACES_EXPORTER=none")
	endWithParent(cmd)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start the registry: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	c.closers = append(c.closers, func() error {
		_ = cmd.Process.Kill()
		<-ended
		return nil
	})
	c.store = store{url: "http://" + address, perRepository: true}
	return c.answers(ctx, ended)
}

// answers waits until the registry does.
func (c *Cloud) answers(ctx context.Context, ended chan error) error {
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		if answer, err := c.stored(ctx, http.MethodGet, "/v2/"); err == nil {
			_ = answer.Body.Close()
			return nil
		}
		select {
		case err := <-ended:
			ended <- err
			return fmt.Errorf("the registry ended at once: %w", err)
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	return errors.New("the registry does not answer after a minute")
}

// stored asks the registry behind the front.
func (c *Cloud) stored(ctx context.Context, method, path string) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.store.url+path, nil)
	if err != nil {
		return nil, err
	}
	return c.client.Do(r)
}

func (c *Cloud) deleteStored(ctx context.Context, name, what string) error {
	answer, err := c.stored(ctx, http.MethodDelete, "/v2/"+name+"/"+what)
	if err != nil {
		return err
	}
	return answer.Body.Close()
}

// storedTags are the tags of a repository in the registry.
func (c *Cloud) storedTags(ctx context.Context, name string) []string {
	answer, err := c.stored(ctx, http.MethodGet, "/v2/"+(&url.URL{Path: name}).EscapedPath()+"/tags/list")
	if err != nil {
		return nil
	}
	defer answer.Body.Close()
	var out struct {
		Tags []string `json:"tags"`
	}
	_ = json.NewDecoder(answer.Body).Decode(&out)
	return out.Tags
}

// emptyStore takes everything out of the registry that came in through the front.
func (c *Cloud) emptyStore(ctx context.Context) error {
	if c.store.memory != nil {
		c.store.memory.Store(newMemory())
		return nil
	}
	c.mu.Lock()
	repos := maps.Clone(c.repos)
	c.mu.Unlock()
	for _, repo := range repos {
		c.dropRepository(ctx, repo.region, repo.name)
	}
	return ctx.Err()
}
