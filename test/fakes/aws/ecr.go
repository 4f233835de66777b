package aws

import (
	"context"
	"crypto/rand"
	"encoding/base64"
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
	// images are those that were pushed, by digest; blobs the digests of the layers that were sent.
	images map[string]image
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
	var kept []any
	if q.action == "ecr:BatchDeleteImage" {
		if kept = c.keepReferenced(q, in); len(kept) > 0 && len(list(in, "imageIds")) == 0 {
			return jsonReply(http.StatusOK, object{"imageIds": []object{}, "failures": kept})
		}
	}
	answer := c.forward(ctx, q)
	if name != "" && pages[q.action] == "" {
		c.askAgain(q.region, name)
	}
	if answer.ok() {
		switch q.action {
		case "ecr:DescribeRepositories":
			answer = c.page(q, in, answer)
		case "ecr:DescribeImages":
			answer = c.page(q, in, c.described(q, in, answer))
		case "ecr:ListImages":
			answer = c.page(q, in, c.listed(ctx, q, in, answer))
		case "ecr:BatchGetImage":
			answer = asAsked(in, answer)
		case "ecr:BatchDeleteImage":
			c.dropImages(ctx, q.region, name, answer)
			answer = withFailures(answer, kept)
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

// repository is what is known of a repository, made if there is nothing.
func (c *Cloud) repository(region, name string) *repository {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := region + "/" + name
	if c.repos[key] == nil {
		c.repos[key] = &repository{region: region, name: name, images: map[string]image{}, blobs: map[string]bool{}}
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

// keeps says whether a tag of a repository may not be moved.
func (c *Cloud) keeps(r *repository, tag string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
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

// askAgain forgets what may have changed of a repository.
func (c *Cloud) askAgain(region, name string) {
	repo := c.repository(region, name)
	c.mu.Lock()
	defer c.mu.Unlock()
	repo.known = false
}
