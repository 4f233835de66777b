package kube

import (
	"net/url"

	"k8s.io/client-go/tools/remotecommand"
)

// newSPDY is the protocol of API servers and proxies that refuse WebSocket.
func newSPDY(e *Executor, method, target string) (remotecommand.Executor, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, err
	}
	return remotecommand.NewSPDYExecutor(e.cluster.Config, method, u)
}
