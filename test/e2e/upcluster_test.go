//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubectl-falcon/kubectl-falcon/test/fakes/aws"
	"github.com/kubectl-falcon/kubectl-falcon/test/fakes/eksctl"
	"github.com/kubectl-falcon/kubectl-falcon/test/fakes/eksdoor"
)

// madeCluster is the one that up makes.
const madeCluster = "made-by-up"

// clusterMaker is a guide without a cluster of ours, a stand-in for eksctl that makes one, and a door like EKS's
// before the lab, which is what is made.
type clusterMaker struct {
	*guideRig
	door *eksdoor.Door
	// file is a kubeconfig, which nobody but the plugin writes; log what eksctl was called with.
	file, log string
}

func newClusterMaker(t *testing.T) *clusterMaker {
	t.Helper()
	g := newGuide(t)
	folder := t.TempDir()
	m := &clusterMaker{guideRig: g, file: filepath.Join(folder, "kubeconfig"), log: filepath.Join(folder, "log")}
	if _, err := eksctl.Put(folder); err != nil {
		t.Fatal(err)
	}
	role, err := g.cloud.AddRole(t.Context(), "eksctl-cluster", "eks.amazonaws.com", "AmazonEKSClusterPolicy")
	if err != nil {
		t.Fatal(err)
	}
	podRole, err := g.cloud.AddPodExecutionRole(t.Context(), "eksctl-pods")
	if err != nil {
		t.Fatal(err)
	}
	if m.door, err = eksdoor.Open(g.kubeconfig, madeCluster, map[string]string{aws.UserKey: "none"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.door.Close)
	g.cloud.Promise(madeCluster, m.door.Endpoint, m.door.CA)
	t.Setenv("PATH", folder+":"+os.Getenv("PATH"))
	// The last of a name counts: this is the only kubeconfig that there is for what runs here.
	g.env = append(g.env, "KUBECONFIG="+m.file, "STANDIN_LOG="+m.log, "STANDIN_SUBNETS="+strings.Join(append(slices.Clone(g.network.Private), g.network.Public...), ","),
		"STANDIN_ROLE="+role, "STANDIN_POD_ROLE="+podRole)
	go g.follow(t.Context(), madeCluster)
	return m
}

// eksctlCalls are the calls that eksctl got.
func (m *clusterMaker) eksctlCalls(t *testing.T) (calls []string) {
	t.Helper()
	content, err := os.ReadFile(m.log)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(content)) {
		for _, verb := range []string{"create ", "delete ", "utils "} {
			if strings.HasPrefix(line, verb) {
				calls = append(calls, strings.TrimSpace(line))
			}
		}
	}
	return calls
}

// TestUpMakesTheCluster is up from an account without a cluster: eksctl makes it, the plugin writes the kubeconfig,
// and gets into the cluster by that and by tokens of its own alone. down takes all of it away.
func TestUpMakesTheCluster(t *testing.T) {
	m := newClusterMaker(t)
	before := m.settled(t)
	up := []string{"up", "--create-cluster", "--cluster", madeCluster, "--no-demo", "-o", "json"}
	r := m.run(t, up...)
	wantCode(t, r, 0)
	shown := read[shownStages](t, r.stdout)
	if got := shown.states(); got != "cluster=made fargate profile=present repository=made image=made customer id=present role=made injector=made" {
		t.Errorf("the stages are %s", got)
	}
	if calls := m.eksctlCalls(t); !slices.Equal(calls, []string{"create cluster"}) {
		t.Errorf("eksctl was called %q", calls)
	}
	written, err := clientcmd.LoadFromFile(m.file)
	if err != nil {
		t.Fatal(err)
	}
	if c := written.Contexts[written.CurrentContext]; c == nil || written.Clusters[c.Cluster].Server != m.door.Endpoint ||
		!slices.Contains(written.AuthInfos[c.AuthInfo].Exec.Args, "token") {
		t.Errorf("the kubeconfig has %+v", written.Contexts)
	}
	kubectl := m.command(filepath.Join(programs, "kubectl"), "get", "deployment", "injector", "-n", "falcon-system", "-o", "jsonpath={.status.availableReplicas}")
	kubectl.Env = append(kubectl.Env, m.env...)
	wantContains(t, "kubectl by this kubeconfig", finish(t, kubectl).stdout, "2")

	r = m.run(t, up...)
	wantCode(t, r, 0)
	shown = read[shownStages](t, r.stdout)
	if got := shown.states(); strings.Contains(got, "made") {
		t.Errorf("the second time the stages are %s", got)
	}
	if calls := m.eksctlCalls(t); len(calls) != 1 {
		t.Errorf("eksctl was called %q", calls)
	}
	m.cloud.ClearLog()
	r = m.run(t, "down", "--cluster", madeCluster, "--yes", "-o", "json")
	wantCode(t, r, 0)
	shown = read[shownStages](t, r.stdout)
	if got := shown.states(); got != "demo=present injector=made role=made fargate profile=made cluster=made repository=made" || len(shown.Left) > 0 {
		t.Errorf("the stages are %s, and left is %+v", got, shown.Left)
	}
	m.inOrder(t)
	if refused := m.door.Refused(); len(refused) > 0 {
		t.Errorf("the cluster refused %q", refused)
	}
	if written, err = clientcmd.LoadFromFile(m.file); err != nil || len(written.Contexts) > 0 {
		t.Errorf("the kubeconfig has %+v: %v", written, err)
	}
	m.nothingLeft(t, before)
}

// inOrder holds that the webhook went before anything in AWS, the profiles of the cluster before the cluster, and
// that eksctl was called for that alone.
func (m *clusterMaker) inOrder(t *testing.T) {
	t.Helper()
	if calls := m.eksctlCalls(t); !slices.Equal(calls, []string{"create cluster", "delete cluster"}) {
		t.Errorf("eksctl was called %q", calls)
	}
	var webhook, first, profile, cluster time.Time
	for _, visit := range m.door.Let() {
		if visit.Method == "DELETE" && strings.Contains(visit.Path, "mutatingwebhookconfigurations") && webhook.IsZero() {
			webhook = visit.At
		}
	}
	for _, call := range m.cloud.Calls() {
		if first.IsZero() && changesAWS(call.Action) {
			first = call.At
		}
		switch call.Action {
		case "eks:DeleteFargateProfile":
			profile = call.At
		case "eks:DeleteCluster":
			cluster = call.At
		}
	}
	if webhook.IsZero() || profile.IsZero() || !webhook.Before(first) || !profile.Before(cluster) {
		t.Errorf("the webhook went at %s, the first in AWS at %s, the last profile at %s, the cluster at %s", webhook, first, profile, cluster)
	}
	for _, call := range m.cloud.Calls() {
		if call.Action == "eks:DeleteCluster" && call.Status != 200 {
			t.Errorf("the cluster could not be deleted at first: %d", call.Status)
		}
	}
}
