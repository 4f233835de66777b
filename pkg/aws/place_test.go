package aws

import "testing"

func TestWhereTheClusterIs(t *testing.T) {
	const arn = "arn:aws:eks:eu-west-1:123456789012:cluster/shop"
	for name, test := range map[string]struct {
		k    KubeContext
		want Place
	}{
		"by the AWS CLI":               {KubeContext{Context: arn, Cluster: arn}, Place{"shop", "eu-west-1", "123456789012"}},
		"by the AWS CLI, with --alias": {KubeContext{Context: "mine", Cluster: arn}, Place{"shop", "eu-west-1", "123456789012"}},
		"in China":                     {KubeContext{Cluster: "arn:aws-cn:eks:cn-north-1:123456789012:cluster/shop"}, Place{"shop", "cn-north-1", "123456789012"}},
		"by eksctl":                    {KubeContext{Context: "eve@shop.us-east-2.eksctl.io", Cluster: "shop.us-east-2.eksctl.io"}, Place{"shop", "us-east-2", ""}},
		"by eksctl, with a mail address": {KubeContext{Context: "eve@example.com@shop.us-east-2.eksctl.io"},
			Place{"shop", "us-east-2", ""}},
		"by the server": {KubeContext{Context: "prod", Server: "https://0123ABCD.gr7.ap-southeast-2.eks.amazonaws.com"}, Place{"", "ap-southeast-2", ""}},
		"by the server in China": {KubeContext{Server: "https://0123ABCD.yl4.cn-north-1.eks.amazonaws.com.cn:443"},
			Place{"", "cn-north-1", ""}},
		"by the server with IPv6": {KubeContext{Server: "https://0123abcd.eks-cluster.eu-west-1.api.aws"}, Place{"", "eu-west-1", ""}},
		"by the command": {KubeContext{Context: "prod", Args: []string{"--region", "eu-central-1", "eks", "get-token", "--cluster-name", "shop", "--output", "json"}},
			Place{"shop", "eu-central-1", ""}},
		"by the command, joined": {KubeContext{Args: []string{"eks", "get-token", "--region=eu-central-1", "--cluster-name=shop"}}, Place{"shop", "eu-central-1", ""}},
		"by the authenticator":   {KubeContext{Args: []string{"token", "-i", "shop"}}, Place{"shop", "", ""}},
		"the ARN before the command": {KubeContext{Cluster: arn, Args: []string{"--region", "us-east-1", "--cluster-name", "other"}},
			Place{"shop", "eu-west-1", "123456789012"}},
		"no EKS":                {KubeContext{Context: "kind-shop", Cluster: "kind-shop", Server: "https://127.0.0.1:6443"}, Place{}},
		"looks like it":         {KubeContext{Context: "shop.eksctl.io", Cluster: "arn:aws:iam::123456789012:role/shop", Server: "https://eks.example.com"}, Place{}},
		"a server that is none": {KubeContext{Server: "https://a.eu-west-1.eks.amazonaws.com.example.com"}, Place{}},
		"nothing":               {KubeContext{Server: "::", Args: []string{"--region"}}, Place{}},
	} {
		if got := Where(test.k); got != test.want {
			t.Errorf("%s: got %+v, want %+v", name, got, test.want)
		}
	}
}
