package kubeconfig

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
)

var now = time.Date(2026, 11, 26, 5, 13, 33, 0, time.UTC)

func static(expires time.Time) sdk.CredentialsProvider {
	return sdk.CredentialsProviderFunc(func(context.Context) (sdk.Credentials, error) {
		return sdk.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret-of-a-test", SessionToken: "session/of=test",
			CanExpire: !expires.IsZero(), Expires: expires}, nil
	})
}

// signedURL is what a token is made of.
func signedURL(t *testing.T, token string) *url.URL {
	t.Helper()
	coded, ok := strings.CutPrefix(token, "k8s-aws-v1.")
	if !ok || strings.ContainsAny(coded, "=+/") {
		t.Fatalf("the token is %s", token)
	}
	plain, err := base64.RawURLEncoding.DecodeString(coded)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(string(plain))
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestATokenIsASignedQuestionToSTSForOneCluster(t *testing.T) {
	token, err := NewToken(t.Context(), static(time.Time{}), "eu-west-1", "shop", now)
	if err != nil {
		t.Fatal(err)
	}
	u := signedURL(t, token.Text)
	if u.Scheme != "https" || u.Host != "sts.eu-west-1.amazonaws.com" || u.Path != "/" {
		t.Errorf("it asks %s", u)
	}
	for key, want := range map[string]string{"Action": "GetCallerIdentity", "Version": "2011-06-15", "X-Amz-Expires": "60",
		"X-Amz-SignedHeaders": "host;x-k8s-aws-id", "X-Amz-Date": "20261126T051333Z", "X-Amz-Security-Token": "session/of=test",
		"X-Amz-Credential": "AKIDEXAMPLE/20261126/eu-west-1/sts/aws4_request", "X-Amz-Algorithm": "AWS4-HMAC-SHA256"} {
		if got := u.Query().Get(key); got != want {
			t.Errorf("%s is %q, want %q", key, got, want)
		}
	}
	if len(u.Query().Get("X-Amz-Signature")) != 64 || strings.Contains(u.String(), "secret-of-a-test") {
		t.Errorf("it is signed as %s", u)
	}
	if !token.Expires.Equal(now.Add(14 * time.Minute)) {
		t.Errorf("it expires at %s", token.Expires)
	}
	other, _ := NewToken(t.Context(), static(time.Time{}), "eu-west-1", "shop2", now)
	if signedURL(t, other.Text).Query().Get("X-Amz-Signature") == u.Query().Get("X-Amz-Signature") {
		t.Error("the token of another cluster has the same signature")
	}
}

func TestTokensOfOtherPartitionsAskTheirOwnSTS(t *testing.T) {
	for region, host := range map[string]string{"cn-north-1": "sts.cn-north-1.amazonaws.com.cn", "us-gov-west-1": "sts.us-gov-west-1.amazonaws.com",
		"us-east-1": "sts.us-east-1.amazonaws.com"} {
		token, err := NewToken(t.Context(), static(time.Time{}), region, "shop", now)
		if err != nil {
			t.Fatal(err)
		}
		if got := signedURL(t, token.Text).Host; got != host {
			t.Errorf("in %s it asks %s", region, got)
		}
	}
}

func TestATokenEndsWithTheCredentialsThatItIsMadeOf(t *testing.T) {
	end := now.Add(time.Minute)
	token, err := NewToken(t.Context(), static(end), "eu-west-1", "shop", now)
	if err != nil || !token.Expires.Equal(end) {
		t.Errorf("it expires at %s: %v", token.Expires, err)
	}
	refused := errors.New("no way")
	_, err = NewToken(t.Context(), sdk.CredentialsProviderFunc(func(context.Context) (sdk.Credentials, error) { return sdk.Credentials{}, refused }), "eu-west-1", "shop", now)
	if !errors.Is(err, refused) {
		t.Errorf("got %v", err)
	}
	if _, err = NewToken(t.Context(), nil, "eu-west-1", "shop", now); err == nil {
		t.Error("without credentials there is a token")
	}
}

func TestTheCredentialIsOfTheVersionThatKubectlAsksFor(t *testing.T) {
	token := Token{"k8s-aws-v1.x", now}
	for asked, version := range map[string]string{"": "client.authentication.k8s.io/v1", "{": "client.authentication.k8s.io/v1",
		`{"apiVersion":"client.authentication.k8s.io/v1"}`:      "client.authentication.k8s.io/v1",
		`{"apiVersion":"client.authentication.k8s.io/v1beta1"}`: "client.authentication.k8s.io/v1beta1"} {
		text, err := token.ExecCredential(asked)
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			APIVersion, Kind string
			Status           struct{ ExpirationTimestamp, Token string }
		}
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatal(err)
		}
		if got.APIVersion != version || got.Kind != "ExecCredential" || got.Status.Token != token.Text || got.Status.ExpirationTimestamp != "2026-11-26T05:13:33Z" {
			t.Errorf("asked %s it says %s", asked, text)
		}
	}
}
