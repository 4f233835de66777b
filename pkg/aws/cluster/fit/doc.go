// Package fit says whether an EKS cluster can run the Falcon Container sensor: it collects what is there and
// judges it. Judging asks nobody, so that it is the same everywhere.
//
// It changes nothing. What it says of EKS is from its user guide (docs.aws.amazon.com/eks: "Simplify compute
// management with AWS Fargate", "Amazon EKS networking requirements", "Cluster API server endpoint", "Understand
// the Kubernetes version lifecycle on EKS"), as of 2026-11.
package fit
