package aws

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

func TestUploadIsNotTakenUpAgain(t *testing.T) {
	c, u := fresh(t)
	u.ecr("CreateRepository", object{"repositoryName": "a"})
	password := u.password()
	content := bytes.Repeat([]byte("0123456789"), 1000)
	begin := func() string {
		response, err := u.v2(http.MethodPost, "/v2/a/blobs/uploads/", password, nil, nil)
		if err != nil || response.StatusCode != http.StatusAccepted {
			t.Fatal(response, err)
		}
		_ = response.Body.Close()
		return response.Header.Get("Location")
	}
	part := func(at, span string, body []byte) *http.Response {
		response, err := u.v2(http.MethodPatch, at, password, http.Header{"Content-Range": {span}}, bytes.NewReader(body))
		if err != nil {
			return nil
		}
		_ = response.Body.Close()
		return response
	}
	at := begin()
	for _, half := range []string{"0-4999", "5000-9999"} {
		from := strings.HasPrefix(half, "5")
		response := part(at, half, map[bool][]byte{false: content[:5000], true: content[5000:]}[from])
		if response == nil || response.StatusCode != http.StatusCreated || response.Header.Get("Range") != "0-4999" {
			t.Fatalf("part %s: %v", half, response)
		}
		at = response.Header.Get("Location")
	}
	if response := part(at, "0-9999", content); response.StatusCode != http.StatusRequestedRangeNotSatisfiable {
		t.Errorf("from the start again: %s", response.Status)
	}
	status, said := u.asked(http.MethodPut, at+"?digest="+digestOf(content), password)
	if status != http.StatusCreated {
		t.Errorf("the end: %d %s", status, said)
	}

	c.Break(Fault{Kind: Cut, Bytes: 3000, Times: 1})
	at = begin()
	if response := part(at, "0-9999", content); response != nil {
		t.Errorf("the connection was to be cut: %s", response.Status)
	}
	if response := part(at, "3000-9999", content[3000:]); response == nil || response.StatusCode != http.StatusRequestedRangeNotSatisfiable {
		t.Errorf("taken up: %v", response)
	}
}

func TestPushSurvivesCutsByNewSessions(t *testing.T) {
	c, u := fresh(t)
	image := randomImage(t, 200_000)
	u.ecr("CreateRepository", object{"repositoryName": "a"})
	c.Break(Fault{Kind: Cut, Bytes: 150_000, Times: 2})
	if err := push(u, image, "a:1", u.password()); err != nil {
		t.Fatal(err)
	}
	if begun := len(c.Log("ecr:InitiateLayerUpload")); begun < 4 {
		t.Errorf("%d sessions were begun for 3 blobs and 2 cuts", begun)
	}
	digest, _ := image.Digest()
	status, _ := u.asked(http.MethodGet, "/v2/a/manifests/"+digest.String(), u.password())
	equal(t, "status", status, http.StatusOK)
}

// Wherever the connection is cut, the image that comes is the image that was sent.
func TestPushSurvivesACutAnywhere(t *testing.T) {
	_, u := fresh(t)
	u.ecr("CreateRepository", object{"repositoryName": "a"})
	password := u.password()
	for at := int64(1); at < 60_000; at += 9_999 {
		image := randomImage(t, 20_000)
		u.cloud.Mend()
		u.cloud.Break(Fault{Kind: Cut, Bytes: at, Times: 1})
		if err := push(u, image, "a:cut", password); err != nil {
			t.Fatalf("cut after %d bytes: %v", at, err)
		}
		digest, _ := image.Digest()
		expect(t, u.ecr("DescribeImages", object{"repositoryName": "a", "imageIds": []object{{"imageTag": "cut"}}}), 200, "", digest.String())
	}
}

func TestPushesAtOnce(t *testing.T) {
	_, u := fresh(t)
	u.ecr("CreateRepository", object{"repositoryName": "a", "imageTagMutability": "IMMUTABLE"})
	password := u.password()
	errs := make(chan error)
	for i := range 4 {
		image := randomImage(t, 10_000)
		go func() { errs <- push(u, image, "a:"+strconv.Itoa(i), password) }()
	}
	for range 4 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	equal(t, "images", len(list(u.ecr("ListImages", object{"repositoryName": "a"}).json, "imageIds")), 4)
}
