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
			"It logs in with what docker login or a credential helper has kept, to the\n" +
			"vendor's registry with the Falcon API client, and to ECR with AWS credentials.\n" +
			"What is there already is not sent again, and the tag is written last.",
		Example: "  kubectl falcon sensor push falcon-sensor.tar.bz2 registry.example.com/sensor:7\n" +
			"  kubectl falcon sensor push \"$(kubectl falcon sensor image)\" \\\n" +
			"      registry.example.com/falcon-sensor:7.40",
		Args: arguments("SOURCE", "DEST"),
	}
	cmd.Flags().StringVar(&o.Platform, "platform", "", "only the image for this platform, such as linux/amd64")
	cmd.Flags().BoolVar(&o.AnyImage, "any-image", false, "also an image that is not the container sensor's")
	profile := cmd.Flags().String("profile", "", "the `NAME` of a profile in AWS's configuration, for ECR")
	from := falconCredentialsFlag(cmd)
	format := formatFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		s.resumes = true
		return s.sensorPush(cmd.Context(), args[0], args[1], o, pushLogins{from, *profile}, *format)
	}
	return cmd
}

// pushLogins say where the logins come from that docker's configuration does not have.
type pushLogins struct {
	falcon *apiCredentials
	// profile is one of AWS's configuration.
	profile string
}

// push logs in to both registries and pushes.
func (s *session) push(ctx context.Context, source, dest string, o sensor.Options, logins pushLogins) (sensor.Result, error) {
	from, err := s.ecrAccess(ctx, source, logins.profile)
	if err != nil {
		return sensor.Result{}, err
	}
	to, err := s.ecrAccess(ctx, dest, logins.profile)
	if err != nil {
		return sensor.Result{}, err
	}
	if from != nil {
		o.From = from.keys
	}
	if to != nil {
		o.To, o.Strict = to.keys, to.without == nil
	}
	result, err := sensor.Push(ctx, source, dest, o)
	return result, pushAdvice(err, from, to)
}

func (s *session) sensorPush(ctx context.Context, source, dest string, o sensor.Options, logins pushLogins, format term.Format) error {
	from := logins.falcon
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
	result, err := s.push(ctx, source, dest, o, logins)
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
