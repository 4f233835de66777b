// Package lab carries the sources that the lab's cluster is built from, so that the lab program can
// compile it from anywhere and knows by their content whether it already has.
package lab

import "embed"

// Sources are this module's go.mod and go.sum and the main packages that the lab adds to those of
// Kubernetes, etcd, containerd, runc and CNI. Written to an empty folder they are a module that builds.
//
//go:embed go.mod go.sum cmd/kube/main.go cmd/registry/main.go cmd/pause/main.go
var Sources embed.FS
