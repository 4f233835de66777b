//go:build e2e

package e2e

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

const standinAID = "00112233445566778899aabbccddeeff"

// TestAIDForms asks sensors that answer in every form that falconctl is known to have.
func TestAIDForms(t *testing.T) {
	l := shared()
	l.install(t)
	ns := l.namespace(t, "aid-forms")
	const registered = "FALCON_STANDIN_AID=" + standinAID + ";FALCON_STANDIN_AID_DELAY=0s;FALCON_STANDIN_FALCONCTL_FORM="
	cases := []struct {
		form string
		// want is the id, or empty for an error that says the words.
		want, words string
	}{
		{form: "guide", want: standinAID},
		{form: "no-newline", want: standinAID},
		{form: "unquoted", want: standinAID},
		{form: "upper", want: standinAID},
		{form: "combined-old", want: standinAID},
		{form: "combined-new", want: standinAID},
		{form: "empty", words: "did not print an agent id"},
		{form: "error", words: "ERROR"},
		{form: "half", words: "did not print an agent id"},
	}
	for _, c := range cases {
		// kubectl run takes a comma in --annotations for the next one, and there is none here.
		l.kubectl(t, "run", c.form, "-n", ns, "--image="+pauseImage,
			"--annotations=standin.kubectl-falcon/env="+registered+c.form)
	}
	l.kubectl(t, "run", "never", "-n", ns, "--image="+pauseImage,
		"--annotations=standin.kubectl-falcon/env=FALCON_STANDIN_AID=never")
	l.kubectl(t, "wait", "--for=condition=Ready", "pod", "--all", "-n", ns, "--timeout=90s")
	for _, c := range cases {
		t.Run(c.form, func(t *testing.T) {
			if c.want != "" {
				r := l.mustFalcon(t, "aid", c.form, "-n", ns, "--wait", "--timeout=30s")
				if r.stdout != c.want+"\n" {
					t.Errorf("aid printed %q, want %q", r.stdout, c.want)
				}
				return
			}
			r := l.falcon(t, "aid", c.form, "-n", ns)
			wantCode(t, r, 1)
			wantContains(t, "the error", r.stderr, c.words, "pod "+ns+"/"+c.form)
			if r.stdout != "" {
				t.Errorf("an error printed %q as data", r.stdout)
			}
		})
	}
	t.Run("never registers", func(t *testing.T) {
		r := l.falcon(t, "aid", "never", "-n", ns)
		wantCode(t, r, 1)
		wantContains(t, "the error", r.stderr, "has no agent id yet", "proxy")
		r = l.falcon(t, "aid", "never", "-n", ns, "--wait", "--timeout=2s")
		wantCode(t, r, 124)
	})
	t.Run("without a sensor", func(t *testing.T) {
		l.pod(t, ns, "plain", injectionKey+"=disabled")
		r := l.falcon(t, "aid", "pod/plain", "-n", ns)
		wantCode(t, r, 1)
		wantContains(t, "the error", r.stderr, "has no Falcon sensor", "kubectl falcon verify -n "+ns)
	})
}

// TestAIDThroughAProxyThatRefusesWebSocket asks through a proxy that lets only SPDY upgrades pass.
func TestAIDThroughAProxyThatRefusesWebSocket(t *testing.T) {
	l := shared()
	l.install(t)
	ns := l.namespace(t, "aid-spdy")
	l.pod(t, ns, "one", "standin.kubectl-falcon/env=FALCON_STANDIN_AID="+standinAID+";FALCON_STANDIN_AID_DELAY=0s")
	eventually(t, "the sensor's registration", 20*time.Second, func() (bool, string) {
		r := l.falcon(t, "aid", "one", "-n", ns)
		return r.code == 0, r.stderr
	})
	var webSocket, spdy atomic.Int32
	through := *l
	through.kubeconfig = proxied(t, l.kubeconfig, func(r *http.Request) {
		switch strings.ToLower(r.Header.Get("Upgrade")) {
		case "websocket":
			webSocket.Add(1)
			r.Header.Del("Upgrade")
		case "spdy/3.1":
			spdy.Add(1)
		}
	})
	r := through.mustFalcon(t, "aid", "one", "-n", ns)
	if r.stdout != standinAID+"\n" || webSocket.Load() != 1 || spdy.Load() != 1 {
		t.Errorf("aid printed %q after %d WebSocket and %d SPDY requests, want one of each",
			r.stdout, webSocket.Load(), spdy.Load())
	}
}

// proxied starts a proxy on loopback before the API server of the kubeconfig, and returns a kubeconfig
// that goes through it. change may alter each request, as a proxy does that drops an upgrade it does not
// know.
func proxied(t *testing.T, kubeconfig string, change func(*http.Request)) string {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	// HTTP/2 has no upgrades.
	config.NextProtos = []string{"http/1.1"}
	transport, err := rest.TransportFor(config)
	if err != nil {
		t.Fatal(err)
	}
	target, err := url.Parse(config.Host)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.Transport = transport
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		change(r)
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	through := api.NewConfig()
	through.Clusters["proxy"] = &api.Cluster{Server: server.URL}
	through.Contexts["proxy"] = &api.Context{Cluster: "proxy"}
	through.CurrentContext = "proxy"
	content, err := clientcmd.Write(*through)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
