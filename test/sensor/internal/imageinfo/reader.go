// Package imageinfo reads what an image runs from the image's registry, with
// the pod's pull secrets where the injector may read them. It only ever reads,
// and words its failures as the real injector does.
package imageinfo

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/mutate"
)

// Reader looks images up.
type Reader struct {
	// Timeout bounds the look-up of one image, credentials included.
	Timeout time.Duration
	// Secrets reads pull secrets; without it every look-up is anonymous.
	Secrets *Secrets
	// Found, when set, is told the registry of every image looked up.
	Found func(image, registry string)
}

// Source says where a pod's credentials come from.
type Source struct {
	Namespace   string
	PullSecrets []string
}

// Command reads the entrypoint and cmd of image.
func (r *Reader) Command(ctx context.Context, image string, source Source) (mutate.ImageCommand, error) {
	ref, err := name.ParseReference(image, name.WeakValidation)
	if err != nil {
		return mutate.ImageCommand{}, failure(image, "", err)
	}
	registry := registryName(ref)
	if r.Found != nil {
		r.Found(image, registry)
	}
	ctx, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	config, err := r.config(ctx, ref, source)
	if err != nil {
		return mutate.ImageCommand{}, failure(image, registry, cause(ctx, err))
	}
	return mutate.ImageCommand{Entrypoint: config.Entrypoint, Cmd: config.Cmd}, nil
}

// config tries every credential that fits the image, and none at last, because
// a pull secret may be stale while the image is public.
func (r *Reader) config(ctx context.Context, ref name.Reference, source Source) (*v1.Config, error) {
	auths := append(r.Secrets.auths(ctx, ref, source), authn.Anonymous)
	var first error
	for _, auth := range auths {
		config, err := fetch(ctx, ref, auth)
		if err == nil {
			return config, nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, first
}

func fetch(ctx context.Context, ref name.Reference, auth authn.Authenticator) (*v1.Config, error) {
	platform := v1.Platform{OS: "linux", Architecture: runtime.GOARCH}
	image, err := remote.Image(ref, remote.WithContext(ctx), remote.WithAuth(auth), remote.WithPlatform(platform))
	if err != nil {
		return nil, err
	}
	file, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	return &file.Config, nil
}

// registryName is the registry as people write it.
func registryName(ref name.Reference) string {
	registry := ref.Context().RegistryStr()
	if registry == name.DefaultRegistry {
		return "docker.io"
	}
	return registry
}

// failure words it as the real injector does.
func failure(image, registry string, err error) error {
	//lint:ignore ST1005 the API server shows these words to users as they are
	return fmt.Errorf("Failed to get the image config/digest for %q on %q: %w", image, registry, err)
}
