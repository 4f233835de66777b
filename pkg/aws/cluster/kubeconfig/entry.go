package kubeconfig

import (
	"encoding/json"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// mark is the extension that our entries carry. Kubernetes leaves extensions to whoever names them.
const mark = "kubectl-falcon"

// marked is what the extension has.
type marked struct {
	// Cluster is the ARN of the EKS cluster that an entry is for.
	Cluster string `json:"cluster"`
}

// Entry is an EKS cluster for a kubeconfig.
type Entry struct {
	Name, Region, ARN string
	// Server is the address of its API server, CA the certificate of that in PEM.
	Server string
	CA     []byte
	// Alias is the context's name; without one it is the ARN, as `aws eks update-kubeconfig` has it.
	Alias string
	// Profile is the AWS profile that tokens are made with, if one was named.
	Profile string
	// Program makes the tokens; UseCLI lets the aws CLI do it instead.
	Program string
	UseCLI  bool
	// Namespace is the context's, if it is to have one.
	Namespace string
}

// Context is the name of the context.
func (e *Entry) Context() string {
	if e.Alias != "" {
		return e.Alias
	}
	return e.ARN
}

// user is the name of the user. Others name theirs by the ARN alone.
func (e *Entry) user() string { return "kubectl-falcon@" + e.ARN }

// Check refuses a cluster that cannot be connected to.
func (e *Entry) Check() error {
	switch {
	case e.Server == "" || len(e.CA) == 0:
		return problem.New(problem.Failed, "wait until it is ACTIVE: kubectl falcon aws cluster check "+e.Name,
			"the cluster %s has no API server yet", e.Name)
	case strings.ContainsAny(e.Alias, " \t\n"):
		return problem.New(problem.BadInput, "choose one without spaces", "--alias: %q cannot be the name of a context", e.Alias)
	}
	return nil
}

// apiVersion is that of the credentials that kubectl 1.24 and newer take
// (kubernetes.io/docs/reference/access-authn-authz/authentication, "client-go credential plugins"), cliVersion the
// one that every aws CLI 2 gives.
const (
	apiVersion = "client.authentication.k8s.io/v1"
	cliVersion = "client.authentication.k8s.io/v1beta1"
)

func (e *Entry) exec() *clientcmdapi.ExecConfig {
	// A profile may ask for a code.
	x := &clientcmdapi.ExecConfig{InteractiveMode: clientcmdapi.IfAvailableExecInteractiveMode}
	if e.UseCLI {
		x.APIVersion, x.Command = cliVersion, "aws"
		x.Args = []string{"--region", e.Region, "eks", "get-token", "--cluster-name", e.Name, "--output", "json"}
		x.InstallHint = "get the aws CLI, or run kubectl falcon aws cluster kubeconfig " + e.Name + " without --use-aws-cli"
		if e.Profile != "" {
			x.Env = []clientcmdapi.ExecEnvVar{{Name: "AWS_PROFILE", Value: e.Profile}}
		}
		return x
	}
	x.APIVersion, x.Command = apiVersion, e.Program
	x.Args = []string{"aws", "cluster", "token", e.Name, "--region", e.Region}
	x.InstallHint = "put kubectl-falcon on the PATH, or run kubectl falcon aws cluster kubeconfig " + e.Name + " again"
	if e.Profile != "" {
		x.Args = append(x.Args, "--profile", e.Profile)
	}
	return x
}

func (e *Entry) extensions() map[string]runtime.Object {
	// There is nothing in it that cannot be written.
	raw, _ := json.Marshal(marked{e.ARN})
	return map[string]runtime.Object{mark: &runtime.Unknown{Raw: raw, ContentType: runtime.ContentTypeJSON}}
}

// ours is the ARN of the cluster that an entry with the mark is for.
func ours(extensions map[string]runtime.Object) (arn string) {
	if unknown, ok := extensions[mark].(*runtime.Unknown); ok {
		var m marked
		if json.Unmarshal(unknown.Raw, &m) == nil {
			return m.Cluster
		}
	}
	return ""
}

// config is the entry alone, as a kubeconfig.
func (e *Entry) config() *clientcmdapi.Config {
	c := clientcmdapi.NewConfig()
	c.Clusters[e.ARN] = &clientcmdapi.Cluster{Server: e.Server, CertificateAuthorityData: e.CA, Extensions: e.extensions()}
	c.AuthInfos[e.user()] = &clientcmdapi.AuthInfo{Exec: e.exec(), Extensions: e.extensions()}
	c.Contexts[e.Context()] = &clientcmdapi.Context{Cluster: e.ARN, AuthInfo: e.user(), Namespace: e.Namespace, Extensions: e.extensions()}
	c.CurrentContext = e.Context()
	return c
}

// taken refuses names that others have in a kubeconfig. An entry of others for the cluster is used as it is if
// it leads to the same server.
func (e *Entry) taken(there *clientcmdapi.Config) error {
	if c := there.Contexts[e.Context()]; c != nil && ours(c.Extensions) != e.ARN {
		next := "choose another name with --alias"
		if c.Cluster == e.ARN {
			next = "use that one (kubectl config use-context " + e.Context() + "), or name ours with --alias"
		}
		return problem.New(problem.BadInput, next, "the kubeconfig has a context %s already, which kubectl falcon did not write", e.Context())
	}
	if c := there.Clusters[e.ARN]; c != nil && ours(c.Extensions) != e.ARN && !e.same(c) {
		return problem.New(problem.BadInput, "if it is of no use any more, remove it: kubectl config delete-cluster "+e.ARN,
			"the kubeconfig has a cluster %s already, which kubectl falcon did not write, with another server: %s", e.ARN, c.Server)
	}
	return nil
}

// same says whether an entry of others leads to the cluster.
func (e *Entry) same(c *clientcmdapi.Cluster) bool {
	return c.Server == e.Server && string(c.CertificateAuthorityData) == string(e.CA)
}
