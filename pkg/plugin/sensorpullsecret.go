package plugin

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/sensor"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
)

// pullSecretFlags are what pull-secret can be told.
type pullSecretFlags struct {
	name   string
	in     []string
	create bool
	from   *apiCredentials
	format *term.Format
}

func newSensorPullSecret(s *session) *cobra.Command {
	f := pullSecretFlags{}
	cmd := &cobra.Command{
		Use:   "pull-secret",
		Short: "Make the pull secret for the vendor's registry",
		Long: "Print the pull secret with which pods pull the sensor's image from the vendor's\n" +
			"registry, with the password of that registry in it, or create it in the cluster.\n" +
			"The namespace is the injector's unless --namespaces or -n says otherwise;\n" +
			"install --pull-secret copies it from there to where it is needed.",
		Args: arguments(),
	}
	cmd.Flags().StringVar(&f.name, "name", manifest.DefaultPullSecret, "the secret's `NAME`")
	cmd.Flags().StringSliceVar(&f.in, "namespaces", nil, "the `NAMESPACE`s, with commas between them")
	cmd.Flags().BoolVar(&f.create, "create", false, "create it in the cluster, or bring it up to date, and print\nno password")
	f.from = falconCredentialsFlag(cmd)
	f.format = formatFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return s.sensorPullSecret(cmd.Context(), &f) }
	return cmd
}

func (s *session) sensorPullSecret(ctx context.Context, f *pullSecretFlags) error {
	in := f.in
	if len(in) == 0 && *s.flags.Namespace != "" {
		in = []string{*s.flags.Namespace}
	}
	if len(in) == 0 {
		in = []string{manifest.Namespace}
	}
	login, err := s.vendorLogin(ctx, f.from)
	if err != nil {
		return err
	}
	config, err := sensor.DockerConfig(login)
	if err != nil {
		return err
	}
	var objects []kube.Object
	for _, namespace := range in {
		objects = append(objects, manifest.PullSecret(manifest.Options{PullSecret: f.name, PullSecretConfig: config}, strings.TrimSpace(namespace)))
	}
	if !f.create {
		return printObjects(s.Out, *f.format, objects)
	}
	c, err := s.cluster()
	if err != nil {
		return err
	}
	return s.createPullSecrets(ctx, c, *f.format, objects)
}

// createPullSecrets looks at what is there before it changes anything.
func (s *session) createPullSecrets(ctx context.Context, c *kube.Cluster, format term.Format, objects []kube.Object) error {
	before := make([]kube.Known, len(objects))
	for n, o := range objects {
		known, err := c.Know(ctx, o)
		if err != nil {
			return err
		}
		if known.Object != nil && !inject.Ours(known.Object) {
			return problem.New(problem.BadInput, "choose another name with --name, or delete that one",
				"%s in namespace %s was not made by kubectl falcon", kube.Describe(o), o.GetNamespace())
		}
		before[n] = known
	}
	type made struct {
		Namespace string      `json:"namespace"`
		Name      string      `json:"name"`
		Change    kube.Change `json:"change"`
	}
	var all []made
	for n, o := range objects {
		done, err := c.ApplyWith(ctx, o, kube.ApplyOptions{Before: &before[n]})
		if apierrors.IsNotFound(err) {
			return problem.New(problem.BadInput, "kubectl create namespace "+o.GetNamespace()+", or install the injector first",
				"there is no namespace %s for %s", o.GetNamespace(), kube.Describe(o))
		}
		if err != nil {
			return err
		}
		all = append(all, made{o.GetNamespace(), o.GetName(), done.Change})
		if format == term.Table {
			fmt.Fprintf(s.Out, "%s %s in namespace %s\n", kube.Describe(o), done.Change, o.GetNamespace())
		}
	}
	if format == term.Table {
		return nil
	}
	return term.Structured(s.Out, format, map[string]any{"secrets": all})
}
