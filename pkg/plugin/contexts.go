package plugin

import "k8s.io/cli-runtime/pkg/genericclioptions"

// userAgent names this program to API servers.
func userAgent() string { return "kubectl-falcon/" + version().Version }

// inContext is kubectl's flags as they were given, but for another context.
func inContext(given *genericclioptions.ConfigFlags, name string) *genericclioptions.ConfigFlags {
	f := genericclioptions.NewConfigFlags(true)
	f.KubeConfig, f.Timeout, f.Namespace = given.KubeConfig, given.Timeout, given.Namespace
	f.Impersonate, f.ImpersonateUID, f.ImpersonateGroup = given.Impersonate, given.ImpersonateUID, given.ImpersonateGroup
	f.Insecure, f.CAFile, f.BearerToken, f.DisableCompression = given.Insecure, given.CAFile, given.BearerToken, given.DisableCompression
	f.Context = &name
	return f
}
