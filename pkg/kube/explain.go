package kube

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/url"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// Explain gives an error that came out of a client its kind and its advice. What is a problem already,
// or the user's own interrupt, is returned as it is. c may be nil when no cluster was reached for.
func Explain(err error, c *Cluster) error {
	if _, ok := errors.AsType[*problem.Error](err); ok || err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	switch {
	case apierrors.IsUnauthorized(err):
		return problem.New(problem.NoAccess, "log in again, or choose another user with --context",
			"the cluster does not accept the kubeconfig's credentials: %w", err)
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		return problem.New(problem.Failed, "wait until it is gone, then run this again",
			"the namespace is being deleted: %w", err)
	case apierrors.IsForbidden(err):
		return problem.New(problem.NoAccess,
			"ask for this right, or act as someone who has it (--context, --as)", "not permitted: %w", err)
	case apierrors.IsConflict(err) && !apierrors.HasStatusCause(err, metav1.CauseTypeFieldManagerConflict):
		return problem.New(problem.Failed, "run it again", "it was changed meanwhile: %w", err)
	case apierrors.IsConflict(err):
		return problem.New(problem.Failed,
			"change it with the tool that owns it, or remove what that tool made first",
			"another tool manages this object: %w", err)
	case isUnreachable(err):
		return unreachable(err, c)
	}
	return err
}

func isUnreachable(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	// A dial that nobody answers has the error of a deadline too, but no deadline of ours has passed.
	if ok && op.Op == "dial" {
		return true
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	if ok {
		return true
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return true
	}
	_, ok = errors.AsType[*url.Error](err)
	return ok
}

func unreachable(err error, c *Cluster) error {
	// The innermost words are the useful ones; the wrapping repeats the request's whole URL.
	cause := err
	if u, ok := errors.AsType[*url.Error](err); ok {
		cause = u.Err
	}
	if c == nil {
		return problem.New(problem.NoAccess, "", "the cluster cannot be reached: %w", cause)
	}
	return problem.New(problem.NoAccess,
		"check the context (kubectl config current-context), the network or VPN, and that the cluster is up",
		"the cluster at %s (context %q) cannot be reached: %w", c.Config.Host, c.Context, cause)
}
