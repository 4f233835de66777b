package plugin

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/spf13/cobra"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/sensor"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
)

func newSensorPush(s *session) *cobra.Command {
	o := sensor.Options{}
	cmd := &cobra.Command{
		Use:   "push SOURCE DEST",
		Short: "Push the sensor's image to a registry, and print its digest",
		Long: "Push the image of the Falcon Container sensor to DEST, a repository with or\n" +
			"without a tag, and print it by its digest. SOURCE is a tarball of docker save or\n" +
			"an OCI layout, plain or compressed with gzip, bzip2, xz or zstd, or an image in\n" +
			"a registry; of one for several platforms all go, or the one of --platform.\n\n" +
			"It logs in with what docker login or a credential helper has kept, and to the\n" +
			"vendor's registry with the Falcon API client. What is there already is not sent\n" +
			"again, and the tag is written last.",
		Example: "  kubectl falcon sensor push falcon-sensor.tar.bz2 registry.example.com/sensor:7\n" +
			"  kubectl falcon sensor push \"$(kubectl falcon sensor image)\" \\\n" +
			"      registry.example.com/falcon-sensor:7.40",
		Args: arguments("SOURCE", "DEST"),
	}
	cmd.Flags().StringVar(&o.Platform, "platform", "", "only the image for this platform, such as linux/amd64")
	cmd.Flags().BoolVar(&o.AnyImage, "any-image", false, "also an image that is not the container sensor's")
	from := falconCredentialsFlag(cmd)
	format := formatFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		s.resumes = true
		return s.sensorPush(cmd.Context(), args[0], args[1], o, from, *format)
	}
	return cmd
}

func (s *session) sensorPush(ctx context.Context, source, dest string, o sensor.Options, from *apiCredentials, format term.Format) error {
	if err := from.check(); err != nil {
		return err
	}
	o.Agent = userAgent()
	if ref, err := name.ParseReference(source); err == nil && isVendors(ref.Context().RegistryStr()) && !from.absent() {
		login, err := s.vendorLogin(ctx, from)
		if err != nil {
			return err
		}
		o.From = sensor.VendorKeychain(login)
	}
	shown := s.transfers()
	o.Report = func(e sensor.Event) {
		switch e.State {
		case sensor.Packing, sensor.Sending:
			shown.at(filepath.Base(e.Blob), string(e.State), e.Done, e.Total)
		case sensor.Sent, sensor.Present:
			shown.ended(e.Blob, string(e.State)+", "+size(e.Total))
		}
	}
	result, err := sensor.Push(ctx, source, dest, o)
	s.endProgress()
	if err != nil {
		return err
	}
	s.sayPushed(&result)
	if format != term.Table {
		return term.Structured(s.Out, format, result)
	}
	_, err = fmt.Fprintln(s.Out, result.Reference)
	return err
}

func (s *session) sayPushed(r *sensor.Result) {
	platforms := ""
	if len(r.Platforms) > 0 {
		platforms = " (" + strings.Join(r.Platforms, ", ") + ")"
	}
	if r.AlreadyThere {
		s.remark("%s has this image already%s", r.Tag, platforms)
		return
	}
	s.remark("pushed %s%s: %s sent, %s were there", r.Tag, platforms, size(r.Sent), size(r.Present))
	if r.Replaced != "" {
		s.remark("the tag was %s before", r.Replaced)
	}
}
