package plugin

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	// The tests of this package have a function falcon.
	api "github.com/kubectl-falcon/kubectl-falcon/pkg/falcon"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/sensor"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
)

// varRegistry is the host of a server that stands in for the vendor's registry. It holds only together with
// one that stands in for the API: the real password goes to the real registry alone.
const varRegistry = "FALCON_REGISTRY_BASE"

// newSensor is `sensor`: the image, from the vendor to a registry of one's own.
func newSensor(s *session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sensor",
		Short: "Find, download and push the sensor's image; needs no docker",
		Long: "Find the image of the Falcon Container sensor in the vendor's registry, download\n" +
			"it, and push it to a registry of your own. It needs neither docker nor, but for\n" +
			"pull-secret --create, a cluster.",
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newSensorTags(s), newSensorImage(s), newSensorPush(s), newSensorDownload(s), newSensorCID(s), newSensorPullSecret(s))
	return cmd
}

// vendorLogin is the login for the vendor's registry.
func (s *session) vendorLogin(ctx context.Context, from *apiCredentials) (api.RegistryLogin, error) {
	client, err := s.falconClient(ctx, from)
	if err != nil {
		return api.RegistryLogin{}, err
	}
	defer endFalcon(ctx, client)
	return registryOf(ctx, client)
}

// registryOf is the login for the vendor's registry that an API client gets.
func registryOf(ctx context.Context, client *api.Client) (api.RegistryLogin, error) {
	login, err := client.Registry(ctx)
	if host := standInRegistry(); err == nil && host != "" {
		login.Host = host
	}
	return login, err
}

func standInRegistry() string {
	if os.Getenv(varBase) == "" {
		return ""
	}
	return strings.TrimPrefix(os.Getenv(varRegistry), "http://")
}

// isVendors says whether a registry is the vendor's.
func isVendors(host string) bool {
	return api.IsRegistry(host) || host != "" && host == standInRegistry()
}

// tagFlags are what choosing an image can be told.
type tagFlags struct {
	version, platform string
	latest            bool
	from              *apiCredentials
	format            *term.Format
}

func newSensorTags(s *session) *cobra.Command {
	f := tagFlags{}
	cmd := &cobra.Command{
		Use:   "tags",
		Short: "Show the sensor's versions in the vendor's registry",
		Long: "Show the versions of the Falcon Container sensor in the vendor's registry, by\n" +
			"number, the newest last: those in the unified repository, which all regions\n" +
			"share, and those in the one of the customer's region.",
		Args: arguments(),
	}
	cmd.Flags().BoolVar(&f.latest, "latest", false, "only the newest")
	f.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return s.sensorTags(cmd.Context(), &f) }
	return cmd
}

func (f *tagFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.version, "version", "", "only versions that begin so, such as 7.40")
	cmd.Flags().StringVar(&f.platform, "platform", "", "only images for this platform, such as linux/arm64")
	f.from = falconCredentialsFlag(cmd)
	f.format = formatFlag(cmd)
}

func (s *session) sensorTags(ctx context.Context, f *tagFlags) error {
	login, err := s.vendorLogin(ctx, f.from)
	if err != nil {
		return err
	}
	all, err := sensor.Images(ctx, login)
	if err != nil {
		return err
	}
	if f.latest {
		one, err := newest(ctx, login, all, f)
		if err != nil {
			return err
		}
		all = []sensor.Image{one}
	} else if all, err = fitting(ctx, login, all, f); err != nil {
		return err
	}
	if *f.format != term.Table {
		return term.Structured(s.Out, *f.format, map[string]any{"images": all})
	}
	rows := make([][]string, 0, len(all))
	for _, one := range all {
		rows = append(rows, []string{one.Version, one.Repository, strings.Join(one.Platforms, ","), one.Reference})
	}
	return term.Rows(s.Out, []string{"VERSION", "REPOSITORY", "PLATFORMS", "IMAGE"}, rows)
}

// fitting are the images that were asked for, with their platforms.
func fitting(ctx context.Context, login api.RegistryLogin, all []sensor.Image, f *tagFlags) ([]sensor.Image, error) {
	// Without one that fits, it says so.
	if _, err := sensor.Choose(all, f.version, ""); err != nil {
		return nil, err
	}
	kept := []sensor.Image{}
	for n := range all {
		if _, err := sensor.Choose(all[n:n+1], f.version, f.platform); err == nil {
			kept = append(kept, all[n])
		}
	}
	if err := sensor.Look(ctx, login, kept); err != nil {
		return nil, err
	}
	looked := []sensor.Image{}
	for n := range kept {
		if _, err := sensor.Choose(kept[n:n+1], f.version, f.platform); err == nil {
			looked = append(looked, kept[n])
		}
	}
	return looked, nil
}

// newest is the newest image that fits, as far as its platforms say once they are known.
func newest(ctx context.Context, login api.RegistryLogin, all []sensor.Image, f *tagFlags) (sensor.Image, error) {
	for {
		one, err := sensor.Choose(all, f.version, f.platform)
		if err != nil {
			return one, err
		}
		looked := []sensor.Image{one}
		if err := sensor.Look(ctx, login, looked); err != nil {
			return one, err
		}
		if _, err := sensor.Choose(looked, f.version, f.platform); err == nil {
			return looked[0], nil
		}
		for n := range all {
			if all[n].Reference == one.Reference {
				all[n] = looked[0]
			}
		}
	}
}

func newSensorImage(s *session) *cobra.Command {
	f := tagFlags{}
	cmd := &cobra.Command{
		Use:   "image",
		Short: "Print the newest image in the vendor's registry, with its digest",
		Long: "Print the newest image of the Falcon Container sensor in the vendor's registry\n" +
			"by its tag and its digest, as install and sensor push take it.",
		Args: arguments(),
	}
	f.add(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		login, err := s.vendorLogin(cmd.Context(), f.from)
		if err != nil {
			return err
		}
		all, err := sensor.Images(cmd.Context(), login)
		if err != nil {
			return err
		}
		one, err := newest(cmd.Context(), login, all, &f)
		if err != nil {
			return err
		}
		if *f.format != term.Table {
			return term.Structured(s.Out, *f.format, one)
		}
		_, err = fmt.Fprintln(s.Out, one.Pinned())
		return err
	}
	return cmd
}

func newSensorCID(s *session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cid",
		Short: "Print the customer id with its checksum, as install takes it",
		Args:  arguments(),
	}
	from := falconCredentialsFlag(cmd)
	format := formatFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		client, err := s.falconClient(cmd.Context(), from)
		if err != nil {
			return err
		}
		defer endFalcon(cmd.Context(), client)
		cid, err := client.CID(cmd.Context())
		if err != nil {
			return err
		}
		if *format != term.Table {
			return term.Structured(s.Out, *format, map[string]string{"cid": cid})
		}
		_, err = fmt.Fprintln(s.Out, cid)
		return err
	}
	return cmd
}
