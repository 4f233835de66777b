package node

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/client-go/kubernetes/fake"
)

func TestNodeReady(t *testing.T) {
	condition := func(kind corev1.NodeConditionType, status corev1.ConditionStatus) corev1.NodeCondition {
		return corev1.NodeCondition{Type: kind, Status: status, Message: "because"}
	}
	pressure := condition(corev1.NodeMemoryPressure, corev1.ConditionFalse)
	for what, c := range map[string]struct {
		conditions []corev1.NodeCondition
		want       string
	}{
		"ready":     {[]corev1.NodeCondition{pressure, condition(corev1.NodeReady, corev1.ConditionTrue)}, ""},
		"not ready": {[]corev1.NodeCondition{pressure, condition(corev1.NodeReady, corev1.ConditionFalse)}, "node lab-x: because"},
		"lost":      {[]corev1.NodeCondition{condition(corev1.NodeReady, corev1.ConditionUnknown)}, "node lab-x: because"},
		"new":       {[]corev1.NodeCondition{pressure}, "no Ready condition yet"},
	} {
		node := &corev1.Node{Status: corev1.NodeStatus{Conditions: c.conditions}}
		node.Name = "lab-x"
		err := (&probe{client: fake.NewClientset(node), node: "lab-x"}).nodeReady(t.Context())
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", what, err, c.want)
		}
	}
	if err := (&probe{client: fake.NewClientset(), node: "lab-x"}).nodeReady(t.Context()); !apierrors.IsNotFound(err) {
		t.Errorf("without a node: %v", err)
	}
}

func TestDefaultAccount(t *testing.T) {
	if err := (&probe{client: fake.NewClientset()}).defaultAccount(t.Context()); !apierrors.IsNotFound(err) {
		t.Errorf("without an account: %v", err)
	}
	account := &corev1.ServiceAccount{}
	account.Namespace, account.Name = "default", "default"
	if err := (&probe{client: fake.NewClientset(account)}).defaultAccount(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestDials(t *testing.T) {
	tcp := listen(t)
	socket := filepath.Join(t.TempDir(), "s")
	local, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range []net.Listener{tcp, local} {
		ready := dials(l.Addr().Network(), l.Addr().String())
		if err := ready(t.Context()); err != nil {
			t.Errorf("%s: %v", l.Addr(), err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if err := ready(t.Context()); !errors.Is(err, syscall.ECONNREFUSED) && !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s, closed: %v", l.Addr(), err)
		}
	}
}
