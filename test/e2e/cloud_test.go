//go:build e2e

package e2e

import (
	"context"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubectl-falcon/kubectl-falcon/test/fakes/aws"
	"github.com/kubectl-falcon/kubectl-falcon/test/fakes/falconapi"
	"github.com/kubectl-falcon/kubectl-falcon/test/fakes/vendorregistry"
)

const (
	// cloudCluster is what EKS calls the lab.
	cloudCluster     = "e2e-fargate"
	registryPassword = "sesame-0f-the-registry"
	vendorTag        = "7.40.0-8000"
)

// guideRig is all that the guide needs: a lab like EKS Fargate, the local AWS of which it is a cluster, and the
// stand-ins of the vendor's API and registry.
type guideRig struct {
	*rig
	cloud *aws.Cloud
	api   *falconapi.Server
	asked *askedAPI
	// env is what the plugin needs to find them.
	env []string
	// network is the VPC of the account, which clusters are in.
	network aws.Network
	// held has the lab keep its Fargate profiles as they are, whatever is done to them in AWS.
	held atomic.Bool
}

// newGuide starts it all. Images that are pushed to ECR go to the lab's own registry, from which its node pulls
// without a login: what on AWS the pod execution role is for.
func newGuide(t *testing.T) *guideRig {
	t.Helper()
	starting.Lock()
	l, err := startLab(fmt.Sprintf("guide-%d", os.Getpid()), "--fargate")
	starting.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.stop(); err != nil {
			t.Error(err)
		}
	})
	g := &guideRig{rig: looking(t, l)}
	door := freeAddress(t)
	g.cloud, err = aws.Start(t.Context(), aws.Options{RegistryURL: fmt.Sprintf("http://127.0.0.1:%d", l.registryPort(t)),
		RegistryAddress: door, RegistryHost: registry, Times: aws.Times{ProfileCreate: 4 * time.Second, ProfileDelete: 3 * time.Second, RoleSeen: time.Second}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.cloud.Close() })
	config, err := clientcmd.BuildConfigFromFlags("", l.kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	if block, _ := pem.Decode(config.CAData); block == nil {
		t.Fatal("the lab's kubeconfig has no certificate of its authority")
	}
	g.network, err = g.cloud.AddCluster(t.Context(), aws.ClusterSpec{Name: cloudCluster, Endpoint: config.Host, CA: string(config.CAData)})
	if err != nil {
		t.Fatal(err)
	}
	g.others(t)
	g.vendor(t)
	// The registry's name is an address within the lab: for the plugin, which is outside, the local AWS
	// answers to it.
	g.env = append(append(g.env, g.cloud.Env()...), "HTTP_PROXY=http://"+door, "NO_PROXY=127.0.0.1")
	go g.follow(t.Context(), cloudCluster)
	return g
}

func freeAddress(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.NotFoundHandler())
	defer s.Close()
	return strings.TrimPrefix(s.URL, "http://")
}

// vendor serves the stand-ins of the vendor's API and of its registry, which has the stand-in sensor's image.
func (g *guideRig) vendor(t *testing.T) {
	t.Helper()
	r := vendorregistry.New(cid, registryPassword)
	door, inside := httptest.NewServer(r), httptest.NewServer(r.Inside())
	t.Cleanup(door.Close)
	t.Cleanup(inside.Close)
	image, err := tarball.ImageFromPath(filepath.Join(root, "bin", "images", "falcon-sensor-standin.tar"), nil)
	if err != nil {
		t.Fatal(err)
	}
	tag, err := name.NewTag(strings.TrimPrefix(inside.URL, "http://") + "/" + vendorregistry.Unified + ":" + vendorTag)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(tag, image); err != nil {
		t.Fatal(err)
	}
	hide(registryPassword)
	var env []string
	g.api, env = falconAPI(t, func(c *falconapi.Config) { c.RegistryToken = registryPassword })
	g.asked = &askedAPI{api: g.api}
	api := httptest.NewServer(g.asked)
	t.Cleanup(api.Close)
	g.env = append(env, "FALCON_API_BASE="+api.URL, "FALCON_REGISTRY_BASE="+strings.TrimPrefix(door.URL, "http://"), "DOCKER_CONFIG="+t.TempDir())
}

// follow has the lab do what EKS does once a Fargate profile is active, or gone: give pods of its namespaces to
// Fargate, or not.
func (g *guideRig) follow(ctx context.Context, cluster string) {
	maps := g.client.CoreV1().ConfigMaps("kube-system")
	for before := ""; ctx.Err() == nil; time.Sleep(200 * time.Millisecond) {
		all, err := g.cloud.Profiles(ctx, cluster)
		if err != nil || g.held.Load() {
			continue
		}
		value := "null"
		if slices.Contains(all, "fp-falcon-system ACTIVE") {
			value = `"falcon-system,falcon-demo"`
		}
		if value == before {
			continue
		}
		if _, err := maps.Patch(ctx, "fargate-profiles", types.MergePatchType,
			[]byte(`{"data":{"fp-falcon-system":`+value+`}}`), metav1.PatchOptions{}); err == nil {
			before = value
		}
	}
}

// run runs the plugin with all of it in its environment.
func (g *guideRig) run(t *testing.T, args ...string) result {
	t.Helper()
	return g.falconWith(t, g.env, args...)
}

// others puts into AWS and into the cluster what somebody else has there, some of it under names like ours: all
// of it must be as it was after down.
func (g *guideRig) others(t *testing.T) {
	t.Helper()
	role, err := g.cloud.AddPodExecutionRole(t.Context(), "falcon-fargate-by-hand")
	if err != nil {
		t.Fatal(err)
	}
	arn := "arn:aws:iam::" + aws.Account + ":policy/falcon-by-hand"
	for _, call := range []aws.Request{
		{Service: "eks", Action: "CreateFargateProfile", Path: "/clusters/" + cloudCluster + "/fargate-profiles", Body: map[string]any{"fargateProfileName": "fp-by-hand",
			"podExecutionRoleArn": role, "subnets": g.network.Private, "selectors": []any{map[string]any{"namespace": "default"}}}},
		{Service: "ecr", Action: "CreateRepository", Body: map[string]any{"repositoryName": "falcon-by-hand"}},
		{Service: "ecr", Action: "PutImage", Body: map[string]any{"repositoryName": "falcon-by-hand", "imageTag": "7",
			"imageManifest": `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"size":1},"layers":[]}`}},
		{Service: "iam", Action: "CreatePolicy", Body: map[string]any{"PolicyName": "falcon-by-hand", "PolicyDocument": `{"Version":"2012-10-17",` +
			`"Statement":[{"Effect":"Allow","Action":"ecr:DescribeImages","Resource":"*"}]}`}},
		{Service: "iam", Action: "AttachRolePolicy", Body: map[string]any{"RoleName": "falcon-fargate-by-hand", "PolicyArn": arn}},
		{Service: "iam", Action: "CreateOpenIDConnectProvider", Body: map[string]any{"Url": "https://oidc.eks.eu-west-1.amazonaws.com/id/BYHAND",
			"ThumbprintList.member.1": strings.Repeat("0", 40), "ClientIDList.member.1": "sts.amazonaws.com"}},
	} {
		if err := g.cloud.Do(t.Context(), call); err != nil {
			t.Fatal(err)
		}
	}
	cmd := g.command("kubectl", "create", "-f", "-")
	cmd.Stdin = strings.NewReader(byHand)
	if r := finish(t, cmd); r.code != 0 {
		t.Fatal(r)
	}
}

// byHand is what somebody else has in the cluster.
const byHand = `apiVersion: v1
kind: Namespace
metadata: {name: falcon-by-hand, labels: {team: a}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: injector-notes, namespace: falcon-by-hand}
data: {about: by hand}
---
apiVersion: v1
kind: Secret
metadata: {name: injector-tls, namespace: falcon-by-hand}
stringData: {tls.crt: a certificate, tls.key: its key}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: falcon-by-hand}
rules:
- {apiGroups: [""], resources: [pods], verbs: [get]}
`
