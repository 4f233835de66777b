package plugin

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/spf13/cobra"

	// The tests of this package have a function falcon.
	api "github.com/kubectl-falcon/kubectl-falcon/pkg/falcon"
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
			"an OCI layout, plain or compressed with gzip, bzip2, xz or zstd; an image in a\n" +
			"registry; or falcon-api:VERSION, the tarball that the Falcon API gives, with\n" +
			"falcon-api:latest the newest. Of an image for several platforms all go, or the\n" +
			"one of --platform.\n\n" +
			"It logs in with what docker login or a credential helper has kept, to the\n" +
			"vendor's registry with the Falcon API client, and to ECR with AWS credentials.\n" +
			"A tarball of the Falcon API is kept no longer than the push takes.\n" +
			"What is there already is not sent again, and the tag is written last.",
		Args: arguments("SOURCE", "DEST"),
	}
	cmd.Flags().StringVar(&o.Platform, "platform", "", "only the image for this platform, such as linux/amd64")
	cmd.Flags().BoolVar(&o.AnyImage, "any-image", false, "also an image that is not the container sensor's")
	profile := cmd.Flags().String("profile", "", "the `NAME` of a profile in AWS's configuration, for ECR")
	from := falconCredentialsFlag(cmd)
	format := formatFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		// What the Falcon API gives on the way is not kept.
		_, anew := sensor.APISource(args[0])
		s.resumes = !anew
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

// fromVendor says whether a source is the vendor's, which opens it to a client of the Falcon API.
func fromVendor(source string) bool {
	if _, is := sensor.APISource(source); is {
		return true
	}
	ref, err := name.ParseReference(source)
	return err == nil && isVendors(ref.Context().RegistryStr())
}

// openSource puts what opens a source into the options: the Falcon API itself or the vendor's registry with its
// client, which may be nil, and ECR with AWS credentials. What it returns is nil where that is not ECR.
func (s *session) openSource(ctx context.Context, source string, client *api.Client, profile string, o *sensor.Options) (*ecrAccess, error) {
	if _, is := sensor.APISource(source); is {
		if client != nil {
			o.Tarballs = client
		}
		return nil, nil
	}
	if fromVendor(source) && client != nil {
		login, err := registryOf(ctx, client)
		o.From = sensor.VendorKeychain(login)
		return nil, err
	}
	from, err := s.ecrAccess(ctx, source, profile)
	if from != nil {
		o.From = from.keys
	}
	return from, err
}

// push logs in to where the image comes from and where it goes, and pushes.
func (s *session) push(ctx context.Context, source, dest string, o sensor.Options, logins pushLogins) (sensor.Result, error) {
	var client *api.Client
	if _, must := sensor.APISource(source); must || fromVendor(source) && !logins.falcon.absent() {
		var err error
		if client, err = s.falconClient(ctx, logins.falcon); err != nil {
			return sensor.Result{}, err
		}
		defer endFalcon(ctx, client)
	}
	from, err := s.openSource(ctx, source, client, logins.profile, &o)
	if err != nil {
		return sensor.Result{}, err
	}
	to, err := s.ecrAccess(ctx, dest, logins.profile)
	if err != nil {
		return sensor.Result{}, err
	}
	if to != nil {
		o.To, o.Strict = to.keys, to.without == nil
	}
	result, err := sendImage(ctx, source, dest, o)
	return result, pushAdvice(err, from, to)
}

// pushMemory is above what a push needs, in bytes, so that the collector finds enough each time.
const pushMemory = 40 << 20

// sendImage is sensor.Push in little memory: without a limit the collector lets as much garbage gather as is in use. Who
// sets GOMEMLIMIT has another.
func sendImage(ctx context.Context, source, dest string, o sensor.Options) (sensor.Result, error) {
	if before := debug.SetMemoryLimit(-1); before == math.MaxInt64 {
		debug.SetMemoryLimit(pushMemory)
		defer debug.SetMemoryLimit(before)
	}
	return sensor.Push(ctx, source, dest, o)
}

func (s *session) sensorPush(ctx context.Context, source, dest string, o sensor.Options, logins pushLogins, format term.Format) error {
	if err := logins.falcon.check(); err != nil {
		return err
	}
	o.Agent = userAgent()
	shown := s.transfers()
	o.Report = func(e sensor.Event) {
		switch e.State {
		case sensor.Downloading, sensor.Packing, sensor.Sending:
			shown.at(filepath.Base(e.Blob), string(e.State), e.Done, e.Total)
		case sensor.Sent, sensor.Present, sensor.Fetched:
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
