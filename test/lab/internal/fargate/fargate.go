// Package fargate imitates what EKS Fargate adds to a cluster: the webhook that hands pods of a profile's
// namespaces to its scheduler, and the scheduler that places them or says in Fargate's words why not.
//
// It is an imitation, made from public descriptions; it must never be taken for proof of what AWS does.
// The profiles are a ConfigMap, so that a test can add one as a user would: kube-system/fargate-profiles,
// with a key for each profile and a comma-separated list of namespaces as its value.
package fargate

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	// SchedulerName is what the webhook sets.
	SchedulerName = "fargate-scheduler"
	// ProfileLabel is put on a pod with its profile's name.
	ProfileLabel = "eks.amazonaws.com/fargate-profile"
	// ComputeType is the label and taint of Fargate's nodes.
	ComputeType = "eks.amazonaws.com/compute-type"

	profilesName = "fargate-profiles"
)

// Start makes the default profile (as eksctl's --fargate does: default and kube-system), registers the
// webhook and begins to schedule pods onto node. It returns when both work; the channel gets the error
// that ends them later.
func Start(ctx context.Context, kubeconfig, node, logFile string) (<-chan error, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	config.QPS = -1
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	out, err := os.OpenFile(logFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	logger := log.New(io.Writer(out), "", log.LstdFlags)
	if err := ensureProfiles(ctx, client); err != nil {
		return nil, err
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	profiles := factory.Core().V1().ConfigMaps()
	pods := factory.Core().V1().Pods()
	s := &scheduler{client: client, node: node, log: logger}
	if _, err := pods.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(o any) { s.consider(ctx, o.(*corev1.Pod)) },
		UpdateFunc: func(_, o any) { s.consider(ctx, o.(*corev1.Pod)) },
	}); err != nil {
		return nil, err
	}
	hook := &webhook{profiles: profiles.Lister(), log: logger}
	profiles.Informer()
	factory.Start(ctx.Done())
	for kind, synced := range factory.WaitForCacheSync(ctx.Done()) {
		if !synced {
			return nil, fmt.Errorf("the list of %v did not arrive", kind)
		}
	}
	return hook.serve(ctx, client)
}

func ensureProfiles(ctx context.Context, client kubernetes.Interface) error {
	_, err := client.CoreV1().ConfigMaps(metav1.NamespaceSystem).Create(ctx, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: profilesName},
		Data:       map[string]string{"fp-default": "default,kube-system"},
	}, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	return nil
}
