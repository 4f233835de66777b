package kube

import (
	"context"
	"encoding/json"
	"fmt"

	"k8s.io/apimachinery/pkg/version"
)

// ServerVersion asks the API server for its version.
func ServerVersion(ctx context.Context, c *Cluster) (*version.Info, error) {
	text, err := c.Client.CoreV1().RESTClient().Get().AbsPath("/version").DoRaw(ctx)
	if err != nil {
		return nil, err
	}
	var info version.Info
	if err := json.Unmarshal(text, &info); err != nil {
		return nil, fmt.Errorf("read the server's version: %w", err)
	}
	return &info, nil
}
