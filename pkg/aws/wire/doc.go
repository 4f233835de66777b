// Package wire signs and sends requests to AWS's services, and tries again what may pass, with the SDK's own
// means but without its clients of services.
//
// Those of EC2 and ECR cost what this program cannot spend: EC2's takes a minute and gigabytes to compile, and
// ECR's builds descriptions of all its types each time a program starts, used or not. Those of EKS and IAM are
// more than a megabyte of the program. What is sent is what the API references say; errors are as those of the
// SDK, so that whoever reads them sees no difference.
package wire
