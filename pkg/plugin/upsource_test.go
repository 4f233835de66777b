package plugin

import (
	"os"
	"strings"
	"testing"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/stage"
	"github.com/kubectl-falcon/kubectl-falcon/test/fakes/falconapi"
	"github.com/kubectl-falcon/kubectl-falcon/test/fakes/vendorregistry"
)

// brought runs the stages of up that bring an image to ECR, and returns the image there.
func brought(t *testing.T, repository, source string) (image string, err error) {
	t.Helper()
	hideKubeconfig(t)
	s := &session{flags: kube.NewFlags()}
	s.Err = &strings.Builder{}
	f := &upFlags{inject: newInstallFlags(), eks: &eksFlags{awsFlags: &awsFlags{command: "up"}}, repository: repository, source: source}
	u := &undertaking{s: s, f: f}
	if u.account, err = s.awsSession(t.Context(), f.eks.awsFlags); err != nil {
		t.Fatal(err)
	}
	if u.falcon, err = s.falconClient(t.Context(), &apiCredentials{kind: fromEnv}); err != nil {
		t.Fatal(err)
	}
	defer u.end(t.Context())
	push := u.imageStage()
	push.Needs = []string{"repository"}
	_, err = stage.Run(t.Context(), []stage.Stage{u.repositoryStage(), push}, func(stage.Event) {})
	return u.image, err
}

// --source with something that needs a login gets one, as with sensor push.
func TestUpLogsInToWhereTheSourceIs(t *testing.T) {
	c, repository := inAWS(t)
	bzip, err := os.ReadFile("../sensor/testdata/image.tar.bz2")
	if err != nil {
		t.Fatal(err)
	}
	vendors := standInVendor(t, falconapi.Tarball{Name: "falcon-sensor-7.40.0-1.container.x86_64.tar.bz2", Version: "7.40.0-1", Content: bzip})
	sensors := ""
	for _, source := range []string{vendors + "/" + vendorregistry.Unified + ":7.9.0-1", "falcon-api:7.40", "falcon-api:latest"} {
		image, err := brought(t, repository, source)
		if err != nil || !strings.HasPrefix(image, c.Registry+"/"+repository+"@sha256:") {
			t.Errorf("%s: %s, %v", source, image, err)
		}
		sensors = image
	}
	// From one of ECR's own repositories to another, and what was there before.
	other := nextRepository()
	for range 2 {
		image, err := brought(t, other, strings.Replace(sensors, "@", ":7.40.0-1.container.x86_64.Release.US-1@", 1))
		if err != nil || image != strings.Replace(sensors, repository, other, 1) {
			t.Errorf("from ECR: %s, %v", image, err)
		}
	}
	if _, err := brought(t, repository, "falcon-api:8"); err == nil || !strings.Contains(err.Error(), "has no tarball of version 8") {
		t.Errorf("no such version: %v", err)
	}
}

// What cannot be meant is said before anything is asked.
func TestUpRefusesASourceThatCannotBeMeant(t *testing.T) {
	withoutAPI(t)
	args := []string{"up", "--cid", cid, "--cluster", "shop", "--region", "eu-west-1"}
	falcon(t, append(args, "--source", "falcon-api:7.40")...).must(t, ExitUsage, "--source falcon-api:7.40 needs credentials of the Falcon API", "FALCON_CLIENT_ID")
	falcon(t, append(args, "--source", "image.tar", "--sensor-version", "7.40")...).must(t, ExitUsage, "--sensor-version chooses an image in the vendor's registry",
		"--source falcon-api:7.40")
}
