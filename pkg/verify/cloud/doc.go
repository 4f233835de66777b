// Package cloud looks at the AWS account that a cluster of EKS is in, for the checks of verify that are about it.
//
// It only reads, and judges nothing: what it could not look at it notes with the reason, and with the IAM action
// that is missing, as far as AWS names it.
package cloud
