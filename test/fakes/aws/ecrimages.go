package aws

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
)

// image is one that came in through the registry.
type image struct {
	size    int64
	content []byte
	media   string
}

// described puts true sizes into moto's description of images, which has that of the config, and leaves out
// what the filter does.
func (c *Cloud) described(q *request, in object, answer reply) reply {
	out := answer.object()
	kept := []any{}
	for _, described := range list(out, "imageDetails") {
		o, _ := described.(object)
		repo := c.repository(q.region, text(o, "repositoryName"))
		c.mu.Lock()
		if size := repo.images[text(o, "imageDigest")].size; size > 0 {
			o["imageSizeInBytes"] = size
		}
		c.mu.Unlock()
		if wanted(in, len(texts(o, "imageTags")) > 0) {
			kept = append(kept, o)
		}
	}
	out["imageDetails"] = kept
	return reply{answer.status, answer.header, jsonReply(0, out).body}
}

// wanted says whether the filter of a call lets tagged or untagged images through.
func wanted(in object, tagged bool) bool {
	switch text(child(in, "filter"), "tagStatus") {
	case "TAGGED":
		return tagged
	case "UNTAGGED":
		return !tagged
	}
	return true
}

// listed has an entry for each tag of an image; moto has one for each image.
func (c *Cloud) listed(ctx context.Context, q *request, in object, answer reply) reply {
	out, err := c.askECR(ctx, q.region, "DescribeImages", object{"repositoryName": in["repositoryName"]})
	if err != nil {
		return answer
	}
	ids := []any{}
	for _, described := range list(out, "imageDetails") {
		o, _ := described.(object)
		tags := texts(o, "imageTags")
		if !wanted(in, len(tags) > 0) {
			continue
		}
		for _, tag := range tags {
			ids = append(ids, object{"imageDigest": o["imageDigest"], "imageTag": tag})
		}
		if len(tags) == 0 {
			ids = append(ids, object{"imageDigest": o["imageDigest"]})
		}
	}
	return reply{answer.status, answer.header, jsonReply(0, object{"imageIds": ids}).body}
}

// asAsked names an image by the tag or digest that it was asked for with; moto may name another tag, and a
// missing digest as tag null.
func asAsked(in object, answer reply) reply {
	asked, out := list(in, "imageIds"), answer.object()
	if len(asked) != 1 {
		return answer
	}
	id, _ := asked[0].(object)
	for _, found := range list(out, "images") {
		if o, ok := found.(object); ok && text(id, "imageTag") != "" {
			child(o, "imageId")["imageTag"] = id["imageTag"]
		}
	}
	for _, failure := range list(out, "failures") {
		if o, ok := failure.(object); ok {
			o["imageId"] = id
		}
	}
	return reply{answer.status, answer.header, jsonReply(0, out).body}
}

// keepReferenced takes those images out of a deletion that an index needs which stays, and returns why
// (ImageReferencedByManifestList, data type ImageFailure, Amazon ECR API reference).
func (c *Cloud) keepReferenced(q *request, in object) (failures []any) {
	var going []string
	for _, id := range list(in, "imageIds") {
		o, _ := id.(object)
		going = append(going, text(o, "imageDigest"))
	}
	repo := c.repository(q.region, text(in, "repositoryName"))
	needed := map[string]string{}
	c.mu.Lock()
	for digest, stored := range repo.images {
		if m, _, err := readManifest(stored.content); err == nil && !slices.Contains(going, digest) {
			for _, d := range m.Manifests {
				needed[d.Digest] = digest
			}
		}
	}
	c.mu.Unlock()
	rest := []any{}
	for _, id := range list(in, "imageIds") {
		o, _ := id.(object)
		if index := needed[text(o, "imageDigest")]; index != "" && text(o, "imageTag") == "" {
			failures = append(failures, object{"imageId": o, "failureCode": "ImageReferencedByManifestList",
				"failureReason": "Requested image referenced by manifest list: [" + index + "]"})
		} else {
			rest = append(rest, o)
		}
	}
	in["imageIds"] = rest
	q.body = jsonReply(0, in).body
	return failures
}

func withFailures(answer reply, more []any) reply {
	if len(more) == 0 {
		return answer
	}
	out := answer.object()
	out["failures"] = append(list(out, "failures"), more...)
	return reply{answer.status, answer.header, jsonReply(http.StatusOK, out).body}
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
	images, blobs := sortedKeys(repo.images), sortedKeys(repo.blobs)
	c.mu.Unlock()
	for _, tag := range c.storedTags(ctx, name) {
		_ = c.deleteStored(ctx, name, "manifests/"+tag)
	}
	for _, digest := range images {
		_ = c.deleteStored(ctx, name, "manifests/"+digest)
	}
	if c.store.perRepository {
		for _, digest := range blobs {
			_ = c.deleteStored(ctx, name, "blobs/"+digest)
		}
	}
}

// putImage tells moto of an image that the registry took.
func (c *Cloud) putImage(v *visit, content []byte, digest, tag string, size int64) {
	c.mu.Lock()
	_, known := v.repo.images[digest]
	v.repo.images[digest] = image{size, content, v.r.Header.Get("Content-Type")}
	c.mu.Unlock()
	if tag == "" && known {
		return // moto would give the image an empty tag.
	}
	before := c.tagged(v, tag)
	// It refuses what it has already, which the registry takes.
	_, _ = c.askECR(v.r.Context(), v.token.region, "PutImage", put(v.name, digest, tag, image{size, content, v.r.Header.Get("Content-Type")}))
	// An image that lost its only tag stays without one; moto has dropped it.
	if before != "" && before != digest {
		c.mu.Lock()
		old, ok := v.repo.images[before]
		c.mu.Unlock()
		_, err := c.askECR(v.r.Context(), v.token.region, "DescribeImages", object{"repositoryName": v.name, "imageIds": []object{{"imageDigest": before}}})
		if ok && err != nil {
			_, _ = c.askECR(v.r.Context(), v.token.region, "PutImage", put(v.name, before, "", old))
		}
	}
}

func put(name, digest, tag string, i image) object {
	in := object{"repositoryName": name, "imageManifest": string(i.content), "imageDigest": digest}
	if i.media != "" {
		in["imageManifestMediaType"] = i.media
	}
	if tag != "" {
		in["imageTag"] = tag
	}
	return in
}

// tagged is the digest of the image with a tag, or nothing.
func (c *Cloud) tagged(v *visit, tag string) string {
	if tag == "" {
		return ""
	}
	out, err := c.askECR(v.r.Context(), v.token.region, "DescribeImages", object{"repositoryName": v.name, "imageIds": []object{{"imageTag": tag}}})
	details := list(out, "imageDetails")
	if err != nil || len(details) != 1 {
		return ""
	}
	o, _ := details[0].(object)
	return text(o, "imageDigest")
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
