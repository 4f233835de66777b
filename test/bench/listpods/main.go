// Command listpods is the peer that `verify -A` is measured against: one paged list of all pods with
// client-go's typed client, which speaks protobuf, and nothing else.
package main

import (
	"context"
	"fmt"
	"os"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

func main() {
	if err := list(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func list(ctx context.Context) error {
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		return err
	}
	config.QPS = -1
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	count := 0
	options := metav1.ListOptions{Limit: 500}
	for {
		pods, err := client.CoreV1().Pods("").List(ctx, options)
		if err != nil {
			return err
		}
		count += len(pods.Items)
		if options.Continue = pods.Continue; options.Continue == "" {
			fmt.Println(count)
			return nil
		}
	}
}
