package injector

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/imageinfo"
	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/standin"
)

// drain is how long requests in flight may take after SIGTERM; it stays below
// the 30 seconds a pod has by default.
const drain = 25 * time.Second

// farewell is how long a connection that is kept open may be used for one more request after SIGTERM, whose
// answer then says that the connection ends. A server that closes it at once meets requests which are being
// written, and Kubernetes repeats none of them: the pod is refused. How the vendor's injector leaves is not known.
const farewell = time.Second

// errCrash ends the server as a crash would.
var errCrash = errors.New(crashText)

// Run is the injector program.
func Run(ctx context.Context, p standin.Process) int {
	config, err := ParseConfig(p.Env)
	if err != nil {
		fmt.Fprintln(p.Err, "injector:", err)
		return 1
	}
	listener, err := net.Listen("tcp", ":"+strconv.Itoa(config.Port))
	if err != nil {
		fmt.Fprintln(p.Err, "injector:", err)
		return 1
	}
	err = Serve(ctx, config, listener, imageinfo.InCluster(p.Env), NewLog(p.Err, config.LogForm))
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errCrash):
		fmt.Fprintln(p.Err, err)
	default:
		fmt.Fprintln(p.Err, "injector:", err)
	}
	return 1
}

// Serve answers on listener until ctx ends and requests in flight are done. It
// closes listener.
func Serve(ctx context.Context, c Config, listener net.Listener, secrets *imageinfo.Secrets, out *Log) error {
	h := &webhook{config: c, secrets: secrets, log: out}
	going := &leaving{}
	server := &http.Server{
		Handler:           going.answer(h.handler()),
		ConnState:         going.count,
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(out, "", 0),
	}
	if c.Fault != FaultPlainHTTP {
		pair, err := certificate(c, time.Now())
		if err != nil {
			listener.Close()
			return err
		}
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	}
	out.Starting()
	failed := make(chan error, 1)
	go func() {
		if server.TLSConfig == nil {
			failed <- server.Serve(listener)
			return
		}
		failed <- server.ServeTLS(listener, "", "")
	}()
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-crashTimer(c):
		server.Close()
		return errCrash
	case <-ctx.Done():
	}
	// The caller's context has ended, so the drain needs one of its own.
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	going.wait(farewell)
	if err := server.Shutdown(stop); err != nil {
		return fmt.Errorf("finish requests in flight: %w", err)
	}
	return nil
}

// crashTimer fires when the crash fault is due, and never without it.
func crashTimer(c Config) <-chan time.Time {
	if c.Fault != FaultCrash {
		return nil
	}
	return time.After(c.FaultDelay)
}
