package aws

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// push sends an image to a repository, by a client that is not ours.
func push(u client, image v1.Image, to, password string) error {
	u.t.Helper()
	ref, err := name.ParseReference(u.cloud.Registry + "/" + to)
	if err != nil {
		u.t.Fatal(err)
	}
	return remote.Write(ref, image, remote.WithAuth(&authn.Basic{Username: "AWS", Password: password}), remote.WithJobs(3),
		remote.WithRetryBackoff(remote.Backoff{Duration: time.Millisecond, Factor: 1, Steps: 5}))
}

func randomImage(t *testing.T, size int64) v1.Image {
	t.Helper()
	image, err := random.Image(size, 2)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

func TestTokenIsLikeECRs(t *testing.T) {
	c, u := fresh(t)
	a := u.ecr("GetAuthorizationToken", object{})
	data, _ := list(a.json, "authorizationData")[0].(object)
	if n := len(text(data, "authorizationToken")); n < 2000 || n > 4000 {
		t.Errorf("the token has %d bytes", n)
	}
	expires, _ := data["expiresAt"].(float64)
	if left := time.Until(time.Unix(int64(expires), 0)); left < 11*time.Hour || left > 12*time.Hour {
		t.Errorf("it is good for %s", left)
	}
	equal(t, "its endpoint", text(data, "proxyEndpoint"), "http://"+c.Registry)
}

func TestRegistryLetsInByToken(t *testing.T) {
	c, u := fresh(t)
	response, err := u.v2(http.MethodGet, "/v2/", "", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if challenge := response.Header.Get("WWW-Authenticate"); response.StatusCode != http.StatusUnauthorized || !strings.HasPrefix(challenge, "Basic ") {
		t.Errorf("without a token it is %s with %q", response.Status, challenge)
	}
	password := u.password()
	status, _ := u.asked(http.MethodGet, "/v2/", password)
	equal(t, "status", status, http.StatusOK)
	status, said := u.asked(http.MethodGet, "/v2/", "guessed")
	if status != http.StatusForbidden || !strings.Contains(said, "Authorization Token is invalid") {
		t.Errorf("with a guess it is %d %s", status, said)
	}
	c.ExpireTokens()
	status, said = u.asked(http.MethodGet, "/v2/", password)
	if status != http.StatusForbidden || !strings.Contains(said, "Your authorization token has expired. Reauthenticate and try again.") {
		t.Errorf("with an old token it is %d %s", status, said)
	}
}

func TestPushedImageIsInTheControlPlane(t *testing.T) {
	for _, store := range []string{"memory", "distribution"} {
		t.Run(store, func(t *testing.T) {
			c, u := fresh(t)
			if store == "distribution" {
				c = withProgram(t)
				u.cloud = c
			}
			testPushedImage(t, c, u)
		})
	}
}

// withProgram is a cloud with the distribution registry, which the lab has compiled.
func withProgram(t *testing.T) *Cloud {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	built, _ := filepath.Glob(filepath.Join(cache, "kubectl-falcon-lab", "bin", "*", "registry"))
	if len(built) == 0 {
		t.Fatal("the lab's registry is not compiled yet: run make lab-build first")
	}
	c, err := Start(t.Context(), Options{Moto: shared.moto, RegistryProgram: built[len(built)-1]})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func testPushedImage(t *testing.T, c *Cloud, u client) {
	image := randomImage(t, 2000)
	password := u.password()
	if err := push(u, image, "team/sensor:1", password); err == nil || !strings.Contains(err.Error(), "NAME_UNKNOWN") {
		t.Errorf("push to no repository: %v", err)
	}
	a := u.ecr("CreateRepository", object{"repositoryName": "team/sensor", "imageTagMutability": "IMMUTABLE"})
	equal(t, "URI", text(child(a.json, "repository"), "repositoryUri"), c.Registry+"/team/sensor")
	if err := push(u, image, "team/sensor:1", password); err != nil {
		t.Fatal(err)
	}
	digest, _ := image.Digest()
	described := u.ecr("DescribeImages", object{"repositoryName": "team/sensor"})
	details, _ := list(described.json, "imageDetails")[0].(object)
	equal(t, "digest", text(details, "imageDigest"), digest.String())
	equal(t, "tag", texts(details, "imageTags")[0], "1")
	if size, _ := details["imageSizeInBytes"].(float64); size < 4000 {
		t.Errorf("size is %v", size)
	}
	status, said := u.asked(http.MethodPut, "/v2/team/sensor/manifests/1", password)
	if status != http.StatusBadRequest {
		t.Errorf("an empty manifest: %d %s", status, said)
	}
	if err := push(u, randomImage(t, 100), "team/sensor:1", password); err == nil || !strings.Contains(err.Error(), "TAG_INVALID") {
		t.Errorf("push over an immutable tag: %v", err)
	}
	if err := push(u, image, "team/sensor:2", password); err != nil {
		t.Fatal(err)
	}
	// The image stays while it has another tag.
	u.ecr("BatchDeleteImage", object{"repositoryName": "team/sensor", "imageIds": []object{{"imageTag": "1"}}})
	status, _ = u.asked(http.MethodGet, "/v2/team/sensor/manifests/1", password)
	equal(t, "status of the removed tag", status, http.StatusNotFound)
	status, _ = u.asked(http.MethodGet, "/v2/team/sensor/manifests/2", password)
	equal(t, "status of the other tag", status, http.StatusOK)
	expect(t, u.ecr("DeleteRepository", object{"repositoryName": "team/sensor"}), 400, "RepositoryNotEmptyException", "")
	expect(t, u.ecr("DeleteRepository", object{"repositoryName": "team/sensor", "force": true}), 200, "", "team/sensor")
	u.ecr("CreateRepository", object{"repositoryName": "team/sensor"})
	for _, what := range []string{"manifests/2", "manifests/" + digest.String()} {
		status, _ = u.asked(http.MethodGet, "/v2/team/sensor/"+what, password)
		equal(t, "status of "+what+" in the repository made again", status, http.StatusNotFound)
	}
	layers, _ := image.Layers()
	layer, _ := layers[0].Digest()
	status, _ = u.asked(http.MethodHead, "/v2/team/sensor/blobs/"+layer.String(), password)
	equal(t, "status of its layer", status, http.StatusNotFound)
}

func TestImageWithoutItsLayersIsRefused(t *testing.T) {
	_, u := fresh(t)
	u.ecr("CreateRepository", object{"repositoryName": "a"})
	raw, _ := randomImage(t, 10).RawManifest()
	response, err := u.v2(http.MethodPut, "/v2/a/manifests/1", u.password(), nil, bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	equal(t, "status", response.StatusCode, http.StatusBadRequest)
}

func TestRegistryHoldsPolicyAndFaults(t *testing.T) {
	c, u := fresh(t)
	image := randomImage(t, 10)
	u.ecr("CreateRepository", object{"repositoryName": "a"})
	password := u.password()
	if err := c.SetPolicy(`{"Statement":{"Effect":"Allow","Action":["ecr:BatchCheckLayerAvailability","ecr:*LayerUpload","ecr:UploadLayerPart","ecr:BatchGetImage"]}}`); err != nil {
		t.Fatal(err)
	}
	err := push(u, image, "a:1", password)
	if err == nil || !strings.Contains(err.Error(), "not authorized to perform: ecr:PutImage on resource: arn:aws:ecr:"+u.region+":123456789012:repository/a") {
		t.Errorf("push without ecr:PutImage: %v", err)
	}
	_ = c.SetPolicy()
	c.Break(Fault{Action: "ecr:PutImage", Kind: ServerError, Times: 1})
	c.Break(Fault{Action: "ecr:InitiateLayerUpload", Kind: Throttled, Times: 1})
	if err := push(u, image, "a:1", password); err == nil {
		t.Log("the client tried again by itself")
	}
	if err := push(u, image, "a:1", password); err != nil {
		t.Fatal(err)
	}
	c.ClearLog()
	c.Break(Fault{Action: "ecr:BatchGetImage", Kind: CutAfter, Times: 1})
	if response, err := u.v2(http.MethodDelete, "/v2/a/manifests/1", password, nil, nil); err != nil {
		t.Error(err)
	} else {
		_ = response.Body.Close()
	}
	if response, err := u.v2(http.MethodPost, "/v2/a/manifests/1", password, nil, nil); err == nil {
		_ = response.Body.Close()
	}
	equal(t, "log", strings.Join(c.Log(), " "), "ecr:BatchDeleteImage ecr:BatchDeleteImage")
}

func TestBlobsAreMountedIfTheAccountHasIt(t *testing.T) {
	for _, on := range []bool{false, true} {
		c, err := Start(t.Context(), Options{Moto: shared.moto, BlobMounting: on})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		u, image := inNewRegion(t, c), randomImage(t, 10)
		u.ecr("CreateRepository", object{"repositoryName": "a"})
		u.ecr("CreateRepository", object{"repositoryName": "b"})
		password := u.password()
		if err := push(u, image, "a:1", password); err != nil {
			t.Fatal(err)
		}
		layers, _ := image.Layers()
		digest, _ := layers[0].Digest()
		status, _ := u.asked(http.MethodHead, "/v2/b/blobs/"+digest.String(), password)
		equal(t, "status before", status, http.StatusNotFound)
		status, _ = u.asked(http.MethodPost, "/v2/b/blobs/uploads/?mount="+digest.String()+"&from=a", password)
		equal(t, "status of the mount", status, map[bool]int{false: http.StatusAccepted, true: http.StatusCreated}[on])
		status, _ = u.asked(http.MethodHead, "/v2/b/blobs/"+digest.String(), password)
		equal(t, "status after", status, map[bool]int{false: http.StatusNotFound, true: http.StatusOK}[on])
	}
}
