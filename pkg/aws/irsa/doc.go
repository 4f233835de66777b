// Package irsa gives the injector's ServiceAccount an IAM role with which it reads the configs of images in
// ECR, by an OIDC provider for the cluster ("IAM roles for service accounts"), and says which link of that
// chain is broken.
//
// The role gets no more than those reads, and no one but that ServiceAccount of that cluster may take it. Only
// what carries our tag is changed or removed. It knows no terminal and no environment. The facts are from the
// EKS user guide, "IAM roles for service accounts", and the IAM API reference, as of 2026-11.
package irsa
