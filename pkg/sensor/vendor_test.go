package sensor

import (
	"encoding/json"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/falcon"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
	"github.com/kubectl-falcon/kubectl-falcon/test/fakes/vendorregistry"
)

const registryPassword = "sesame-0f-the-registry"

// vendor serves the stand-in of the vendor's registry with images under these tags.
func vendor(t *testing.T, unifiedTags, regionalTags []string) (*vendorregistry.Registry, falcon.RegistryLogin) {
	t.Helper()
	r := vendorregistry.New("0123456789ABCDEF0123456789ABCDEF-12", registryPassword)
	server, door := httptest.NewServer(r), httptest.NewServer(r.Inside())
	t.Cleanup(server.Close)
	t.Cleanup(door.Close)
	put := func(path string, tags []string, all remote.Taggable) {
		for _, tag := range tags {
			ref, err := name.NewTag(strings.TrimPrefix(door.URL, "http://") + "/" + path + ":" + tag)
			if err != nil {
				t.Fatal(err)
			}
			if err := remote.Push(ref, all); err != nil {
				t.Fatal(err)
			}
		}
	}
	amd, arm := v1.Platform{OS: "linux", Architecture: "amd64"}, v1.Platform{OS: "linux", Architecture: "arm64"}
	both := v1.ImageIndex(empty.Index)
	for _, p := range []v1.Platform{amd, arm} {
		both = mutate.AppendManifests(both, mutate.IndexAddendum{Add: wholeImage(t, p), Descriptor: v1.Descriptor{Platform: &p}})
	}
	put(vendorregistry.Unified, unifiedTags, both)
	put(vendorregistry.RegionalPrefix+"us-1"+vendorregistry.RegionalSuffix, regionalTags, wholeImage(t, amd))
	return r, falcon.RegistryLogin{Host: strings.TrimPrefix(server.URL, "http://"), User: "fc-0123456789abcdef0123456789abcdef", Password: registryPassword, Region: "us-1"}
}

var (
	unifiedTags  = []string{"7.36.0-7502", "7.9.0-1", "7.40.0-800", "7.40.0-8000", "latest", "sha256-" + strings.Repeat("a", 64), "7.40.0-8000-arm64"}
	regionalTags = []string{"6.51.0-3401.container.x86_64.Release.US-1", "7.10.0-2.container.x86_64.Release.US-1", "7.10.0-2.falcon-linux.x86_64.Release.US-1"}
)

func TestImagesOfTheVendor(t *testing.T) {
	_, login := vendor(t, unifiedTags, regionalTags)
	all, err := Images(t.Context(), login)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, one := range all {
		got = append(got, one.Version+" "+one.Repository)
	}
	// By number: as text 7.9 would be the last and 7.40.0-8000 before -800.
	want := []string{"6.51.0-3401 regional", "7.9.0-1 unified", "7.10.0-2 regional", "7.36.0-7502 unified", "7.40.0-800 unified", "7.40.0-8000 unified"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	for _, test := range []struct{ version, platform, want string }{
		{"", "", "7.40.0-8000"}, {"7.10", "", "7.10.0-2"}, {"7", "", "7.40.0-8000"}, {"7.1", "", ""}, {"7.36.0-7502", "linux/arm64", "7.36.0-7502"},
		{"6.51", "linux/arm64", ""}, {"6", "linux/amd64", "6.51.0-3401"}, {"8", "", ""},
	} {
		one, err := Choose(all, test.version, test.platform)
		if one.Version != test.want || (err == nil) != (test.want != "") {
			t.Errorf("%+v: got %s, %v", test, one.Version, err)
		}
	}
	if err := Look(t.Context(), login, all); err != nil {
		t.Fatal(err)
	}
	newest := all[len(all)-1]
	if !slices.Equal(newest.Platforms, []string{"linux/amd64", "linux/arm64"}) || !strings.HasPrefix(newest.Pinned(), login.Host+"/"+vendorregistry.Unified+":7.40.0-8000@sha256:") {
		t.Errorf("got %+v", newest)
	}
}

func TestImagesOfOneRepository(t *testing.T) {
	_, login := vendor(t, nil, regionalTags)
	if all, err := Images(t.Context(), login); err != nil || len(all) != 2 {
		t.Errorf("got %+v, %v", all, err)
	}
	_, login = vendor(t, nil, nil)
	_, err := Images(t.Context(), login)
	wantProblem(t, err, problem.Failed, "the vendor's registry has no image of it")
}

func TestVendorLetsNobodyElseIn(t *testing.T) {
	_, login := vendor(t, unifiedTags, regionalTags)
	login.Password = "wrong-" + registryPassword
	_, err := Images(t.Context(), login)
	wantProblem(t, err, problem.NoAccess, "does not let this customer read")
	if strings.Contains(err.Error(), registryPassword) {
		t.Errorf("it shows the password: %v", err)
	}
}

// The login goes to the vendor's registry, and to no other on the way.
func TestPushFromTheVendor(t *testing.T) {
	_, login := vendor(t, unifiedTags, nil)
	all, err := Images(t.Context(), login)
	if err != nil {
		t.Fatal(err)
	}
	one, err := Choose(all, "7.36", "")
	if err != nil {
		t.Fatal(err)
	}
	to := watchedRegistry(t)
	got, err := Push(t.Context(), one.Reference, to.host+"/falcon", Options{From: VendorKeychain(login)})
	if err != nil || got.Kind != ContainerSensor || len(got.Platforms) != 2 || !strings.HasSuffix(got.Tag, "/falcon:7.36.0-7502") {
		t.Fatalf("got %+v, %v", got, err)
	}
	pulled(t, got.Tag)
	_, err = Push(t.Context(), one.Reference, to.host+"/falcon:other", Options{})
	wantProblem(t, err, problem.NoAccess, "incorrect username or password")
	elsewhere, err := name.NewRegistry(to.host)
	if err != nil {
		t.Fatal(err)
	}
	auth, err := loginKeychain{Login{login.Host, login.User, login.Password}}.Resolve(elsewhere)
	if err != nil {
		t.Fatal(err)
	}
	if config, err := auth.Authorization(); err != nil || config.Password != "" {
		t.Errorf("another registry gets %+v, %v", config, err)
	}
}

func TestDockerConfig(t *testing.T) {
	raw, err := DockerConfig(falcon.RegistryLogin{Host: "registry.example.com", User: "fc-x", Password: "y"})
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Auths map[string]struct{ Auth string }
	}
	if err := json.Unmarshal(raw, &got); err != nil || got.Auths["registry.example.com"].Auth != "ZmMteDp5" {
		t.Errorf("got %s, %v", raw, err)
	}
}
