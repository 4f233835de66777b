// Package kubeconfig writes the entries of an EKS cluster into the user's kubeconfig files and takes them out
// again, and makes the tokens with which kubectl gets into the cluster.
//
// It touches only entries that carry its mark. A file is replaced by rename, under the lock that kubectl
// takes, and is readable by its owner alone. What it is not given it does not look for: no environment
// variable is read here.
package kubeconfig
