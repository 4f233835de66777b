package node

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubectl-falcon/kubectl-falcon/test/lab/internal/images"
)

// probe answers whether parts of the cluster do their work.
type probe struct {
	client kubernetes.Interface
	node   string
	pause  string
	pushed bool
}

func newProbe(spec Spec) (*probe, error) {
	config, err := clientcmd.BuildConfigFromFlags("", inNode(spec, "admin.kubeconfig"))
	if err != nil {
		return nil, err
	}
	config.QPS = -1
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	return &probe{client: client, node: NodeName(spec), pause: filepath.Join(spec.Programs, "pause")}, nil
}

func (p *probe) apiReady(ctx context.Context) error {
	_, err := p.client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx)
	return err
}

// defaultAccount holds once the controllers run: pods need this account.
func (p *probe) defaultAccount(ctx context.Context) error {
	_, err := p.client.CoreV1().ServiceAccounts(metav1.NamespaceDefault).Get(ctx, "default", metav1.GetOptions{})
	return err
}

func (p *probe) nodeReady(ctx context.Context) error {
	node, err := p.client.CoreV1().Nodes().Get(ctx, p.node, metav1.GetOptions{})
	if err != nil {
		return err
	}
	for _, c := range node.Status.Conditions {
		if c.Type == corev1.NodeReady && c.Status != corev1.ConditionTrue {
			return fmt.Errorf("node %s: %s", p.node, c.Message)
		}
		if c.Type == corev1.NodeReady {
			return nil
		}
	}
	return errors.New("the node has no Ready condition yet")
}

// pushPause puts the sandbox image where the node will look for it.
func (p *probe) pushPause(ctx context.Context) error {
	if p.pushed {
		return nil
	}
	image, err := images.Pause(p.pause)
	if err != nil {
		return err
	}
	if err := images.Push(ctx, image, RegistryHost+"/"+pauseImage); err != nil {
		return err
	}
	p.pushed = true
	return nil
}
