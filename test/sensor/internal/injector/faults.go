package injector

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/certs"
	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/standin"
)

// Fault is one way for the injector to misbehave.
type Fault string

// The faults a test can ask for.
const (
	FaultNone               Fault = ""
	FaultSlow               Fault = "slow"
	FaultHTTP500            Fault = "http-500"
	FaultBadPatch           Fault = "bad-patch"
	FaultDeny               Fault = "deny"
	FaultHTML               Fault = "html"
	FaultCrash              Fault = "crash"
	FaultNotReady           Fault = "not-ready"
	FaultExpiredCertificate Fault = "expired-certificate"
	FaultWrongCertificate   Fault = "wrong-certificate"
	FaultPlainHTTP          Fault = "plain-http"
)

var faults = []Fault{
	FaultSlow, FaultHTTP500, FaultBadPatch, FaultDeny, FaultHTML, FaultCrash, FaultNotReady,
	FaultExpiredCertificate, FaultWrongCertificate, FaultPlainHTTP,
}

// The words the faults speak.
const (
	denyText  = "denied by the fault of the stand-in injector"
	crashText = "panic: runtime error: invalid memory address or nil pointer dereference"
	htmlText  = "<html><body><h1>Sign in</h1></body></html>\n"
)

func parseFault(env standin.Env) (Fault, time.Duration, error) {
	fault := Fault(env[standin.EnvFault])
	if fault != FaultNone && !slices.Contains(faults, fault) {
		return "", 0, fmt.Errorf("%s=%q: want one of %s", standin.EnvFault, fault, faultNames())
	}
	fallback := "60s"
	if fault == FaultCrash {
		fallback = "0s"
	}
	delay, err := duration(env, standin.EnvFaultDelay, fallback)
	return fault, delay, err
}

func faultNames() string {
	names := make([]string, len(faults))
	for i, fault := range faults {
		names[i] = string(fault)
	}
	return strings.Join(names, ", ")
}

// spoil puts the configured fault in front of a working handler.
func spoil(c Config, out *Log, next http.Handler) http.Handler {
	switch c.Fault {
	case FaultSlow:
		return slow(c.FaultDelay, out, next)
	case FaultHTTP500:
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "internal error by the fault of the stand-in injector", http.StatusInternalServerError)
		})
	case FaultHTML:
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = w.Write([]byte(htmlText))
		})
	default:
		return next
	}
}

// slow holds requests back until the delay is over or the client has gone.
func slow(delay time.Duration, out *Log, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The server looks out for a lost connection only once the body is read.
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxReview))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		out.line("info", "stand-in fault: holding a request back for "+delay.String())
		timer := time.NewTimer(delay)
		defer timer.Stop()
		select {
		case <-timer.C:
			next.ServeHTTP(w, r)
		case <-r.Context().Done():
			// A plain return would be answered with an empty 200.
			panic(http.ErrAbortHandler)
		}
	})
}

// certificate is the one to serve with: the mounted one, unless the fault is in
// the certificate itself.
func certificate(c Config, now time.Time) (tls.Certificate, error) {
	valid := certs.Lifetime{From: now.Add(-time.Hour), Until: now.AddDate(1, 0, 0)}
	switch c.Fault {
	case FaultExpiredCertificate:
		return selfMade(c, certs.Lifetime{From: now.AddDate(-1, 0, 0), Until: now.Add(-time.Hour)})
	case FaultWrongCertificate:
		return selfMade(c, valid)
	}
	cert, key := filepath.Join(c.TLSDir, "tls.crt"), filepath.Join(c.TLSDir, "tls.key")
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("load %s and %s: %w", cert, key, err)
	}
	return pair, nil
}

// selfMade has every name either installer gives the webhook's Service, so that
// nothing but the fault is wrong with it.
func selfMade(c Config, life certs.Lifetime) (tls.Certificate, error) {
	authority, err := certs.NewAuthority("another ca", life)
	if err != nil {
		return tls.Certificate{}, err
	}
	names := append(certs.ServiceNames("injector", c.Namespace),
		certs.ServiceNames("falcon-sensor-injector", c.Namespace)...)
	pair, err := authority.Server(names, life)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(pair.Cert, pair.Key)
}
