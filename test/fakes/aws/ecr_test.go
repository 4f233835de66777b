package aws

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

func TestMutableTagMoves(t *testing.T) {
	_, u := fresh(t)
	u.ecr("CreateRepository", object{"repositoryName": "a"})
	password := u.password()
	var first, digest v1.Hash
	for range 2 {
		image := randomImage(t, 10)
		first = digest
		digest, _ = image.Digest()
		for range 2 { // The same image again changes nothing.
			if err := push(u, image, "a:latest", password); err != nil {
				t.Fatal(err)
			}
		}
	}
	a := u.ecr("DescribeImages", object{"repositoryName": "a", "imageIds": []object{{"imageTag": "latest"}}})
	details, _ := list(a.json, "imageDetails")[0].(object)
	equal(t, "digest", text(details, "imageDigest"), digest.String())
	// The image that had it before stays without a tag.
	for filter, want := range map[string]string{"TAGGED": digest.String() + " latest", "UNTAGGED": first.String() + " "} {
		for _, operation := range []string{"ListImages", "DescribeImages"} {
			equal(t, operation+" "+filter, ids(u.ecr(operation, object{"repositoryName": "a", "filter": object{"tagStatus": filter}})), want)
		}
	}
}

// ids are the digests and tags in an answer.
func ids(a answer) string {
	var all []string
	for _, id := range append(list(a.json, "imageIds"), list(a.json, "imageDetails")...) {
		o, _ := id.(object)
		all = append(all, text(o, "imageDigest")+" "+text(o, "imageTag")+strings.Join(texts(o, "imageTags"), ","))
	}
	return strings.Join(all, "; ")
}

func TestImageOfAnIndexStays(t *testing.T) {
	_, u := fresh(t)
	u.ecr("CreateRepository", object{"repositoryName": "a"})
	index, err := random.Index(10, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	ref, _ := name.ParseReference(u.cloud.Registry + "/a:both")
	if err := remote.WriteIndex(ref, index, remote.WithAuth(&authn.Basic{Username: "AWS", Password: u.password()})); err != nil {
		t.Fatal(err)
	}
	whole, _ := index.IndexManifest()
	digest, _ := index.Digest()
	equal(t, "entries", len(list(u.ecr("ListImages", object{"repositoryName": "a"}).json, "imageIds")), 3)
	drop := func(digests ...string) answer {
		var ids []object
		for _, d := range digests {
			ids = append(ids, object{"imageDigest": d})
		}
		return u.ecr("BatchDeleteImage", object{"repositoryName": "a", "imageIds": ids})
	}
	one, two := whole.Manifests[0].Digest.String(), whole.Manifests[1].Digest.String()
	expect(t, drop(one), 200, "", "ImageReferencedByManifestList")
	a := drop(digest.String(), one, two)
	equal(t, "failures", len(list(a.json, "failures")), 0)
	equal(t, "what is left", ids(u.ecr("ListImages", object{"repositoryName": "a"})), "")
	status, _ := u.asked(http.MethodGet, "/v2/a/manifests/both", u.password())
	equal(t, "status of the index", status, http.StatusNotFound)
}

func TestImageIsNamedAsItWasAskedFor(t *testing.T) {
	_, u := fresh(t)
	u.ecr("CreateRepository", object{"repositoryName": "a"})
	image := randomImage(t, 10)
	for _, tag := range []string{"a:1", "a:2"} {
		if err := push(u, image, tag, u.password()); err != nil {
			t.Fatal(err)
		}
	}
	expect(t, u.ecr("BatchGetImage", object{"repositoryName": "a", "imageIds": []object{{"imageTag": "1"}}}), 200, "", `"imageTag":"1"`)
	missing := digestOf(nil)
	expect(t, u.ecr("BatchGetImage", object{"repositoryName": "a", "imageIds": []object{{"imageDigest": missing}}}), 200, "", missing)
}

func TestListsComeInPages(t *testing.T) {
	_, u := fresh(t)
	for i := range 5 {
		u.ecr("CreateRepository", object{"repositoryName": fmt.Sprintf("r%d", i)})
	}
	var names []string
	in := object{"maxResults": 2}
	for range 3 {
		a := u.ecr("DescribeRepositories", in)
		for _, r := range list(a.json, "repositories") {
			names = append(names, text(r.(object), "repositoryName"))
		}
		in["nextToken"] = a.json["nextToken"]
	}
	equal(t, "names", strings.Join(names, " "), "r0 r1 r2 r3 r4")
	if in["nextToken"] != nil {
		t.Errorf("the last page has a token %v", in["nextToken"])
	}
}
