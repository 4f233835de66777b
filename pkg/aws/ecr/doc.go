// Package ecr makes, looks at and removes repositories and images in Amazon ECR, and logs in to it.
//
// It must not show the registry's token, change a repository that somebody else made unless told, or delete
// what was not named. Facts about ECR are from its API reference and user guide (docs.aws.amazon.com/AmazonECR).
package ecr
