package plugin

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/ecr"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
)

func newECRImages(s *session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "images NAME",
		Short: "Show the images in a repository, the newest first",
		Long:  "Show the images in the repository NAME, the newest first, with what the scan\nfound if there was one. -o json has each by its full reference.",
		Args:  arguments("NAME"),
	}
	f := awsFlagsOf(cmd, "ecr images")
	format := formatFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return s.ecrImages(cmd.Context(), f, *format, args[0])
	}
	return cmd
}

func (s *session) ecrImages(ctx context.Context, f *awsFlags, format term.Format, name string) error {
	if err := ecr.CheckName(name); err != nil {
		return err
	}
	_, client, err := s.ecrClient(ctx, f)
	if err != nil {
		return err
	}
	all, err := client.Images(ctx, name)
	if err != nil {
		return err
	}
	if format != term.Table {
		return term.Structured(s.Out, format, map[string]any{"images": all})
	}
	if len(all) == 0 {
		s.remark("the repository %s is empty", name)
		return nil
	}
	rows := make([][]string, 0, len(all))
	for _, one := range all {
		tags := strings.Join(one.Tags, ",")
		if tags == "" {
			tags = "-"
		}
		rows = append(rows, []string{tags, one.Digest, size(one.Size), one.Pushed.Format(time.RFC3339), findings(one.Findings)})
	}
	return term.Rows(s.Out, []string{"TAGS", "DIGEST", "SIZE", "PUSHED", "SCAN"}, rows)
}

// severities are ECR's, the worst first.
var severities = []string{"CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL", "UNDEFINED"}

// findings is what a scan found, in a few words.
func findings(by map[string]int32) string {
	if by == nil {
		return "-"
	}
	var parts []string
	for _, severity := range append(severities, slices.Sorted(maps.Keys(by))...) {
		word := strings.ToLower(severity)
		if n := by[severity]; n > 0 && !slices.ContainsFunc(parts, func(p string) bool { return strings.HasSuffix(p, " "+word) }) {
			parts = append(parts, fmt.Sprintf("%d %s", n, word))
		}
	}
	if len(parts) == 0 {
		return "clean"
	}
	return strings.Join(parts, ", ")
}

func newECRDeleteImage(s *session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "delete-image NAME TAG|DIGEST",
		Short: "Delete an image, or take a tag away from it",
		Long: "Delete the image with this tag or digest from the repository NAME. By a digest\n" +
			"it goes with all its tags; by one of several tags only that tag goes. It asks\n" +
			"before. Pods that run keep running, and new ones cannot pull it.",
		Args: arguments("NAME", "TAG|DIGEST"),
	}
	f := ecrFlagsOf(cmd, "ecr delete-image", true)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return s.ecrDeleteImage(cmd.Context(), f, args[0], args[1])
	}
	return cmd
}

func (s *session) ecrDeleteImage(ctx context.Context, f *ecrFlags, name, image string) error {
	if err := ecr.CheckImage(name, image); err != nil {
		return err
	}
	_, client, err := s.ecrClient(ctx, f.awsFlags)
	if err != nil {
		return err
	}
	defer s.endProgress()
	d, err := client.PlanImage(ctx, name, image)
	if err != nil {
		return err
	}
	d.DryRun = f.dry()
	switch {
	case d.Image == nil:
		s.remark("the repository %s has no image %s: there is nothing to delete", name, image)
	case f.dry():
	default:
		if err := s.agreeToDelete(ctx, f, d.What()); err != nil {
			return err
		}
		if err := client.DeleteImage(ctx, d); err != nil {
			return err
		}
	}
	s.endProgress()
	switch {
	case *f.format != term.Table:
		return term.Structured(s.Out, *f.format, d)
	case f.dry():
		return s.printSteps(d.Steps)
	}
	return nil
}

func newECRDelete(s *session) *cobra.Command {
	force := false
	cmd := &cobra.Command{
		Use:   "delete NAME",
		Short: "Delete a repository",
		Long: "Delete the repository NAME. It must be one that kubectl falcon made, and be\n" +
			"empty, unless --force is given. It asks before.",
		Args: arguments("NAME"),
	}
	cmd.Flags().BoolVar(&force, "force", false, "also with the images in it, and also if somebody else\nmade it")
	f := ecrFlagsOf(cmd, "ecr delete", true)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return s.ecrDelete(cmd.Context(), f, args[0], force)
	}
	return cmd
}

func (s *session) ecrDelete(ctx context.Context, f *ecrFlags, name string, force bool) error {
	if err := ecr.CheckName(name); err != nil {
		return err
	}
	_, client, err := s.ecrClient(ctx, f.awsFlags)
	if err != nil {
		return err
	}
	defer s.endProgress()
	r, err := client.PlanRemoval(ctx, name, force)
	if err != nil {
		return err
	}
	r.DryRun = f.dry()
	switch {
	case r.Repository == nil:
		s.remark("there is no repository %s: there is nothing to delete", name)
	case f.dry():
	default:
		if err := s.agreeToDelete(ctx, f, r.What()); err != nil {
			return err
		}
		s.resumes = true
		if err := client.Remove(ctx, r); err != nil {
			return err
		}
	}
	s.endProgress()
	switch {
	case *f.format != term.Table:
		return term.Structured(s.Out, *f.format, r)
	case f.dry():
		return s.printSteps(r.Steps)
	}
	return nil
}
