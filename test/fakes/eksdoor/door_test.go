package eksdoor

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/cluster/kubeconfig"
)

// The door lets in whom EKS would: with a token of ours for its cluster, and with no other.
func TestTheDoorTakesTokensAsEKSDoes(t *testing.T) {
	behind := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "in:%s", r.Header.Get("Authorization"))
	}))
	defer behind.Close()
	file := filepath.Join(t.TempDir(), "kubeconfig")
	content := "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{name: c, cluster: {server: " + behind.URL + "}}]\n" +
		"contexts: [{name: c, context: {cluster: c, user: u}}]\nusers: [{name: u, user: {}}]\n"
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := Open(file, "shop", map[string]string{"AKIAKNOWN": "secret"})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	token := func(key, secret, region, cluster string, at time.Time) string {
		t.Helper()
		made, err := kubeconfig.NewToken(context.Background(), provider(key, secret), region, cluster, at)
		if err != nil {
			t.Fatal(err)
		}
		return "Bearer " + made.Text
	}
	now := time.Now()
	good := token("AKIAKNOWN", "secret", "eu-west-1", "shop", now)
	for name, test := range map[string]struct {
		header, why string
	}{
		"good":                   {good, ""},
		"another region":         {token("AKIAKNOWN", "secret", "us-east-1", "shop", now), ""},
		"none":                   {"", "no token of EKS"},
		"not of EKS":             {"Bearer abc", "no token of EKS"},
		"another cluster's":      {token("AKIAKNOWN", "secret", "eu-west-1", "other", now), "not signed by AKIAKNOWN for the cluster shop"},
		"of somebody else":       {token("AKIAOTHER", "secret", "eu-west-1", "shop", now), "nobody knows AKIAOTHER"},
		"with another secret":    {token("AKIAKNOWN", "guess", "eu-west-1", "shop", now), "not signed by AKIAKNOWN"},
		"too old":                {token("AKIAKNOWN", "secret", "eu-west-1", "shop", now.Add(-16*time.Minute)), "signed at"},
		"of a time to come":      {token("AKIAKNOWN", "secret", "eu-west-1", "shop", now.Add(5*time.Minute)), "signed at"},
		"with something changed": {good[:len(good)-4], ""},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.Endpoint+"/api", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", test.header)
		answer, err := d.server.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		refused := d.Refused()
		switch {
		case name == "with something changed" || test.why != "":
			if answer.StatusCode != http.StatusUnauthorized || !strings.Contains(refused[len(refused)-1], test.why) {
				t.Errorf("%s: %s, %q", name, answer.Status, refused)
			}
		case answer.StatusCode != http.StatusOK:
			t.Errorf("%s: %s, %q", name, answer.Status, refused)
		}
	}
	if let := d.Let(); len(let) != 2 || let[0].Path != "/api" {
		t.Errorf("let in were %v", let)
	}
}

func provider(key, secret string) aws.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider(key, secret, "")
}
