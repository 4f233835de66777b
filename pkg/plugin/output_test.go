package plugin

import (
	"encoding/json"
	"net/http"
	"path"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify"
)

// bare is a cluster with a namespace, two pods and no injector, whose server warns of everything.
func bare(t *testing.T) string {
	t.Helper()
	named := func(name string) corev1.Pod {
		return corev1.Pod{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
			ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "team-a"},
			Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app"}}},
			Status:     corev1.PodStatus{Phase: corev1.PodRunning}}
	}
	return server(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Warning", `299 - "this cluster is old"`)
		switch r.Method + " " + r.URL.Path {
		case "GET /api/v1/namespaces/team-a":
			reply(w, http.StatusOK, corev1.Namespace{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"},
				ObjectMeta: metav1.ObjectMeta{Name: "team-a"}})
		case "GET /api/v1/namespaces/team-a/pods", "GET /api/v1/pods":
			reply(w, http.StatusOK, corev1.PodList{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "PodList"},
				Items: []corev1.Pod{named("web"), named("db")}})
		case "POST /api/v1/namespaces/team-a/pods", "POST /api/v1/namespaces/default/pods":
			reply(w, http.StatusCreated, named("falcon-canary-x"))
		case "POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews":
			reply(w, http.StatusCreated, authorizationv1.SelfSubjectAccessReview{
				TypeMeta: metav1.TypeMeta{APIVersion: "authorization.k8s.io/v1", Kind: "SelfSubjectAccessReview"},
				Status:   authorizationv1.SubjectAccessReviewStatus{Allowed: true}})
		default:
			if kind, ok := empty[path.Base(r.URL.Path)]; ok && r.Method == http.MethodGet {
				reply(w, http.StatusOK, kind)
				return
			}
			reply(w, http.StatusNotFound, metav1.Status{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"},
				Status: metav1.StatusFailure, Code: http.StatusNotFound, Reason: metav1.StatusReasonNotFound, Message: "not found"})
		}
	})
}

// empty are the lists of a cluster that has nothing of what they list.
var empty = map[string]any{
	"namespaces":                    corev1.NamespaceList{TypeMeta: typed("v1", "NamespaceList")},
	"configmaps":                    corev1.ConfigMapList{TypeMeta: typed("v1", "ConfigMapList")},
	"deployments":                   appsv1.DeploymentList{TypeMeta: typed("apps/v1", "DeploymentList")},
	"mutatingwebhookconfigurations": admissionv1.MutatingWebhookConfigurationList{TypeMeta: typed("admissionregistration.k8s.io/v1", "MutatingWebhookConfigurationList")},
	"endpointslices":                discoveryv1.EndpointSliceList{TypeMeta: typed("discovery.k8s.io/v1", "EndpointSliceList")},
	"secrets":                       metav1.PartialObjectMetadataList{TypeMeta: typed("meta.k8s.io/v1", "PartialObjectMetadataList")},
	"clusterroles":                  metav1.PartialObjectMetadataList{TypeMeta: typed("meta.k8s.io/v1", "PartialObjectMetadataList")},
	"clusterrolebindings":           metav1.PartialObjectMetadataList{TypeMeta: typed("meta.k8s.io/v1", "PartialObjectMetadataList")},
}

func typed(version, kind string) metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: version, Kind: kind}
}

func TestVerifyPrintsTheReportAndFails(t *testing.T) {
	o := falcon(t, "verify", "-n", "team-a", "--server", bare(t))
	if o.code != 1 {
		t.Errorf("exit code %d", o.code)
	}
	for _, want := range []string{"injector  none\n", "FAIL FC201 an injector is installed\n",
		"$ kubectl falcon install --cid CID --image IMAGE\n", "team-a     plain     2     -          2 unprotected\n",
		"\n1 failed, "} {
		if !strings.Contains(o.out, want) {
			t.Errorf("it lacks %q:\n%s", want, o.out)
		}
	}
	// The report says it all.
	if strings.Contains(o.err, "error:") {
		t.Errorf("it said\n%s", o.err)
	}
}

// A program reads stdout, whatever the exit code is, and must find nothing else there.
func TestVerifyPrintsTheReportAsData(t *testing.T) {
	o := falcon(t, "verify", "-n", "team-a", "-o", "json", "--server", bare(t))
	var r verify.Report
	if err := json.Unmarshal([]byte(o.out), &r); err != nil {
		t.Fatalf("%v in\n%s", err, o.out)
	}
	if o.code != 1 || r.Schema != verify.Schema || len(r.Clusters) != 1 || r.Clusters[0].Coverage.Verdicts[verify.Unprotected] != 2 {
		t.Errorf("exit code %d, %+v", o.code, r)
	}
	for _, format := range []string{"yaml", "name", "junit", "sarif", "openmetrics", "html", "wide", "jsonpath={.clusters[0].coverage.pods}"} {
		o := falcon(t, "verify", "-n", "team-a", "-o", format, "--server", bare(t))
		if o.code != 1 || o.out == "" || strings.Contains(o.err, "error:") {
			t.Errorf("-o %s: exit code %d, stderr %s, stdout\n%s", format, o.code, o.err, o.out)
		}
	}
	falcon(t, "verify", "-o", "xml", "--server", bare(t)).must(t, 2, "xml", "junit", "jsonpath='{...}'")
}

func TestVerifyRefusesWhatCannotBeMeant(t *testing.T) {
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"--fail-on", "everything"}, "--fail-on"},
		{[]string{"--check", "FC999"}, `there is no check "FC999"`},
		{[]string{"--contexts", "a", "--all-contexts"}, "two answers"},
		{[]string{"--from", "x", "--watch"}, "--from judges a bundle"},
		{[]string{"--watch", "-o", "json"}, "--watch is for people"},
		{[]string{"web"}, `"web" is not TYPE/NAME`},
		{[]string{"-A", "deploy/web"}, "cannot be in all namespaces"},
		{[]string{"-l", "a=("}, "-l"},
		{[]string{"--from", "output_test.go"}, "it is not a bundle"},
		{[]string{"--from", "no-such-file"}, "no-such-file"},
	} {
		falcon(t, append([]string{"verify"}, c.args...)...).must(t, 2, c.says)
	}
}

func TestExplainCheckNeedsNoCluster(t *testing.T) {
	o := falcon(t, "explain-check", "fc403")
	o.must(t, 0)
	if !strings.HasPrefix(o.out, "# FC403: ") {
		t.Errorf("it printed\n%s", o.out)
	}
	if o := falcon(t, "explain-check"); strings.Count(o.out, "\nFC") != len(verify.Catalogue()) {
		t.Errorf("it does not list every check:\n%s", o.out)
	}
	falcon(t, "explain-check", "FC999").must(t, 2, `there is no check "FC999"`, "explain-check lists them")
}

func TestVerifyOfANamespaceThatIsNotThere(t *testing.T) {
	falcon(t, "verify", "-n", "tem-a", "--server", bare(t)).must(t, 2, `there is no namespace "tem-a"`, "next: kubectl get namespaces")
}

func TestStatusOfABareClusterIsNoFault(t *testing.T) {
	o := falcon(t, "status", "--server", bare(t))
	o.must(t, 0)
	const want = "injector     not installed\n  next       kubectl falcon install --cid CID --image IMAGE\n"
	if o.out != want {
		t.Errorf("got\n%s\nwant\n%s", o.out, want)
	}
	var state map[string]any
	o = falcon(t, "status", "-o", "json", "--server", bare(t))
	if err := json.Unmarshal([]byte(o.out), &state); err != nil || state["installed"] != false || state["webhook"] != false {
		t.Errorf("%v in\n%s", err, o.out)
	}
}

func TestUninstallAndCleanOfNothingSaySo(t *testing.T) {
	host := bare(t)
	falcon(t, "uninstall", "--server", host).must(t, 0, "there is nothing to uninstall")
	falcon(t, "demo", "clean", "-n", "team-a", "--server", host).must(t, 0, "there is no demo in namespace team-a")
}

// A cluster says the same thing with every answer.
func TestWarningsOfTheClusterAreSaidOnce(t *testing.T) {
	o := falcon(t, "status", "--server", bare(t))
	if n := strings.Count(o.err, "the cluster warns: this cluster is old\n"); n != 1 {
		t.Errorf("it warned %d times:\n%s", n, o.err)
	}
	if strings.Contains(o.out, "warns") {
		t.Errorf("it warned on stdout:\n%s", o.out)
	}
}
