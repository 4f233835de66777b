package sensor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// ErrAbsent is a registry's answer that it has no such image.
var ErrAbsent = errors.New("the registry has no such image")

// registryWithin is how long a registry may take to say what an image is.
const registryWithin = 20 * time.Second

// Platforms returns for which platforms an image is, as os/architecture or os/architecture/variant, sorted.
// reference is REGISTRY/NAME with a tag, a digest or both. Credentials are those that docker's configuration
// has for that registry. The error is ErrAbsent if the registry says so, or why it could not be asked.
func Platforms(ctx context.Context, reference string) ([]string, error) {
	return platforms(ctx, reference, remote.WithAuthFromKeychain(authn.DefaultKeychain))
}

// PlatformsWith is the same with the credentials of a keychain.
func PlatformsWith(ctx context.Context, reference string, keys authn.Keychain) ([]string, error) {
	return platforms(ctx, reference, remote.WithAuthFromKeychain(keys))
}

func platforms(ctx context.Context, reference string, more ...remote.Option) ([]string, error) {
	ref, err := name.ParseReference(reference)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, registryWithin)
	defer cancel()
	found, err := remote.Get(ref, append([]remote.Option{remote.WithContext(ctx), remote.WithRetryBackoff(remote.Backoff{Steps: 1})}, more...)...)
	if err != nil {
		return nil, plain(err)
	}
	return platformsOf(found)
}

// platformsOf are those of what a registry has.
func platformsOf(found *remote.Descriptor) ([]string, error) {
	if found.MediaType.IsIndex() {
		index, err := found.ImageIndex()
		if err != nil {
			return nil, err
		}
		manifest, err := index.IndexManifest()
		if err != nil {
			return nil, err
		}
		return ofIndex(manifest), nil
	}
	image, err := found.Image()
	if err != nil {
		return nil, err
	}
	config, err := image.ConfigFile()
	if err != nil {
		return nil, plain(err)
	}
	return texts(v1.Platform{OS: config.OS, Architecture: config.Architecture, Variant: config.Variant}), nil
}

// ofIndex leaves out what is no image to run, such as attestations, which name the platform unknown.
func ofIndex(index *v1.IndexManifest) (all []string) {
	for _, m := range index.Manifests {
		if m.Platform != nil && m.Platform.OS != "unknown" {
			all = append(all, texts(*m.Platform)...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func texts(p v1.Platform) []string {
	if p.OS == "" || p.Architecture == "" {
		return nil
	}
	text := p.OS + "/" + p.Architecture
	if p.Variant != "" {
		text += "/" + p.Variant
	}
	return []string{text}
}

// plain is a registry's error in a few words: the library's has the whole request in it.
func plain(err error) error {
	answer, ok := errors.AsType[*transport.Error](err)
	if !ok {
		return err
	}
	said := http.StatusText(answer.StatusCode)
	if len(answer.Errors) > 0 && answer.Errors[0].Message != "" {
		said = answer.Errors[0].Message
	}
	if answer.StatusCode == http.StatusNotFound {
		return fmt.Errorf("%w: %s", ErrAbsent, said)
	}
	return fmt.Errorf("the registry answers %d: %s", answer.StatusCode, said)
}
