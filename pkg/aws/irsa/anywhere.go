package irsa

import "github.com/kubectl-falcon/kubectl-falcon/pkg/aws/document"

// ReadImages is the policy with which images in ECR can be read in every account whose registry lets it, for a
// role that is made before the account is known.
func ReadImages(partition string) document.Document {
	return document.New(
		document.Statement{Sid: "Login", Effect: document.Allow, Action: document.Words{actionLogin}, Resource: document.Words{"*"}},
		document.Statement{Sid: "ReadImages", Effect: document.Allow, Action: reads, Resource: document.Words{"arn:" + partition + ":ecr:*:*:repository/*"}})
}
