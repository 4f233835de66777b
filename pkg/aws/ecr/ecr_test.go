package ecr

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/smithy-go"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// answers are what a stand-in of ECR says to each operation: JSON, or the code of an error after a "!". The
// last of several is said again.
type answers map[string][]string

// calls are what it was asked.
type calls []string

type standIn struct {
	answers answers
	seen    calls
}

// Call implements API.
func (s *standIn) Call(_ context.Context, operation string, in, out any) error {
	asked, err := json.Marshal(in)
	if err != nil {
		return err
	}
	s.seen = append(s.seen, operation+" "+string(asked))
	all := s.answers[operation]
	if len(all) == 0 {
		return fmt.Errorf("nobody expects %s", operation)
	}
	if len(all) > 1 {
		s.answers[operation] = all[1:]
	}
	if code, failed := strings.CutPrefix(all[0], "!"); failed {
		return &smithy.GenericAPIError{Code: code, Message: "said"}
	}
	return json.Unmarshal([]byte(all[0]), out)
}

func with(a answers) (*Client, *standIn) {
	s := &standIn{answers: a}
	return New(&aws.Session{Region: "eu-west-1", Command: "ecr ensure"}, s, nil), s
}

const (
	described = `{"repositories":[{"repositoryName":"falcon","repositoryArn":"arn:aws-cn:ecr:cn-north-1:123456789012:repository/falcon",` +
		`"repositoryUri":"123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn/falcon","imageTagMutability":"IMMUTABLE",` +
		`"imageScanningConfiguration":{"scanOnPush":true},"encryptionConfiguration":{"encryptionType":"KMS","kmsKey":"arn:aws-cn:kms:cn-north-1:123456789012:key/k-1"}}]}`
	ours = `{"tags":[{"Key":"kubectl-falcon","Value":"owned"}]}`
)

func TestEnsureTakesWhatAnotherMadeMeanwhile(t *testing.T) {
	c, s := with(answers{"DescribeRepositories": {"!" + codeNoRepository, described}, "CreateRepository": {"!" + codeExists}, "ListTagsForResource": {ours}})
	done, err := c.Ensure(t.Context(), Wanted{Name: "falcon"})
	if err != nil || done.Change != aws.Unchanged || done.Repository == nil || !done.Repository.Owned || len(s.seen) != 4 {
		t.Errorf("got %+v, %v, %v", done, err, s.seen)
	}
}

func TestEnsureNamesTheOtherAccountInItsPartition(t *testing.T) {
	policy := `{"policyText":"{\"Version\":\"2008-10-17\",\"Id\":\"x\",\"Statement\":[{\"Sid\":\"theirs\",\"Effect\":\"Deny\",\"Condition\":{\"a\":1}},` +
		`{\"Sid\":\"KubectlFalconPull111111111111\"}]}"}`
	c, s := with(answers{"DescribeRepositories": {described}, "ListTagsForResource": {ours}, "GetRepositoryPolicy": {policy}, "SetRepositoryPolicy": {"{}"}})
	if _, err := c.Ensure(t.Context(), Wanted{Name: "falcon", Accounts: []string{"111111111111", "222222222222"}}); err != nil {
		t.Fatal(err)
	}
	last := s.seen[len(s.seen)-1]
	for _, text := range []string{`\"theirs\"`, `\"Condition\":{\"a\":1}`, `\"Id\":\"x\"`, `\"2008-10-17\"`, `arn:aws-cn:iam::222222222222:root`, "ecr:BatchGetImage"} {
		if !strings.Contains(last, text) || strings.Contains(last, "arn:aws-cn:iam::111111111111") {
			t.Errorf("there is no %s in\n%s", text, last)
		}
	}
}

func TestEnsureLeavesRulesOfOthers(t *testing.T) {
	theirs := `{"lifecyclePolicyText":"{\"rules\":[{\"rulePriority\":1,\"description\":\"theirs\"}]}"}`
	for _, update := range []bool{false, true} {
		c, s := with(answers{"DescribeRepositories": {described}, "ListTagsForResource": {ours}, "GetLifecyclePolicy": {theirs}, "PutLifecyclePolicy": {"{}"}})
		done, err := c.Ensure(t.Context(), Wanted{Name: "falcon", Keep: 3, Update: update})
		if err != nil || (len(done.Left) == 0) != update || (len(done.Steps) == 1) != update || strings.Contains(fmt.Sprint(s.seen), "PutLifecycle") != update {
			t.Errorf("update %v: %+v, %v", update, done, err)
		}
	}
	for policy, foreign := range map[string]bool{"": false, lifecycle(3, 4): false, "nonsense": true} {
		if foreignRules(policy) != foreign {
			t.Errorf("%q is foreign: %v", policy, !foreign)
		}
	}
}

func TestEnsureComparesKeys(t *testing.T) {
	for key, left := range map[string]int{"": 0, "k-1": 0, "arn:aws-cn:kms:cn-north-1:123456789012:key/k-1": 0, "alias/any": 0, DefaultKey: 0, "k-2": 1} {
		c, _ := with(answers{"DescribeRepositories": {described}, "ListTagsForResource": {ours}})
		if done, err := c.Ensure(t.Context(), Wanted{Name: "falcon", Key: key}); err != nil || len(done.Left) != left {
			t.Errorf("%s: %+v, %v", key, done.Left, err)
		}
	}
}

func TestImagesOfAllPages(t *testing.T) {
	c, s := with(answers{"DescribeRepositories": {described}, "DescribeImages": {
		`{"imageDetails":[{"imageDigest":"sha256:1","imageTags":["b","a"],"imageSizeInBytes":5,"imagePushedAt":1.7e9,` +
			`"imageScanFindingsSummary":{"findingSeverityCounts":{"HIGH":2}}}],"nextToken":"more"}`,
		`{"imageDetails":[{"imageDigest":"sha256:2","imagePushedAt":1.8e9}]}`}})
	all, err := c.Images(t.Context(), "falcon")
	if err != nil || len(all) != 2 || all[0].Digest != "sha256:2" || all[1].Findings["HIGH"] != 2 || fmt.Sprint(all[1].Tags) != "[a b]" ||
		!strings.HasSuffix(all[0].Reference, "/falcon@sha256:2") || !strings.Contains(s.seen[2], `"nextToken":"more"`) {
		t.Errorf("got %+v, %v, %v", all, err, s.seen)
	}
}

func TestDeleteImageReadsFailures(t *testing.T) {
	const failure = `{"failures":[{"failureCode":"%s","failureReason":"said"}]}`
	for code, want := range map[string]string{"": "", "ImageNotFound": "", "ImageReferencedByManifestList": "part of an index", "KmsError": "AWS says KmsError: said"} {
		answer := "{}"
		if code != "" {
			answer = fmt.Sprintf(failure, code)
		}
		c, s := with(answers{"DescribeImages": {`{"imageDetails":[{"imageDigest":"sha256:1","imageTags":["7","latest"]}]}`}, "BatchDeleteImage": {answer}})
		d, err := c.PlanImage(t.Context(), "falcon", "latest")
		if err != nil || d.What() != "the tag latest of falcon" {
			t.Fatalf("got %+v, %v", d, err)
		}
		err = c.DeleteImage(t.Context(), d)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", code, err)
		}
		if last := s.seen[len(s.seen)-1]; !strings.Contains(last, `{"imageTag":"latest"}`) {
			t.Errorf("it asked %s", last)
		}
	}
}

func TestRemoveLeavesWhatCameMeanwhile(t *testing.T) {
	c, _ := with(answers{"DescribeRepositories": {described}, "ListTagsForResource": {ours}, "DescribeImages": {"{}"}, "DeleteRepository": {"!" + codeNotEmpty}})
	r, err := c.PlanRemoval(t.Context(), "falcon", false)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Remove(t.Context(), r); err == nil || !strings.Contains(err.Error(), "pushed an image to it meanwhile") || r.Change != aws.Unchanged {
		t.Errorf("got %v, %s", err, r.Change)
	}
}

// The token is in no error and in no print.
func TestLoginHidesItsPassword(t *testing.T) {
	c, _ := with(answers{"GetAuthorizationToken": {`{"authorizationData":[{"authorizationToken":"QVdTOnNlc2FtZQ==","expiresAt":1.8e9,"proxyEndpoint":"https://1.example.com"}]}`}})
	l, err := c.Login(t.Context())
	if err != nil || l.Password() != "sesame" || l.Host != "1.example.com" || l.User != "AWS" {
		t.Fatalf("got %v, %v", l, err)
	}
	for _, form := range []string{"%v", "%+v", "%#v", "%s"} {
		if shown := fmt.Sprintf(form, l); strings.Contains(shown, "sesame") {
			t.Errorf("%s shows %s", form, shown)
		}
	}
	for _, bad := range []string{`{}`, `{"authorizationData":[{"authorizationToken":"c2VzYW1l","proxyEndpoint":"https://x"}]}`,
		`{"authorizationData":[{"authorizationToken":"sesame!","proxyEndpoint":"https://x"}]}`, `{"authorizationData":[{"authorizationToken":"QVdTOnNlc2FtZQ=="}]}`} {
		c, _ := with(answers{"GetAuthorizationToken": {bad}})
		_, err := c.Login(t.Context())
		if p, ok := errors.AsType[*problem.Error](err); !ok || strings.Contains(p.Error(), "sesame") {
			t.Errorf("%s: got %v", bad, err)
		}
	}
}

func TestHostsOfECR(t *testing.T) {
	for host, want := range map[string]Host{
		"123456789012.dkr.ecr.eu-west-1.amazonaws.com":          {"123456789012", "eu-west-1"},
		"123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com": {"123456789012", "us-gov-west-1"},
		"123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn":      {"123456789012", "cn-north-1"},
		"123456789012.dkr-ecr.eu-west-1.on.aws":                 {"123456789012", "eu-west-1"},
		"public.ecr.aws":                                        {}, "12345.dkr.ecr.eu-west-1.amazonaws.com": {}, "123456789012.dkr.ecr.eu-west-1.amazonaws.com.example.com": {},
		"x123456789012.dkr.ecr.eu-west-1.amazonaws.com": {}, "registry.example.com": {}, "127.0.0.1:5000": {},
	} {
		if got, ok := ParseHost(host); got != want || ok != (want != Host{}) {
			t.Errorf("%s: got %+v, %v", host, got, ok)
		}
	}
}
