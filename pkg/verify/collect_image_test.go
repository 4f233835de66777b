package verify

import (
	"errors"
	"io"
	"log"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	fake "github.com/kubectl-falcon/kubectl-falcon/test/fakes/clientset"
)

// A registry on the loopback address has the sensor image for one architecture of two.
func TestTheSensorImageIsLookedUp(t *testing.T) {
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	ref, err := name.ParseReference(host + "/falcon-sensor:1")
	if err != nil {
		t.Fatal(err)
	}
	image, err := mutate.ConfigFile(empty.Image, &v1.ConfigFile{OS: "linux", Architecture: "amd64"})
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, image); err != nil {
		t.Fatal(err)
	}
	node := func(name, architecture string) *corev1.Node {
		return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name},
			Status: corev1.NodeStatus{NodeInfo: corev1.NodeSystemInfo{OperatingSystem: "linux", Architecture: architecture}}}
	}
	for name, test := range map[string]struct {
		image, says string
		want        Verdict
	}{
		"one of two":  {host + "/falcon-sensor:1", "there are nodes of linux/arm64, and the image is only for linux/amd64", Fail},
		"absent":      {host + "/falcon-sensor:2", "its registry has no such image", Fail},
		"unreachable": {"127.0.0.1:1/falcon-sensor:1", "could not be looked up", Undecided},
	} {
		t.Run(name, func(t *testing.T) {
			s := healthy()
			s.Asked.Deep, s.Architectures, s.Injectors[0].Config.Image = true, nil, test.image
			s.Images = slices.DeleteFunc(s.Images, func(t ImageTrial) bool { return t.Sensor })
			k := &collector{c: &kube.Cluster{Client: fake.NewClientset(node("a", "amd64"), node("b", "arm64"))}, s: s}
			if err := errors.Join(k.nodes(t.Context()), k.lookUp(t.Context())); err != nil {
				t.Fatal(err)
			}
			r := result(t, "FC505", s)
			said := r.Reason
			if len(r.Findings) > 0 {
				said = r.Findings[0].Message
			}
			if r.Verdict != test.want || !strings.Contains(said, test.says) {
				t.Errorf("%s: %s", r.Verdict, said)
			}
		})
	}
}
