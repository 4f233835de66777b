// Package cluster makes and removes EKS clusters on Fargate with an installed eksctl, from a ClusterConfig
// that it writes itself.
//
// What eksctl does not do it does around it: it finds out what is there, goes on with a creation that was
// stopped, removes Fargate profiles one by one before the rest, and tells why something failed. It deletes
// only clusters that carry its tag or that were named and agreed to. It knows no terminal and no environment:
// the program, its variables and the clients are given.
//
// What is said of eksctl is from its public source and user guide (eksctl-io/eksctl, as of 2026-11), and from
// running it against local stand-ins of AWS.
package cluster
