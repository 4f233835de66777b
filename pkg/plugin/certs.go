package plugin

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
)

func newCerts(s *session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "certs",
		Short: "Show the webhook's certificates, or rotate them",
		Long: "Show side by side what must agree: the bundle that the webhook trusts, the\n" +
			"Secret that the injector mounts, and what each of its pods serves.\n\n" +
			"The exit code is 1 if they do not agree.",
		Args: arguments(),
	}
	format := formatFlag(cmd)
	cmd.RunE = s.onCluster(func(ctx context.Context, c *kube.Cluster, _ []string) error {
		places, err := inject.Certificates(ctx, c)
		if err != nil {
			return err
		}
		if err := s.printPlaces(*format, places); err != nil {
			return err
		}
		for _, p := range places {
			if p.Fault != "" {
				s.remark("  next: %s", renewal(places))
				return exitWith{code: ExitFailed}
			}
		}
		return nil
	})
	cmd.AddCommand(newRotate(s))
	return cmd
}

// renewal is what to do about certificates that do not agree: those that were not made here are renewed by
// whoever made them.
func renewal(places []inject.Place) string {
	if slices.ContainsFunc(places, func(p inject.Place) bool { return p.Where == "secret/"+manifest.SecretName }) {
		return "kubectl falcon certs rotate, or install again"
	}
	return "renew the certificate where it comes from, then install again"
}

func (s *session) printPlaces(format term.Format, places []inject.Place) error {
	if format != term.Table {
		return term.Structured(s.Out, format, places)
	}
	names := ""
	for _, p := range places {
		fmt.Fprintln(s.Out, p.Where)
		if p.Fault != "" {
			fmt.Fprintln(s.Out, term.Fold(s.Out, "  wrong: "+p.Fault, "    "))
		}
		for _, c := range p.Certificates {
			what := "certificate"
			if c.CA {
				what = "authority"
			}
			fmt.Fprintf(s.Out, "  %-12s%s\n", what, c.Subject)
			if c.Issuer != c.Subject {
				fmt.Fprintln(s.Out, "              issued by "+c.Issuer)
			}
			fmt.Fprintf(s.Out, "              %d days left, until %s; sha256 %s\n", c.Days, c.Ends.Format(time.DateOnly), c.SHA256)
			// What a pod serves mostly has the names of the Secret's; only other ones are news.
			if all := strings.Join(c.Names, ",\n              "); all != "" && all != names {
				names = all
				fmt.Fprintln(s.Out, "              "+all)
			}
		}
	}
	return nil
}

func newRotate(s *session) *cobra.Command {
	var timeout time.Duration
	validity := days(manifest.Defaults().CertValidity)
	cmd := &cobra.Command{
		Use:   "rotate",
		Short: "Replace the certificate authority and the certificate",
		Long: "Replace the certificate authority and the certificate of it. While the injector\n" +
			"rolls, the webhook trusts the old and the new one, so pods can be created at any\n" +
			"moment. A rotation that was cut short is gone on with.",
		Args: arguments(),
		RunE: s.onCluster(func(ctx context.Context, c *kube.Cluster, _ []string) error {
			s.resumes = true
			p := s.progress()
			defer p.Close()
			if err := inject.Rotate(ctx, c, time.Duration(validity), timeout, reporter(p)); err != nil {
				return err
			}
			s.endProgress()
			s.remark("the certificates are new; the webhook trusts them alone")
			return nil
		}),
	}
	cmd.Flags().Var(&validity, "cert-validity", "how long the new certificates last")
	timeoutFlag(cmd, &timeout, "how long to wait for the injector to have rolled")
	return cmd
}
