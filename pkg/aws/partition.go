package aws

import "strings"

// PartitionOf is the partition of a region, the second part of ARNs there (docs.aws.amazon.com/IAM, "Amazon
// Resource Names (ARNs)"). Once who calls is known, Identity says it.
func PartitionOf(region string) string {
	for start, partition := range map[string]string{"cn-": "aws-cn", "us-gov-": "aws-us-gov", "us-iso-": "aws-iso", "us-isob-": "aws-iso-b",
		"eu-isoe-": "aws-iso-e", "us-isof-": "aws-iso-f", "eusc-": "aws-eusc"} {
		if strings.HasPrefix(region, start) {
			return partition
		}
	}
	return "aws"
}
