// Package ec2query asks EC2 about subnets and route tables, in the form of the EC2 Query API of version
// 2016-11-15 (docs.aws.amazon.com/AWSEC2/latest/APIReference). Nothing here changes anything.
package ec2query
