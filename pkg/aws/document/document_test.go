package document_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/document"
)

const trust = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"eks-fargate-pods.amazonaws.com"},
"Action":"sts:AssumeRole","Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:eks:eu-west-1:123456789012:fargateprofile/shop/*"}}}}`

func parse(t *testing.T, text string) document.Document {
	t.Helper()
	d, err := document.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestADocumentIsReadAsIAMGivesItAndAsItWasPutIn(t *testing.T) {
	plain := parse(t, trust)
	encoded := parse(t, url.QueryEscape(trust))
	if !plain.Equal(encoded) || !plain.Equal(parse(t, plain.String())) || !plain.Equal(parse(t, plain.Indented())) {
		t.Errorf("they differ: %s and %s", plain, encoded)
	}
	if plain.Equal(document.New()) {
		t.Error("different documents are the same")
	}
	listed := strings.ReplaceAll(trust, `"sts:AssumeRole"`, `["sts:AssumeRole"]`)
	if !parse(t, listed).Equal(plain) {
		t.Error("a list of one differs from the one")
	}
	for _, bad := range []string{"", "%", "%zz", "{", `{"Statement":5}`, `{"Statement":[{"Principal":5}]}`} {
		if _, err := document.Parse(bad); err == nil || !strings.Contains(err.Error(), "cannot be read") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestWhomATrustPolicyTrusts(t *testing.T) {
	const service, arn = "eks-fargate-pods.amazonaws.com", "arn:aws:eks:eu-west-1:123456789012:fargateprofile/shop/fp/1"
	asked := func(change func(*document.Request)) document.Request {
		r := document.Request{Kind: "Service", Principal: service, Action: "sts:AssumeRole", Context: map[string]string{"aws:sourcearn": arn}}
		change(&r)
		return r
	}
	same := func(*document.Request) {}
	for _, c := range []struct {
		name, policy string
		change       func(*document.Request)
		why          string
	}{
		{"granted", trust, same, ""},
		{"another cluster", strings.Replace(trust, "/shop/", "/web/", 1), same, "it wants aws:SourceArn to be arn:aws:eks:eu-west-1:123456789012:fargateprofile/web/*, and it is"},
		{"another service", trust, func(r *document.Request) { r.Principal = "ec2.amazonaws.com" }, "no statement lets the service ec2.amazonaws.com take it"},
		{"another action", trust, func(r *document.Request) { r.Action = "sts:TagSession" }, "no statement"},
		{"another kind", trust, func(r *document.Request) { r.Kind = "AWS" }, "no statement"},
		{"without what is asked", trust, func(r *document.Request) { r.Context = nil }, `and it is ""`},
		{"if it exists", strings.Replace(trust, "ArnLike", "ArnLikeIfExists", 1), func(r *document.Request) { r.Context = nil }, ""},
		{"an unknown condition", strings.Replace(trust, "ArnLike", "Bool", 1), same, "it wants"},
		{"forbidden", `{"Statement":[{"Effect":"Allow","Principal":{"Service":"*"},"Action":"sts:*"},{"Effect":"Deny","Principal":{"Service":"eks*"},"Action":"*"}]}`, same, "forbids"},
		{"anybody of AWS is no service", `{"Statement":[{"Effect":"Allow","Principal":"*","Action":"sts:*"}]}`, same, "no statement"},
		{"nothing", `{}`, same, "no statement"},
	} {
		ok, why := parse(t, c.policy).Trusts(asked(c.change))
		if ok != (c.why == "") || !strings.Contains(why, c.why) {
			t.Errorf("%s: %t, %q", c.name, ok, why)
		}
	}
}

func TestWhatAPolicyLacks(t *testing.T) {
	for _, c := range []struct{ policy, missing string }{
		{`{"Statement":[{"Effect":"Allow","Action":["ecr:BatchGetImage","ecr:GetAuthorizationToken"],"Resource":"*"}]}`, ""},
		{`{"Statement":[{"Effect":"Allow","Action":"ECR:*","Resource":"*"}]}`, ""},
		{`{"Statement":[{"Effect":"Allow","Action":"ecr:Batch*","Resource":"*"}]}`, "ecr:GetAuthorizationToken"},
		{`{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"ecr:BatchGetImage","Resource":"*"}]}`, "ecr:BatchGetImage"},
		{`{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"ecr:BatchGetImage","Resource":"arn:x"}]}`, ""},
		{`{"Statement":[{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}]}`, ""},
		{`{"Statement":[]}`, "ecr:BatchGetImage ecr:GetAuthorizationToken"},
	} {
		missing := document.Missing([]document.Document{parse(t, c.policy)}, "ecr:BatchGetImage", "ecr:GetAuthorizationToken")
		if strings.Join(missing, " ") != c.missing {
			t.Errorf("%s lacks %v", c.policy, missing)
		}
	}
}
