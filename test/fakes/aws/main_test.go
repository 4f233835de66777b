package aws

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
)

// shared is one moto for all tests, which takes a second to start.
var shared *Cloud

func TestMain(m *testing.M) {
	cloud, err := Start(context.Background(), Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	shared = cloud
	code := m.Run()
	_ = cloud.Close()
	os.Exit(code)
}

// regions are one for each test: moto is not emptied between them, which costs it a third of a second.
var regions = []string{"us-east-1", "us-east-2", "us-west-1", "us-west-2", "eu-central-1", "eu-west-2", "eu-west-3", "eu-north-1",
	"ap-south-1", "ap-southeast-1", "ap-southeast-2", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ca-central-1", "sa-east-1", "me-south-1", "af-south-1", "eu-south-1"}

// fresh is a cloud with nothing in the region of its user.
func fresh(t *testing.T) (*Cloud, client) {
	t.Helper()
	if err := shared.emptyStore(t.Context()); err != nil {
		t.Fatal(err)
	}
	shared.forget()
	return shared, inNewRegion(t, shared)
}

func inNewRegion(t *testing.T, c *Cloud) client {
	t.Helper()
	u := client{t, c, regions[0]}
	regions = regions[1:]
	return u
}

// client calls AWS as a user in a region.
type client struct {
	t      *testing.T
	cloud  *Cloud
	region string
}

func user(t *testing.T, c *Cloud) client { return client{t, c, "eu-west-1"} }

// answer is the answer to a call.
type answer struct {
	status int
	// code is the error's name.
	code string
	body string
	json object
}

func (a answer) String() string { return fmt.Sprintf("%d %s %s", a.status, a.code, a.body) }

func (u client) do(service, method, path string, header http.Header, body []byte) (answer, error) {
	u.t.Helper()
	r, err := http.NewRequestWithContext(u.t.Context(), method, u.cloud.Endpoint+path, bytes.NewReader(body))
	if err != nil {
		u.t.Fatal(err)
	}
	for name, values := range header {
		r.Header[name] = values
	}
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+UserKey+"/20261101/"+u.region+"/"+service+
		"/aws4_request, SignedHeaders=host, Signature=00")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	a := answer{status: response.StatusCode, code: response.Header.Get("X-Amzn-Errortype"), body: string(content)}
	_ = json.Unmarshal(content, &a.json)
	if kind, ok := a.json["__type"].(string); ok {
		a.code = kind
	}
	return a, err
}

func (u client) must(a answer, err error) answer {
	u.t.Helper()
	if err != nil {
		u.t.Fatal(err)
	}
	return a
}

// ecr calls ECR.
func (u client) ecr(operation string, in object) answer {
	u.t.Helper()
	return u.must(u.do("ecr", http.MethodPost, "/", http.Header{"X-Amz-Target": {"AmazonEC2ContainerRegistry_V20150921." + operation},
		"Content-Type": {"application/x-amz-json-1.1"}}, jsonReply(0, in).body))
}

// eks calls EKS.
func (u client) eks(method, path string, in object) answer {
	u.t.Helper()
	var body []byte
	if in != nil {
		body = jsonReply(0, in).body
	}
	return u.must(u.do("eks", method, path, http.Header{"Content-Type": {"application/json"}}, body))
}

// query calls IAM, STS or EC2.
func (u client) query(service, action string, pairs ...string) answer {
	u.t.Helper()
	form := url.Values{"Action": {action}, "Version": {map[string]string{"iam": "2010-05-08", "sts": "2011-06-15", "ec2": "2016-11-15"}[service]}}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return u.must(u.do(service, http.MethodPost, "/", http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, []byte(form.Encode())))
}

// password gets a token of the registry.
func (u client) password() string {
	u.t.Helper()
	a := u.ecr("GetAuthorizationToken", object{})
	data, _ := list(a.json, "authorizationData")[0].(object)
	decoded, err := base64.StdEncoding.DecodeString(text(data, "authorizationToken"))
	password, ok := strings.CutPrefix(string(decoded), "AWS:")
	if err != nil || !ok {
		u.t.Fatalf("the token is %q (%v)", decoded, err)
	}
	return password
}

// v2 asks the registry.
func (u client) v2(method, target, password string, header http.Header, body io.Reader) (*http.Response, error) {
	u.t.Helper()
	if !strings.HasPrefix(target, "http") {
		target = "http://" + u.cloud.Registry + target
	}
	r, err := http.NewRequestWithContext(u.t.Context(), method, target, body)
	if err != nil {
		u.t.Fatal(err)
	}
	for name, values := range header {
		r.Header[name] = values
	}
	if password != "" {
		r.SetBasicAuth("AWS", password)
	}
	return http.DefaultClient.Do(r)
}

// asked is the status and the text of an answer of the registry.
func (u client) asked(method, target, password string) (int, string) {
	u.t.Helper()
	response, err := u.v2(method, target, password, nil, nil)
	if err != nil {
		u.t.Fatal(err)
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(body)
}

func expect(t *testing.T, a answer, status int, code, words string) {
	t.Helper()
	if a.status != status || a.code != code || !strings.Contains(a.body, words) {
		t.Errorf("answer is %s; want %d %s with %q", a, status, code, words)
	}
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}
