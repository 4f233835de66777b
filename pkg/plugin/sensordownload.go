package plugin

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/sensor"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
)

func newSensorDownload(s *session) *cobra.Command {
	o := sensor.DownloadOptions{}
	cmd := &cobra.Command{
		Use:   "download",
		Short: "Download the tarball of the sensor's image by the Falcon API",
		Long: "Download a tarball with the image of the Falcon Container sensor by the Falcon\n" +
			"API, check it against the checksum there, and print the name of the file. What\n" +
			"was stopped goes on from where it was.\n\n" +
			"Not every subscription has tarballs, and they may lag behind the registry, which\n" +
			"sensor tags shows.",
		Args: arguments(),
	}
	cmd.Flags().StringVar(&o.Version, "version", "", "the newest version that begins so, such as 7.40")
	cmd.Flags().StringVar(&o.To, "to", "", "the folder or the `FILE` to write to (default: this folder)")
	from := falconCredentialsFlag(cmd)
	format := formatFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		s.resumes = true
		return s.sensorDownload(cmd.Context(), o, from, *format)
	}
	return cmd
}

func (s *session) sensorDownload(ctx context.Context, o sensor.DownloadOptions, from *apiCredentials, format term.Format) error {
	client, err := s.falconClient(ctx, from)
	if err != nil {
		return err
	}
	defer endFalcon(ctx, client)
	shown := s.transfers()
	o.Report = func(done, total int64) { shown.at("tarball", "downloading", done, total) }
	got, err := sensor.Download(ctx, client, o)
	s.endProgress()
	if err != nil {
		return err
	}
	said := "downloaded"
	if got.AlreadyThere {
		said = "is there already"
	}
	s.remark("%s %s: version %s, %s, checksum as in the Falcon API", filepath.Base(got.File), said, got.Version, size(got.Size))
	if format != term.Table {
		return term.Structured(s.Out, format, got)
	}
	_, err = fmt.Fprintln(s.Out, got.File)
	return err
}
