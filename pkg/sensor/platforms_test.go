package sensor

import (
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// registryWith serves a registry on the loopback address and returns its host.
func registryWith(t *testing.T, before func(http.Handler) http.Handler) (host string) {
	t.Helper()
	server := httptest.NewServer(before(registry.New(registry.Logger(log.New(io.Discard, "", 0)))))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func unchanged(h http.Handler) http.Handler { return h }

func imageFor(t *testing.T, p v1.Platform) v1.Image {
	t.Helper()
	image, err := random.Image(64, 1)
	if err != nil {
		t.Fatal(err)
	}
	image, err = mutate.ConfigFile(image, &v1.ConfigFile{OS: p.OS, Architecture: p.Architecture, Variant: p.Variant})
	if err != nil {
		t.Fatal(err)
	}
	return image
}

func TestPlatforms(t *testing.T) {
	host := registryWith(t, unchanged)
	arm, amd := v1.Platform{OS: "linux", Architecture: "arm64", Variant: "v8"}, v1.Platform{OS: "linux", Architecture: "amd64"}
	ref := func(s string) name.Reference {
		r, err := name.ParseReference(host + "/" + s)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	index := v1.ImageIndex(empty.Index)
	for _, p := range []v1.Platform{arm, amd, amd, {OS: "unknown", Architecture: "unknown"}} {
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: imageFor(t, p), Descriptor: v1.Descriptor{Platform: &p}})
	}
	if err := remote.WriteIndex(ref("sensor:all"), index); err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref("sensor:one"), imageFor(t, amd)); err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref("sensor:silent"), imageFor(t, v1.Platform{})); err != nil {
		t.Fatal(err)
	}
	digest, err := index.Digest()
	if err != nil {
		t.Fatal(err)
	}
	for image, want := range map[string][]string{
		"sensor:all":                      {"linux/amd64", "linux/arm64/v8"},
		"sensor@" + digest.String():       {"linux/amd64", "linux/arm64/v8"},
		"sensor:moved@" + digest.String(): {"linux/amd64", "linux/arm64/v8"},
		"sensor:one":                      {"linux/amd64"},
		"sensor:silent":                   nil,
	} {
		if got, err := Platforms(t.Context(), host+"/"+image); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v, want %v", image, got, err, want)
		}
	}
	for image, says := range map[string]string{"sensor:none": "", "other:all": ""} {
		if got, err := Platforms(t.Context(), host+"/"+image); !errors.Is(err, ErrAbsent) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, %v", image, got, err)
		}
	}
}

// A registry that does not say is not one that has no such image.
func TestPlatformsThatNobodyKnows(t *testing.T) {
	tests := map[string]struct {
		status int
		says   string
	}{
		"forbidden": {http.StatusForbidden, "the registry answers 403"},
		"broken":    {http.StatusInternalServerError, "the registry answers 500"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			host := registryWith(t, func(http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(test.status) })
			})
			got, err := Platforms(t.Context(), host+"/sensor:1")
			if err == nil || errors.Is(err, ErrAbsent) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
	if _, err := Platforms(t.Context(), "127.0.0.1:1/sensor:1"); err == nil || errors.Is(err, ErrAbsent) {
		t.Errorf("a registry that is not there: %v", err)
	}
	if _, err := Platforms(t.Context(), "Not An Image"); err == nil {
		t.Error("what is no reference is asked for")
	}
}
