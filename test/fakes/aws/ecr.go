package aws

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"regexp"
	"strconv"
	"time"
)

// token is one that the registry takes.
type token struct {
	region, key string
	expires     time.Time
}

// repository is what the front knows of a repository beside moto.
type repository struct {
	region, name string
	// mutability is moto's imageTagMutability and its exclusions; known is false when it has to be asked for.
	known      bool
	mutability string
	except     []string
	// images are the sizes of images by digest, blobs the digests of the layers that were sent.
	images map[string]int64
	blobs  map[string]bool
}

// ecrHost is the registry's name in moto's answers.
var ecrHost = regexp.MustCompile(`\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com`)

// pages are the lists that come in pages, and the page's usual size (Amazon ECR API reference).
var pages = map[string]string{"ecr:DescribeRepositories": "repositories", "ecr:DescribeImages": "imageDetails", "ecr:ListImages": "imageIds"}

const usualPage = 100

func (c *Cloud) answerECR(ctx context.Context, q *request) reply {
	in := q.params()
	name := text(in, "repositoryName")
	switch q.action {
	case "ecr:GetAuthorizationToken":
		return c.newToken(q)
	case "ecr:PutImage":
		if text(in, "imageDigest") == "" {
			in["imageDigest"] = digestOf([]byte(text(in, "imageManifest")))
			q.body = jsonReply(0, in).body
		}
	}
	answer := c.forward(ctx, q)
	if q.action == "ecr:DescribeRepositories" || q.action == "ecr:DescribeImages" || q.action == "ecr:ListImages" {
		answer = c.page(q, in, answer)
	} else if name != "" {
		c.askAgain(q.region, name)
	}
	if answer.ok() {
		switch q.action {
		case "ecr:DescribeImages":
			answer = c.sizes(q.region, answer)
		case "ecr:BatchDeleteImage":
			c.dropImages(ctx, q.region, name, answer)
		case "ecr:DeleteRepository":
			c.dropRepository(ctx, q.region, name)
		}
	}
	answer.body = ecrHost.ReplaceAll(answer.body, []byte(c.Registry))
	return answer
}

// newToken gives a token in the form of ECR's: some 2.5 KB of base64 with its end in it, good for 12 hours.
func (c *Cloud) newToken(q *request) reply {
	expires := c.options.Now().Add(c.options.TokenLife)
	payload := make([]byte, 1200)
	_, _ = rand.Read(payload)
	password := base64.StdEncoding.EncodeToString(jsonReply(0, object{"payload": base64.StdEncoding.EncodeToString(payload[:900]),
		"datakey": base64.StdEncoding.EncodeToString(payload[900:1040]), "version": "2", "type": "DATA_KEY", "expiration": expires.Unix()}).body)
	c.mu.Lock()
	c.tokens[password] = token{q.region, q.key, expires}
	c.mu.Unlock()
	answer := jsonReply(http.StatusOK, object{"authorizationData": []object{{
		"authorizationToken": base64.StdEncoding.EncodeToString([]byte("AWS:" + password)),
		"expiresAt":          float64(expires.UnixMilli()) / 1000, "proxyEndpoint": "http://" + c.Registry}}})
	answer.header.Set("Content-Type", "application/x-amz-json-1.1")
	return answer
}

// ExpireTokens ends all tokens of the registry that were given out.
func (c *Cloud) ExpireTokens() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for password, t := range c.tokens {
		t.expires = c.options.Now().Add(-time.Second)
		c.tokens[password] = t
	}
}

// page cuts a list to the page that is asked for; moto always gives all of it.
func (c *Cloud) page(q *request, in object, answer reply) reply {
	if !answer.ok() {
		return answer
	}
	out := answer.object()
	all := list(out, pages[q.action])
	size := usualPage
	if n, ok := in["maxResults"].(float64); ok && n >= 1 {
		size = int(n)
	}
	start := 0
	if next := text(in, "nextToken"); next != "" {
		offset, err := base64.StdEncoding.DecodeString(next)
		if start, _ = strconv.Atoi(string(offset)); err != nil || start <= 0 || start > len(all) {
			return q.fail(http.StatusBadRequest, "InvalidParameterException", "Invalid parameter at 'nextToken'")
		}
	}
	end := min(start+size, len(all))
	out[pages[q.action]] = append([]any{}, all[start:end]...)
	delete(out, "nextToken")
	if end < len(all) {
		out["nextToken"] = base64.StdEncoding.EncodeToString([]byte(strconv.Itoa(end)))
	}
	return reply{answer.status, answer.header, jsonReply(0, out).body}
}

// sizes puts the true sizes of images in; moto gives that of the config.
func (c *Cloud) sizes(region string, answer reply) reply {
	out := answer.object()
	for _, image := range list(out, "imageDetails") {
		if image, ok := image.(object); ok {
			repo := c.repository(region, text(image, "repositoryName"))
			c.mu.Lock()
			if size := repo.images[text(image, "imageDigest")]; size > 0 {
				image["imageSizeInBytes"] = size
			}
			c.mu.Unlock()
		}
	}
	return reply{answer.status, answer.header, jsonReply(0, out).body}
}

// dropImages takes out of the registry what was deleted in ECR.
func (c *Cloud) dropImages(ctx context.Context, region, name string, answer reply) {
	repo := c.repository(region, name)
	for _, id := range list(answer.object(), "imageIds") {
		id, _ := id.(object)
		digest, tag := text(id, "imageDigest"), text(id, "imageTag")
		if tag != "" {
			_ = c.deleteStored(ctx, name, "manifests/"+tag)
		}
		_, err := c.askECR(ctx, region, "DescribeImages", object{"repositoryName": name, "imageIds": []object{{"imageDigest": digest}}})
		if err != nil && digest != "" {
			_ = c.deleteStored(ctx, name, "manifests/"+digest)
			c.mu.Lock()
			delete(repo.images, digest)
			c.mu.Unlock()
		}
	}
}

// dropRepository takes everything of a repository out of the registry.
func (c *Cloud) dropRepository(ctx context.Context, region, name string) {
	repo := c.repository(region, name)
	c.mu.Lock()
	delete(c.repos, region+"/"+name)
	c.mu.Unlock()
	for _, tag := range c.storedTags(ctx, name) {
		_ = c.deleteStored(ctx, name, "manifests/"+tag)
	}
	for digest := range repo.images {
		_ = c.deleteStored(ctx, name, "manifests/"+digest)
	}
	if c.store.perRepository {
		for digest := range repo.blobs {
			_ = c.deleteStored(ctx, name, "blobs/"+digest)
		}
	}
}

// repository is what is known of a repository, made if there is nothing.
func (c *Cloud) repository(region, name string) *repository {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := region + "/" + name
	if c.repos[key] == nil {
		c.repos[key] = &repository{region: region, name: name, images: map[string]int64{}, blobs: map[string]bool{}}
	}
	return c.repos[key]
}

// existing returns a repository that was created, or nil.
func (c *Cloud) existing(ctx context.Context, region, name string) *repository {
	repo := c.repository(region, name)
	c.mu.Lock()
	known := repo.known
	c.mu.Unlock()
	if known {
		return repo
	}
	out, err := c.askECR(ctx, region, "DescribeRepositories", object{"repositoryNames": []string{name}})
	found := list(out, "repositories")
	if err != nil || len(found) != 1 {
		return nil
	}
	described, _ := found[0].(object)
	c.mu.Lock()
	defer c.mu.Unlock()
	repo.known, repo.mutability, repo.except = true, text(described, "imageTagMutability"), nil
	for _, filter := range list(described, "imageTagMutabilityExclusionFilters") {
		if filter, ok := filter.(object); ok {
			repo.except = append(repo.except, text(filter, "filter"))
		}
	}
	return repo
}

// keeps says whether a tag of the repository may not be moved.
func (r *repository) keeps(tag string) bool {
	excepted := false
	for _, pattern := range r.except {
		ok, _ := path.Match(pattern, tag)
		excepted = excepted || ok
	}
	switch r.mutability {
	case "IMMUTABLE":
		return true
	case "IMMUTABLE_WITH_EXCLUSION":
		return !excepted
	case "MUTABLE_WITH_EXCLUSION":
		return excepted
	}
	return false
}

func digestOf(content []byte) string { return fmt.Sprintf("sha256:%x", sha256.Sum256(content)) }

// manifest is what the front reads of an image's or an index's manifest.
type manifest struct {
	MediaType string       `json:"mediaType"`
	Config    descriptor   `json:"config"`
	Layers    []descriptor `json:"layers"`
	Manifests []descriptor `json:"manifests"`
}

type descriptor struct {
	Digest string   `json:"digest"`
	Size   int64    `json:"size"`
	URLs   []string `json:"urls"`
}

func readManifest(content []byte) (m manifest, size int64, err error) {
	err = json.Unmarshal(content, &m)
	size = m.Config.Size
	for _, d := range append(m.Layers, m.Manifests...) {
		size += d.Size
	}
	return m, size, err
}

// askAgain forgets what may have changed of a repository.
func (c *Cloud) askAgain(region, name string) {
	repo := c.repository(region, name)
	c.mu.Lock()
	defer c.mu.Unlock()
	repo.known = false
}
