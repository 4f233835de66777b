package plugin

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/bundle"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify"
)

// newBundle is `bundle`.
func newBundle(s *session) *cobra.Command {
	var list bool
	var file string
	var parts verify.Parts
	var cloud cloudFlags
	cmd := &cobra.Command{
		Use:   "bundle",
		Short: "Pack what support needs to judge this cluster, without a secret",
		Long: "Pack what is needed to judge this cluster from elsewhere: objects, events and\n" +
			"logs of the injector, versions, and all pods in short. No Secret, no value of an\n" +
			"environment variable, no token and no customer id is in it.\n\n" +
			"kubectl falcon verify --from FILE judges it.",
		Args: arguments(),
	}
	cmd.Flags().BoolVar(&list, "list", false, "only show what would be in it")
	cmd.Flags().StringVarP(&file, "file", "f", "", "write it to this `FILE`; by default one named after the cluster and the time")
	cmd.Flags().BoolVar(&parts.Deep, "deep", false, "also try each image in use, and what each injector pod serves")
	cloud.add(cmd, &parts.AWS)
	cmd.PreRunE = func(cmd *cobra.Command, _ []string) error { return cloud.check(cmd, parts.AWS, false, false) }
	cmd.RunE = s.onCluster(func(ctx context.Context, c *kube.Cluster, _ []string) error {
		parts.Canary, parts.Leftovers = true, true
		snapshot, err := verify.Collect(ctx, c, verify.Ask{Client: version().Version, Parts: parts, AWS: cloud.look(s.clusterPlace())})
		if err != nil {
			return err
		}
		files, err := bundle.Collect(ctx, c, snapshot, list)
		if err != nil {
			return err
		}
		if list {
			rows := make([][]string, 0, len(files))
			for _, f := range files {
				rows = append(rows, []string{f.Name, f.What})
			}
			return term.Rows(s.Out, []string{"FILE", "WHAT"}, rows)
		}
		if file == "" {
			file = "falcon-bundle-" + snapshot.Taken.Format("20060102-150405") + ".tar.gz"
		}
		if err := writeBundle(file, files, snapshot.Taken); err != nil {
			return problem.New(problem.Failed, "name another place with -f", "write the bundle: %w", err)
		}
		fmt.Fprintln(s.Out, file)
		s.remark("no secret is in it, but names of namespaces, pods and images are; look before you send it: tar tzf %s", asTyped(file))
		return nil
	})
	return cmd
}

// writeBundle writes by rename, so that there is never half a bundle, and for nobody else's eyes.
func writeBundle(path string, files []bundle.File, taken time.Time) (err error) {
	temp, err := os.CreateTemp(filepath.Dir(path), ".falcon-bundle-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(temp.Name())
		}
	}()
	if err := errors.Join(bundle.Write(temp, files, taken), temp.Sync(), temp.Close()); err != nil {
		return err
	}
	return os.Rename(temp.Name(), path)
}
