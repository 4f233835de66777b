package plugin

import (
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/spf13/cobra"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/cluster"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/cluster/kubeconfig"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
)

// program is the file name of this program, by which kubectl finds it on the PATH.
const program = "kubectl-falcon"

// varExecInfo is where kubectl says what it wants of a credential plugin
// (kubernetes.io/docs/reference/access-authn-authz/authentication, "client-go credential plugins").
const varExecInfo = "KUBERNETES_EXEC_INFO"

// entryFlags are those for an entry of the kubeconfig.
type entryFlags struct {
	alias               string
	setCurrent, withCLI bool
}

func (e *entryFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&e.alias, "alias", "", "the `NAME` of the context (default: the cluster's ARN)")
	cmd.Flags().BoolVar(&e.setCurrent, "set-current", true, "make it the current context")
	cmd.Flags().BoolVar(&e.withCLI, "use-aws-cli", false, "have kubectl get its tokens from the aws CLI")
}

func (e *entryFlags) how(dryRun bool) kubeconfig.How {
	return kubeconfig.How{Current: e.setCurrent, DryRun: dryRun}
}

// entry is a cluster for the kubeconfig.
func (e *entryFlags) entry(s *session, f *eksFlags, region string, c *types.Cluster) kubeconfig.Entry {
	made := kubeconfig.Entry{Name: sdk.ToString(c.Name), Region: region, ARN: sdk.ToString(c.Arn), Server: sdk.ToString(c.Endpoint),
		Alias: e.alias, Profile: f.profile, UseCLI: e.withCLI, Program: ownProgram(), Namespace: *s.flags.Namespace, CA: authority(c)}
	return made
}

// authority is the certificate of a cluster's authority in PEM.
func authority(c *types.Cluster) []byte {
	if c.CertificateAuthority == nil {
		return nil
	}
	pem, err := base64.StdEncoding.DecodeString(sdk.ToString(c.CertificateAuthority.Data))
	if err != nil {
		return nil
	}
	return pem
}

// ownProgram is how kubectl is to call this program: by its name if that leads here, else by its file.
func ownProgram() string {
	if _, err := exec.LookPath(program); err == nil {
		return program
	}
	if file, err := os.Executable(); err == nil {
		return file
	}
	return program
}

// kubeconfigs are the user's files.
func (s *session) kubeconfigs() kubeconfig.Files {
	return s.flags.Loader().ConfigAccess().GetLoadingPrecedence()
}

func newClusterKubeconfig(s *session) *cobra.Command {
	e := entryFlags{}
	only := false
	cmd := &cobra.Command{
		Use:   "kubeconfig NAME",
		Short: "Write an EKS cluster into the kubeconfig; needs no aws CLI",
		Long: "Write an EKS cluster into the kubeconfig (--kubeconfig, KUBECONFIG or\n" +
			"~/.kube/config), beside what is there: names that others wrote are never taken.\n" +
			"kubectl then gets its tokens from kubectl falcon aws cluster token, or with\n" +
			"--use-aws-cli from the aws CLI.",
		Args: oneCluster(false),
	}
	cmd.Flags().BoolVar(&only, "print", false, "print a kubeconfig with this cluster alone, and write none")
	e.add(cmd)
	f := clusterFlagsOf(cmd, "cluster kubeconfig")
	cmd.Flags().Var(text[string]{to: &f.dryRun, words: []string{dryRunNone, dryRunClient}}, "dry-run", "only say what would be written")
	cmd.Flags().Lookup("dry-run").NoOptDefVal = dryRunClient
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		f.cluster = args[0]
		account, _, err := s.eksSession(cmd.Context(), f)
		if err != nil {
			return err
		}
		where := cluster.Account{EKS: account.EKS(), Region: account.Region, Explain: account.Explain}
		there, err := where.Existing(cmd.Context(), f.cluster)
		if err != nil {
			return err
		}
		entry := e.entry(s, f, account.Region, there)
		if only {
			return s.printEntry(entry)
		}
		if *f.format == term.Table {
			return s.putEntry(entry, e.how(f.dry()))
		}
		written, err := s.kubeconfigs().Put(entry, e.how(f.dry()))
		if err != nil {
			return err
		}
		return term.Structured(s.Out, *f.format, written)
	}
	return cmd
}

func (s *session) printEntry(e kubeconfig.Entry) error {
	text, err := kubeconfig.Alone(e)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.Out, "%s\n", text)
	return err
}

// putEntry writes an entry and says so.
func (s *session) putEntry(e kubeconfig.Entry, how kubeconfig.How) error {
	w, err := s.kubeconfigs().Put(e, how)
	if err != nil {
		return err
	}
	change := w.Change
	if how.DryRun {
		change += " (dry run)"
	}
	s.remark("context %s in %s: %s", w.Context, w.File, change)
	switch {
	case w.Current && w.Before != "":
		s.remark("it is the current context now; it was %s", w.Before)
	case !w.Current:
		s.remark("the current context is as it was\n  next: kubectl config use-context %s", w.Context)
	}
	return nil
}

func newClusterToken(s *session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "token NAME",
		Short: "Print a token for kubectl, which calls this by the kubeconfig",
		Long: "Print a token with which kubectl gets into an EKS cluster for fourteen minutes,\n" +
			"as kubectl wants it from a credential plugin. aws cluster kubeconfig has kubectl\n" +
			"call this. It asks AWS nothing but, where there is need, for credentials.",
		Args: oneCluster(false),
	}
	f := awsFlagsOf(cmd, "cluster token")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		account, err := s.awsSession(cmd.Context(), f)
		if err != nil {
			return err
		}
		token, err := kubeconfig.NewToken(cmd.Context(), account.Config.Credentials, account.Region, args[0], time.Now())
		if err != nil {
			return account.Explain(cmd.Context(), "make a token", err)
		}
		text, err := token.ExecCredential(os.Getenv(varExecInfo))
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(s.Out, "%s\n", text)
		return err
	}
	return cmd
}
