// Package fargate makes, lists and removes the Fargate profiles of an EKS cluster, with the pod execution role
// that they need, and says which pods no profile covers.
//
// It changes nothing before everything that can be known beforehand is checked, makes one change of a profile
// at a time in a cluster, and removes only what carries its tag or was named. It knows no terminal and no
// environment: its clients and its clock are given. The facts about EKS are from its user guide ("Define which
// Pods use AWS Fargate when launched", "Amazon EKS Pod execution IAM role") and its API reference, as of
// 2026-11, and from what local stand-ins of it showed.
package fargate
