package injector

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"testing"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"

	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/standin"
)

func fault(name Fault, delay string) standin.Env {
	return standin.Env{standin.EnvFault: string(name), standin.EnvFaultDelay: delay}
}

func TestAnswersOfFaults(t *testing.T) {
	tests := []struct {
		fault  Fault
		status int
		kind   string
		body   string
	}{
		{FaultHTTP500, 500, "text/plain; charset=utf-8", "internal error"},
		{FaultHTML, 200, "text/html; charset=utf-8", "<html>"},
		{FaultDeny, 200, "application/json", denyText},
		{FaultSlow, 200, "application/json", `"patchType":"JSONPatch"`},
		{FaultNotReady, 200, "application/json", `"patchType":"JSONPatch"`},
	}
	for _, tt := range tests {
		t.Run(string(tt.fault), func(t *testing.T) {
			r := start(t, fault(tt.fault, "1ms"))
			response, text, err := r.post(t, t.Context(), reviewOf(t, simplePod()))
			if err != nil {
				t.Fatal(err)
			}
			if response.StatusCode != tt.status || response.Header.Get("Content-Type") != tt.kind || !strings.Contains(text, tt.body) {
				t.Errorf("status %d, %s, %q", response.StatusCode, response.Header.Get("Content-Type"), text)
			}
			live, err := r.client.Get(r.address + "/live")
			if err != nil {
				t.Fatal(err)
			}
			live.Body.Close()
			if want := tt.fault != FaultNotReady; (live.StatusCode == http.StatusOK) != want || (!want && live.StatusCode != 503) {
				t.Errorf("/live says %s", live.Status)
			}
		})
	}
}

func TestBadPatchDoesNotApply(t *testing.T) {
	r := start(t, fault(FaultBadPatch, ""))
	answer := r.review(t, simplePod())
	patch, err := jsonpatch.DecodePatch(answer.Patch)
	if err != nil || !answer.Allowed {
		t.Fatalf("answer %+v: %v", answer, err)
	}
	if after, err := patch.Apply([]byte(`{"spec":{"containers":[]}}`)); err == nil {
		t.Errorf("the patch applied: %s", after)
	}
}

func TestSlowHeedsDisconnect(t *testing.T) {
	r := start(t, fault(FaultSlow, "1h"))
	ctx, cancel := context.WithCancel(t.Context())
	body := reviewOf(t, simplePod())
	gone := make(chan error, 1)
	go func() {
		_, _, err := r.post(t, ctx, body)
		gone <- err
	}()
	r.until(t, "holding a request back for 1h0m0s")
	cancel()
	if err := <-gone; err == nil {
		t.Error("the client got an answer")
	}
	// The server ends only when the handler has left its hour of waiting.
	r.stop()
	if err := <-r.ended; err != nil {
		t.Errorf("ended with %v", err)
	}
}

func TestFaultyTransport(t *testing.T) {
	tests := []struct {
		fault Fault
		want  string
	}{
		{FaultExpiredCertificate, "certificate has expired"},
		{FaultWrongCertificate, "unknown authority"},
		{FaultPlainHTTP, "HTTP response to HTTPS client"},
	}
	for _, tt := range tests {
		t.Run(string(tt.fault), func(t *testing.T) {
			r := start(t, fault(tt.fault, ""))
			_, _, err := r.post(t, t.Context(), reviewOf(t, simplePod()))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want %s", err, tt.want)
			}
			if tt.fault == FaultPlainHTTP {
				r.address = strings.Replace(r.address, "https", "http", 1)
				if answer := r.review(t, simplePod()); !answer.Allowed || answer.Patch == nil {
					t.Errorf("answer over plain HTTP: %+v", answer)
				}
			}
		})
	}
}

func TestCrash(t *testing.T) {
	for _, delay := range []string{"", "1ms"} {
		t.Run(delay, func(t *testing.T) {
			var out bytes.Buffer
			env := minimal(fault(FaultCrash, delay))
			env[standin.EnvTLSDir] = writeCertificate(t)
			env[standin.EnvListenPort] = freePort(t)
			code := Run(t.Context(), standin.Process{Env: env, Err: &out})
			lines := strings.Split(strings.TrimSpace(out.String()), "\n")
			if code != 1 || lines[0] != "injector server starting ..." || lines[len(lines)-1] != crashText {
				t.Errorf("exit code %d, log\n%s", code, out.String())
			}
		})
	}
}
