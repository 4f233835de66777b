package sensor

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"golang.org/x/sync/errgroup"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/falcon"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// unified is the repository of the images from 7.33 on, for customers of all regions; regional is where a
// region's are, with the region in it (gofalcon, falcon-scripts).
const (
	unified       = "falcon-container/release/falcon-container"
	regionalStart = "falcon-container/"
	regionalEnd   = "/release/falcon-sensor"
)

// Image is a version of the container sensor in the vendor's registry.
type Image struct {
	// Version is the tag's numbers, such as 7.40.0-1234.
	Version string `json:"version"`
	// Reference is the image by its tag.
	Reference string `json:"reference"`
	// Repository is unified or regional.
	Repository string `json:"repository"`
	// Platforms are those that the image is for, if they are known.
	Platforms []string `json:"platforms,omitempty"`
	// Digest is known once it was asked for.
	Digest string `json:"digest,omitempty"`

	numbers []int
	ref     name.Tag
}

// VendorKeychain has the login for the vendor's registry, and for others what docker's configuration has.
func VendorKeychain(login falcon.RegistryLogin) authn.Keychain {
	return LoginKeychain(Login{login.Host, login.User, login.Password}, authn.DefaultKeychain)
}

// DockerConfig is the login as a docker config, which is what a pull secret has.
func DockerConfig(login falcon.RegistryLogin) ([]byte, error) {
	entry := authn.AuthConfig{Username: login.User, Password: login.Password}
	return json.Marshal(map[string]any{"auths": map[string]any{login.Host: entry}})
}

// Images returns the versions of the container sensor in the vendor's registry, the oldest first. The
// platforms of those whose tag does not say are not known yet: see Look.
func Images(ctx context.Context, login falcon.RegistryLogin) ([]Image, error) {
	var all []Image
	var missing error
	for kind, path := range map[string]string{"unified": unified, "regional": regionalStart + login.Region + regionalEnd} {
		repository, err := name.NewRepository(login.Host + "/" + path)
		if err != nil {
			return nil, err
		}
		tags, err := remote.List(repository, vendorOptions(ctx, login)...)
		if answer, ok := errors.AsType[*transport.Error](err); ok && answer.StatusCode == http.StatusNotFound {
			// Customers have one or both.
			missing = err
			continue
		}
		if err != nil {
			return nil, vendorRefused(ctx, repository, err)
		}
		for _, tag := range tags {
			if one, ok := imageOf(repository.Tag(tag), kind); ok {
				all = append(all, one)
			}
		}
	}
	if len(all) == 0 {
		return nil, problem.New(problem.Failed, "check that the subscription has the container sensor", "the vendor's registry has no image of it: %v", missing)
	}
	slices.SortFunc(all, byVersion)
	return all, nil
}

func vendorOptions(ctx context.Context, login falcon.RegistryLogin) []remote.Option {
	return []remote.Option{remote.WithContext(ctx), remote.WithAuthFromKeychain(VendorKeychain(login))}
}

func vendorRefused(ctx context.Context, repository name.Repository, err error) error {
	if answer, ok := errors.AsType[*transport.Error](err); ok && answer.StatusCode == http.StatusUnauthorized {
		return problem.New(problem.NoAccess, "check the scopes of the API client (Falcon Images Download: Read, Sensor Download: Read)",
			"the vendor's registry does not let this customer read %s: %w", repository.RepositoryStr(), plain(err))
	}
	return refused(ctx, repository.Tag("*"), "list", err)
}

// versionForm is how the tags begin that are versions. Others are digests' tags and the vendor's own.
var versionForm = regexp.MustCompile(`^\d+\.\d+\.\d+(-\d+)?`)

// imageOf understands a tag by the rules of the vendor's scripts. One that is for a platform alone and stands
// beside one for all is left out.
func imageOf(ref name.Tag, kind string) (Image, bool) {
	tag := ref.TagStr()
	version := versionForm.FindString(tag)
	if version == "" || strings.Contains(tag, "sha256") || strings.HasSuffix(tag, "arm64") || strings.HasSuffix(tag, "amd64") {
		return Image{}, false
	}
	if kind == "regional" && !strings.Contains(tag, ".container") {
		return Image{}, false
	}
	one := Image{Version: version, Reference: ref.Name(), Repository: kind, ref: ref}
	for part, platform := range map[string]string{"x86_64": "linux/amd64", "aarch64": "linux/arm64"} {
		if strings.Contains(tag, part) {
			one.Platforms = []string{platform}
		}
	}
	for _, number := range strings.FieldsFunc(version, func(r rune) bool { return r == '.' || r == '-' }) {
		// The form has digits alone; more than fit are no version.
		n, err := strconv.Atoi(number)
		if err != nil {
			return Image{}, false
		}
		one.numbers = append(one.numbers, n)
	}
	return one, true
}

// byVersion sorts by numbers, never by text: 7.9 is before 7.10. Of one version the unified image is last.
func byVersion(a, b Image) int {
	return cmp.Or(slices.Compare(a.numbers, b.numbers), cmp.Compare(a.Repository, b.Repository), cmp.Compare(a.Reference, b.Reference))
}

// Choose returns the newest of the images that fit: version is the beginning of theirs, such as 7.40, or
// empty; platform such as linux/arm64, or empty.
func Choose(all []Image, version, platform string) (Image, error) {
	for n := len(all) - 1; n >= 0; n-- {
		one := all[n]
		fits := version == "" || one.Version == version || strings.HasPrefix(one.Version, version+".") || strings.HasPrefix(one.Version, version+"-")
		if fits && one.mayBeFor(platform) {
			return one, nil
		}
	}
	what := "image"
	if version != "" {
		what = "version " + version
	}
	if platform != "" {
		what += " for " + platform
	}
	return Image{}, problem.New(problem.BadInput, "kubectl falcon sensor tags shows which there are", "the vendor's registry has no %s of the container sensor", what)
}

// mayBeFor says whether an image is for a platform, or may be as far as is known.
func (i *Image) mayBeFor(platform string) bool {
	return platform == "" || len(i.Platforms) == 0 || slices.Contains(i.Platforms, platform)
}

// looks are how many images are asked about at the same time.
const looks = 8

// Look asks the registry for the digests and the platforms of images.
func Look(ctx context.Context, login falcon.RegistryLogin, all []Image) error {
	puller, err := remote.NewPuller(vendorOptions(ctx, login)...)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(looks)
	for n := range all {
		one := &all[n]
		group.Go(func() error {
			found, err := puller.Get(ctx, one.ref)
			if err != nil {
				return refused(ctx, one.ref, "look at", err)
			}
			one.Digest = found.Digest.String()
			if one.Platforms, err = platformsOf(found); err != nil {
				return refused(ctx, one.ref, "look at", err)
			}
			return nil
		})
	}
	return group.Wait()
}

// Pinned is the image by its tag and its digest.
func (i *Image) Pinned() string { return i.Reference + "@" + i.Digest }
