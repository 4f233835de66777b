package plugin

import (
	"context"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	fake "github.com/kubectl-falcon/kubectl-falcon/test/fakes/clientset"
	"github.com/kubectl-falcon/kubectl-falcon/test/fakes/falconapi"
)

const apiPassword = "sesame-0f-the-c0nsole"

// withoutAPI keeps the tests from the Falcon subscription of whoever runs them.
func withoutAPI(t *testing.T) {
	t.Helper()
	for _, name := range append([]string{varBase}, apiVariables...) {
		t.Setenv(name, "")
	}
}

// standInAPI serves the stand-in of the Falcon API and lets the environment point to it.
func standInAPI(t *testing.T, change func(*falconapi.Config)) *falconapi.Server {
	t.Helper()
	config := falconapi.Config{ID: "client", Secret: apiPassword, CID: cid, Scopes: falconapi.AllScopes}
	if change != nil {
		change(&config)
	}
	api := falconapi.New(config)
	server := httptest.NewServer(api)
	t.Cleanup(server.Close)
	withoutAPI(t)
	t.Setenv(varBase, server.URL)
	return api
}

func TestFalconCredentials(t *testing.T) {
	const lines = "# the console's client\n\nFALCON_CLIENT_ID=client\nexport FALCON_CLIENT_SECRET='" + apiPassword + "'\nFALCON_CID=" + cid + "\n"
	private := func(content string) string {
		name := file(t, content)
		if err := os.Chmod(name, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	open := private(lines)
	if err := os.Chmod(open, 0o640); err != nil {
		t.Fatal(err)
	}
	data := map[string][]byte{"falcon-client-id": []byte("client\n"), "falcon-client-secret": []byte(apiPassword)}
	secret := func(namespace, name string, data map[string][]byte) *corev1.Secret {
		return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace}, Data: data}
	}
	c := &kube.Cluster{Client: fake.NewClientset(secret("falcon-system", "api", data), secret("team-a", "api-a", data),
		secret("falcon-system", "half", map[string][]byte{"falcon-client-id": []byte("client")}))}
	env := map[string]string{varClientID: "client", varClientSecret: apiPassword}
	tests := map[string]struct {
		from  string
		env   map[string]string
		fault string
	}{
		"the environment":        {env: env},
		"the environment, named": {from: "env", env: env},
		"a file":                 {from: "file:" + private(lines)},
		"a Secret":               {from: "secret:api"},
		"a Secret elsewhere":     {from: "secret:api-a@team-a"},
		"nothing":                {fault: "the credentials of the Falcon API are missing: the environment has no FALCON_CLIENT_ID"},
		"half":                   {env: map[string]string{varClientID: "client"}, fault: "the environment has no FALCON_CLIENT_SECRET"},
		"half a Secret":          {from: "secret:half", fault: "secret:half has no falcon-client-secret"},
		"a bad cloud":            {env: map[string]string{varClientID: "client", varClientSecret: apiPassword, varCloud: "moon-1"}, fault: `there is no Falcon cloud "moon-1"`},
		"a bad member":           {env: map[string]string{varClientID: "client", varClientSecret: apiPassword, varMember: apiPassword}, fault: "FALCON_MEMBER_CID is not a customer id"},
		"a file others may read": {from: "file:" + open, fault: "the file's rights (0640) let others use it"},
		"no file":                {from: "file:/nowhere", fault: "it cannot be read: no such file"},
		"a file of something":    {from: "file:" + private("FALCON_CLIENT_ID=client\n"+apiPassword), fault: "line 2 is none of the lines it takes"},
		"a mistyped name":        {from: "file:" + private("FALCON_MEMBER="+apiPassword), fault: "line 1 is none of the lines it takes"},
		"a name twice":           {from: "file:" + private(lines+lines), fault: "line 8 gives FALCON_CLIENT_ID again"},
		"no Secret":              {from: "secret:none", fault: `there is no secret "none" in namespace falcon-system`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			standInAPI(t, nil)
			for name, value := range test.env {
				t.Setenv(name, value)
			}
			s := &session{connected: c}
			from := &apiCredentials{kind: fromEnv}
			if test.from != "" {
				if err := from.Set(test.from); err != nil {
					t.Fatal(err)
				}
			}
			client, err := s.falconClient(t.Context(), from)
			if err == nil {
				_, err = client.CID(t.Context())
			}
			switch {
			case test.fault == "" && err != nil:
				t.Error(err)
			case test.fault != "" && (err == nil || !strings.Contains(err.Error(), test.fault)):
				t.Errorf("got %v, want %q", err, test.fault)
			case err != nil && strings.Contains(err.Error(), apiPassword):
				t.Errorf("it shows the secret: %v", err)
			}
		})
	}
}

// The flag takes a place, and shows nothing of what was written in place of one.
func TestFalconCredentialsFlag(t *testing.T) {
	for _, bad := range []string{"", "env:X", "file:", "secret:", "secret:@x", "secret:a@", "secret:a/b", apiPassword, "client:" + apiPassword} {
		from := &apiCredentials{kind: fromEnv}
		// What pflag says of a flag that cannot be set shows its value.
		if err := from.Set(bad); err != nil {
			t.Errorf("%q: %v", bad, err)
		}
		if err := from.check(); err == nil || strings.Contains(err.Error(), apiPassword) || from.absent() {
			t.Errorf("%q: %v", bad, err)
		}
	}
	for _, good := range []string{"env", "file:/etc/falcon", "secret:a", "secret:a@b"} {
		from := &apiCredentials{}
		if err := from.Set(good); err != nil || from.check() != nil || from.String() != good {
			t.Errorf("%q became %q (%v)", good, from, err)
		}
	}
}

// A token is revoked also after Ctrl-C.
func TestFalconTokenEndsWithTheRun(t *testing.T) {
	api := standInAPI(t, func(c *falconapi.Config) { c.Member = strings.Repeat("ab", 16) })
	t.Setenv(varClientID, "client")
	t.Setenv(varClientSecret, apiPassword)
	t.Setenv(varMember, strings.Repeat("AB", 16)+"-12")
	s := &session{}
	client, err := s.falconClient(t.Context(), &apiCredentials{kind: fromEnv})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := client.CID(ctx); err != nil {
		t.Fatal(err)
	}
	cancel()
	if endFalcon(ctx, client); api.Tokens() != 0 {
		t.Error("the token is good after the end")
	}
}
