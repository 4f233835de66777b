package aid

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"time"
)

// Cache remembers the ids of sensors by their containers: an id is that of one container, so as long as the
// container is the same, so is the id. Its methods may be called on nil, which remembers nothing, and by many
// goroutines.
type Cache struct {
	path string
	now  func() time.Time

	mu      sync.Mutex
	entries map[string]entry
	changed bool
}

// entry is one sensor's id, and when it was asked for.
type entry struct {
	AID   string    `json:"aid"`
	Asked time.Time `json:"asked"`
}

// cacheForm is the version of the file's form, and keepFor how long an entry is kept: no pod that is older is
// worth the place.
const (
	cacheForm = 1
	keepFor   = 30 * 24 * time.Hour
	// mostCache bounds what is read of a file that somebody else may have filled.
	mostCache = 64 << 20
)

type cacheFile struct {
	Form    int              `json:"form"`
	Entries map[string]entry `json:"entries"`
}

// CacheName is the name of a cluster's file: the address alone may be that of a tunnel, which leads to another
// cluster tomorrow, so the kubeconfig's name for the cluster counts too.
func CacheName(server, cluster string) string {
	sum := sha256.Sum256([]byte(server + "\n" + cluster))
	return "aid-" + hex.EncodeToString(sum[:12]) + ".json"
}

// OpenCache reads the cache in a file, which need not be there. The cache can always be used; the error says
// why it is empty although there is a file.
func OpenCache(path string) (*Cache, error) {
	c := &Cache{path: path, now: time.Now, entries: map[string]entry{}}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, nil
	}
	if err == nil && (!info.Mode().IsRegular() || info.Size() > mostCache) {
		err = errors.New("it is no file of ours")
	}
	var content []byte
	if err == nil {
		content, err = os.ReadFile(path)
	}
	var f cacheFile
	if err == nil {
		err = json.Unmarshal(content, &f)
	}
	if err == nil && f.Form != cacheForm {
		err = fmt.Errorf("its form is %d, not %d", f.Form, cacheForm)
	}
	if err != nil {
		// What cannot be read is written anew.
		c.changed = true
		return c, fmt.Errorf("the cache %s is not used: %w", path, err)
	}
	oldest := c.now().Add(-keepFor)
	for key, e := range f.Entries {
		if e.Asked.Before(oldest) || e.Asked.After(c.now().Add(time.Hour)) || !form.MatchString(e.AID) {
			c.changed = true
			continue
		}
		c.entries[key] = e
	}
	return c, nil
}

var form = regexp.MustCompile(`^[0-9a-f]{32}$`)

// key is empty for a container that the cluster has not told the id of.
func cacheKey(p *Pod) string {
	if p.id == "" || p.UID == "" {
		return ""
	}
	return p.Namespace + "/" + p.UID + "/" + p.id
}

func (c *Cache) get(p *Pod) (string, bool) {
	if c == nil {
		return "", false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[cacheKey(p)]
	return e.AID, ok
}

func (c *Cache) put(p *Pod, id string) {
	key := cacheKey(p)
	// A lost id may be found again in the same container.
	if c == nil || key == "" || id == zeros {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries[key] = entry{id, c.now().UTC()}
	c.changed = true
}

// Save writes the file, readable by its owner alone and whole or not at all.
func (c *Cache) Save() error {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.changed {
		return nil
	}
	content, err := json.Marshal(cacheFile{cacheForm, c.entries})
	if err != nil {
		return err
	}
	folder := filepath.Dir(c.path)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("the cache cannot be kept: %w", err)
	}
	// CreateTemp makes it with mode 0600.
	file, err := os.CreateTemp(folder, ".aid-*")
	if err != nil {
		return fmt.Errorf("the cache cannot be kept: %w", err)
	}
	defer os.Remove(file.Name())
	_, err = file.Write(content)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(file.Name(), c.path)
	}
	if err != nil {
		return fmt.Errorf("the cache cannot be kept: %w", err)
	}
	c.changed = false
	return nil
}
