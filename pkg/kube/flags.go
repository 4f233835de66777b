package kube

import (
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/spf13/pflag"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Flags are kubectl's flags about the kubeconfig and what to take from it, by the names that kubectl has for
// them. The pointers are never nil.
//
// They are made of client-go's own parts. k8s.io/cli-runtime has them ready, but with all of kustomize, which
// is more than a megabyte of this program.
type Flags struct {
	// KubeConfig is the file; Context, ClusterName and Namespace choose in it; APIServer is in place of the
	// cluster's address. Timeout is that of one request.
	KubeConfig, Context, ClusterName, Namespace, APIServer, Timeout *string

	file, cacheDir string
	extra          []string
	overrides      clientcmd.ConfigOverrides

	once   sync.Once
	loader clientcmd.ClientConfig
}

// NewFlags returns the flags as if none were given.
func NewFlags() *Flags {
	f := &Flags{overrides: clientcmd.ConfigOverrides{ClusterDefaults: clientcmd.ClusterDefaults, Timeout: "0"}}
	o := &f.overrides
	f.KubeConfig, f.Context, f.Timeout = &f.file, &o.CurrentContext, &o.Timeout
	f.ClusterName, f.Namespace, f.APIServer = &o.Context.Cluster, &o.Context.Namespace, &o.ClusterInfo.Server
	return f
}

// AddFlags adds them to a command.
func (f *Flags) AddFlags(flags *pflag.FlagSet) {
	names := clientcmd.RecommendedConfigOverrideFlags("")
	names.ClusterOverrideFlags.APIServer.ShortName = "s"
	// Passwords on command lines can be read by others; kubectl has no such flags either.
	names.AuthOverrideFlags.Username, names.AuthOverrideFlags.Password = clientcmd.FlagInfo{}, clientcmd.FlagInfo{}
	clientcmd.BindOverrideFlags(&f.overrides, flags, names)
	flags.StringVar(&f.file, clientcmd.RecommendedConfigPathFlag, "", "Path to the kubeconfig file to use")
	flags.StringArrayVar(&f.extra, "as-user-extra", nil, "User extras to impersonate for the operation, as KEY=VALUE; repeatable")
	flags.StringVar(&f.cacheDir, "cache-dir", "", "Taken as kubectl takes it, but nothing is cached there")
}

// Loader reads the kubeconfig when it is first asked.
func (f *Flags) Loader() clientcmd.ClientConfig {
	f.once.Do(func() {
		rules := clientcmd.NewDefaultClientConfigLoadingRules()
		rules.DefaultClientConfig = &clientcmd.DefaultClientConfig
		rules.ExplicitPath = f.file
		// k9s hands on what KUBECONFIG has, which may be several files.
		if several := filepath.SplitList(f.file); len(several) > 1 && !exists(f.file) {
			rules.ExplicitPath, rules.Precedence = "", several
		}
		for _, one := range f.extra {
			key, value, ok := strings.Cut(one, "=")
			if !ok {
				continue
			}
			if f.overrides.AuthInfo.ImpersonateUserExtra == nil {
				f.overrides.AuthInfo.ImpersonateUserExtra = map[string][]string{}
			}
			all := f.overrides.AuthInfo.ImpersonateUserExtra
			all[key] = append(all[key], value)
		}
		f.loader = clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &f.overrides)
	})
	return f.loader
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

// InContext is the same for another context: without what names a cluster or a user.
func (f *Flags) InContext(name string) *Flags {
	other := NewFlags()
	given, auth := &f.overrides, &f.overrides.AuthInfo
	other.file, other.extra, other.cacheDir = f.file, f.extra, f.cacheDir
	other.overrides.CurrentContext, other.overrides.Timeout = name, given.Timeout
	other.overrides.Context.Namespace = given.Context.Namespace
	other.overrides.AuthInfo = clientcmdapi.AuthInfo{Token: auth.Token, Impersonate: auth.Impersonate,
		ImpersonateUID: auth.ImpersonateUID, ImpersonateGroups: auth.ImpersonateGroups}
	other.overrides.ClusterInfo = clientcmdapi.Cluster{InsecureSkipTLSVerify: given.ClusterInfo.InsecureSkipTLSVerify,
		CertificateAuthority: given.ClusterInfo.CertificateAuthority, DisableCompression: given.ClusterInfo.DisableCompression}
	return other
}
