package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// A server that drops packets (a VPN that is off) is the commonest cluster that cannot be reached. The
// dialler's own timeout is errors.Is DeadlineExceeded too, though no wait of ours had its time.
func TestExplainKnowsAServerThatDoesNotAnswer(t *testing.T) {
	_, err := (&net.Dialer{Timeout: time.Nanosecond}).DialContext(t.Context(), "tcp", "127.0.0.1:1")
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("not the error that this test is about: %v", err)
	}
	c := connect(t, "https://10.255.255.1")
	mustProblem(t, Explain(fmt.Errorf("read namespace/x: %w", err), c), problem.NoAccess, "VPN")
}

// A page full of owned objects must not hide what is on the next one.
func TestContentsReadsAllPages(t *testing.T) {
	routes := fullNamespace()
	routes["GET /api/v1/namespaces/ns/pods"] = func(w http.ResponseWriter, r *http.Request) {
		page := metav1.PartialObjectMetadataList{
			TypeMeta: metav1.TypeMeta{APIVersion: "meta.k8s.io/v1", Kind: "PartialObjectMetadataList"}}
		if r.URL.Query().Get("continue") == "" {
			page.Continue = "more"
			for i := range 500 {
				page.Items = append(page.Items, metav1.PartialObjectMetadata{ObjectMeta: metav1.ObjectMeta{
					Name:            fmt.Sprintf("owned-%03d", i),
					OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "web"}}}})
			}
		} else {
			page.Items = append(page.Items, metav1.PartialObjectMetadata{ObjectMeta: named("zebra")})
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(page)
	}
	found, _, err := connect(t, newAPI(t, routes).URL).Contents(t.Context(), "ns")
	if err != nil || !slices.Equal(found, []string{"pods/zebra"}) {
		t.Errorf("found %v, %v; want the foreign pod of page 2", found, err)
	}
}
