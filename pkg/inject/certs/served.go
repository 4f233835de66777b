package certs

import (
	"context"
	"crypto/tls"
	"fmt"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
)

// answerWithin is how long a pod may take to show its certificate.
const answerWithin = 20 * time.Second

// Served returns the chain that a pod of this tool's injector serves with; see ServedAs.
func Served(ctx context.Context, c *kube.Cluster, pod string, port int32) ([]byte, error) {
	return ServedAs(ctx, c, manifest.Namespace, pod, port, manifest.WebhookName)
}

// ServedAs returns the chain that a pod serves with to who calls it by a name, PEM, the leaf first. It
// judges nothing: whether to trust the chain is what the caller wants to find out. The error is that of a
// pod which could not be asked.
func ServedAs(ctx context.Context, c *kube.Cluster, namespace, pod string, port int32, name string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	plain, err := c.DialPod(ctx, namespace, pod, port)
	if err != nil {
		return nil, err
	}
	defer func() { _ = plain.Close() }()
	conn := tls.Client(plain, &tls.Config{
		ServerName: name,
		//nolint:gosec // The certificate is what is asked for; nothing is said over this connection.
		InsecureSkipVerify: true,
	})
	if err := conn.HandshakeContext(ctx); err != nil {
		return nil, fmt.Errorf("ask pod/%s for its certificate: %w", pod, err)
	}
	var chain []byte
	for _, cert := range conn.ConnectionState().PeerCertificates {
		chain = append(chain, encode(cert.Raw)...)
	}
	return chain, nil
}
