// Package ec2query asks EC2 about subnets and route tables.
//
// EC2's module of the SDK takes a minute to compile and gigabytes of memory, for two calls; those are made
// here by hand, signed and tried again with the SDK's own means. The form of questions and answers is that of
// the EC2 Query API, version 2016-11-15 (docs.aws.amazon.com/AWSEC2/latest/APIReference). Nothing here
// changes anything.
package ec2query
