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

// Served returns the chain that a pod of the injector serves with, PEM, the leaf first. It judges nothing:
// whether to trust the chain is what the caller wants to find out. The error is that of a pod which could
// not be asked.
func Served(ctx context.Context, c *kube.Cluster, pod string, port int32) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	plain, err := c.DialPod(ctx, manifest.Namespace, pod, port)
	if err != nil {
		return nil, err
	}
	defer func() { _ = plain.Close() }()
	conn := tls.Client(plain, &tls.Config{
		ServerName: manifest.WebhookName,
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
