// Package kube is what every capability needs of Kubernetes: one set of clients per cluster, server-side
// apply, exec into containers, and the reasons for which pods do not run.
//
// It must not know Falcon, cobra or a terminal.
package kube

import (
	"maps"
	"net/http"
	"slices"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube/clientset"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// Cluster is one cluster as the user's kubeconfig and flags name it. All clients share one connection.
type Cluster struct {
	// Client speaks protobuf, which is several times cheaper to read than JSON.
	Client clientset.Interface
	// Dynamic applies rendered objects.
	Dynamic dynamic.Interface
	// Metadata lists objects of any kind by name and labels alone.
	Metadata metadata.Interface
	// Config is needed by exec, which makes a connection of its own for each command.
	Config *rest.Config
	// Namespace is the one that -n or the kubeconfig's context names.
	Namespace string
	// Context is the kubeconfig's context in use, for messages.
	Context string
	// Traffic is what was seen of the requests of all these clients.
	Traffic *Traffic
}

// nowhere is the host that client-go fills in when nothing names a cluster.
const nowhere = "http://localhost:8080"

// Connect builds the clients for the cluster that the flags name; it does not speak to the cluster
// yet. userAgent names the program to the server, warn gets the server's warnings. The error says that
// there is no usable kubeconfig, and how to give one.
func Connect(flags *Flags, userAgent string, warn rest.WarningHandlerWithContext) (*Cluster, error) {
	loader := flags.Loader()
	raw, err := loader.RawConfig()
	if err != nil {
		return nil, configProblem(err)
	}
	c := &Cluster{Context: raw.CurrentContext, Traffic: &Traffic{}}
	if *flags.Context != "" {
		c.Context = *flags.Context
	}
	if c.Context != "" && raw.Contexts[c.Context] == nil {
		next := problem.DidYouMean("--context ", c.Context, slices.Collect(maps.Keys(raw.Contexts)))
		if next == "" {
			next = "kubectl config get-contexts lists the contexts that there are"
		}
		return nil, problem.New(problem.NoAccess, next,
			"the kubeconfig cannot be used: there is no context %q in it", c.Context)
	}
	config, err := loader.ClientConfig()
	if err != nil {
		return nil, configProblem(err)
	}
	if len(raw.Clusters) == 0 && config.Host == nowhere {
		return nil, configProblem(clientcmd.ErrEmptyConfig)
	}
	c.Config = config
	c.Namespace, _, err = loader.Namespace()
	if err != nil {
		return nil, configProblem(err)
	}
	config.UserAgent = userAgent
	config.WarningHandlerWithContext = catching{warn}
	// The server has its own fairness; the client's default of five requests a second only waits.
	config.QPS = -1
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return &observing{next, c.Traffic} })
	config.Wrap(func(next http.RoundTripper) http.RoundTripper { return &retrying{next: next} })
	shared, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, configProblem(err)
	}
	if c.Client, err = clientset.NewForConfigAndClient(config, shared); err != nil {
		return nil, configProblem(err)
	}
	if c.Dynamic, err = dynamic.NewForConfigAndClient(config, shared); err != nil {
		return nil, configProblem(err)
	}
	if c.Metadata, err = metadata.NewForConfigAndClient(config, shared); err != nil {
		return nil, configProblem(err)
	}
	return c, nil
}

func configProblem(err error) error {
	if clientcmd.IsEmptyConfig(err) {
		return problem.New(problem.NoAccess,
			"set KUBECONFIG or --kubeconfig to a file that names your cluster, then choose with --context",
			"there is no kubeconfig, so no cluster to talk to")
	}
	return problem.New(problem.NoAccess, "mend the file, or name another with --kubeconfig or KUBECONFIG",
		"the kubeconfig cannot be used: %w", err)
}
