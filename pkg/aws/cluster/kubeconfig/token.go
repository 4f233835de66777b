package kubeconfig

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A token is a signed question to STS who is asking, which EKS puts for the caller: the URL in base64 behind a
// prefix, with the cluster's name in a signed header so that it is good for that cluster alone
// (kubernetes-sigs/aws-iam-authenticator, README, "API Authorization from Outside a Cluster").
const (
	tokenPrefix   = "k8s-aws-v1."
	clusterHeader = "x-k8s-aws-id"
	stsVersion    = "2011-06-15"
	// signedFor is how long STS takes the URL, in seconds; EKS takes the token for 15 minutes from its date.
	signedFor = "60"
	tokenLife = 14 * time.Minute
	// emptyHash is the SHA-256 of no body.
	emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
)

// Token is one with which a user gets into a cluster.
type Token struct {
	Text    string
	Expires time.Time
}

// NewToken makes a token for a cluster. It asks nobody but who gives the credentials.
func NewToken(ctx context.Context, credentials sdk.CredentialsProvider, region, cluster string, now time.Time) (Token, error) {
	if credentials == nil {
		return Token{}, errors.New("there are no AWS credentials")
	}
	c, err := credentials.Retrieve(ctx)
	if err != nil {
		return Token{}, err
	}
	host, err := stsHost(ctx, region)
	if err != nil {
		return Token{}, err
	}
	query := url.Values{"Action": {"GetCallerIdentity"}, "Version": {stsVersion}, "X-Amz-Expires": {signedFor}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+host+"/?"+query.Encode(), nil)
	if err != nil {
		return Token{}, err
	}
	request.Header.Set(clusterHeader, cluster)
	signed, _, err := v4.NewSigner().PresignHTTP(ctx, c, request, emptyHash, "sts", region, now)
	if err != nil {
		return Token{}, fmt.Errorf("sign a token: %w", err)
	}
	t := Token{Text: tokenPrefix + base64.RawURLEncoding.EncodeToString([]byte(signed)), Expires: now.Add(tokenLife)}
	if c.CanExpire && c.Expires.Before(t.Expires) {
		t.Expires = c.Expires
	}
	return t, nil
}

// stsHost is the host of STS in a region. EKS takes no other than AWS's own, so a local stand-in that the
// configuration names is not asked.
func stsHost(ctx context.Context, region string) (string, error) {
	end, err := sts.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, sts.EndpointParameters{Region: &region})
	if err != nil {
		return "", fmt.Errorf("find STS in %s: %w", region, err)
	}
	return end.URI.Host, nil
}

// ExecCredential is the token as kubectl takes it from a credential plugin. asked is what kubectl says in
// KUBERNETES_EXEC_INFO, where the version stands that it wants.
func (t Token) ExecCredential(asked string) ([]byte, error) {
	version := apiVersion
	var kind metav1.TypeMeta
	if json.Unmarshal([]byte(asked), &kind) == nil && kind.APIVersion == cliVersion {
		version = cliVersion
	}
	type status struct {
		ExpirationTimestamp string `json:"expirationTimestamp"`
		Token               string `json:"token"`
	}
	return json.MarshalIndent(struct {
		metav1.TypeMeta `json:",inline"`
		Spec            struct{} `json:"spec"`
		Status          status   `json:"status"`
	}{metav1.TypeMeta{APIVersion: version, Kind: "ExecCredential"}, struct{}{},
		status{t.Expires.UTC().Format(time.RFC3339), t.Text}}, "", "  ")
}
