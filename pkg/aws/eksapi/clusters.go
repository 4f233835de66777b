package eksapi

import (
	"context"
	"strconv"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
)

// DescribeCluster looks a cluster up.
func (c *Client) DescribeCluster(ctx context.Context, in *eks.DescribeClusterInput, _ ...func(*eks.Options)) (*eks.DescribeClusterOutput, error) {
	var got struct {
		Cluster *cluster `json:"cluster"`
	}
	if err := c.get(ctx, "DescribeCluster", nil, &got, sdk.String("clusters"), in.Name); err != nil {
		return nil, err
	}
	return &eks.DescribeClusterOutput{Cluster: got.Cluster.sdk()}, nil
}

// DescribeClusterVersions lists the versions of Kubernetes that EKS has, a page at a time.
func (c *Client) DescribeClusterVersions(ctx context.Context, in *eks.DescribeClusterVersionsInput, _ ...func(*eks.Options)) (*eks.DescribeClusterVersionsOutput, error) {
	query := page(in.MaxResults, in.NextToken)
	//lint:ignore SA1019 what the SDK's client sends of an input, this one sends
	status := string(in.Status)
	for name, text := range map[string]string{"clusterType": sdk.ToString(in.ClusterType), "status": status, "versionStatus": string(in.VersionStatus)} {
		if text != "" {
			query.Set(name, text)
		}
	}
	for name, is := range map[string]*bool{"defaultOnly": in.DefaultOnly, "includeAll": in.IncludeAll} {
		if is != nil {
			query.Set(name, strconv.FormatBool(*is))
		}
	}
	if len(in.ClusterVersions) > 0 {
		query["clusterVersions"] = in.ClusterVersions
	}
	var got struct {
		Versions []version `json:"clusterVersions"`
		Next     *string   `json:"nextToken"`
	}
	if err := c.get(ctx, "DescribeClusterVersions", query, &got, sdk.String("cluster-versions")); err != nil {
		return nil, err
	}
	out := &eks.DescribeClusterVersionsOutput{NextToken: got.Next}
	if got.Versions != nil {
		out.ClusterVersions = make([]types.ClusterVersionInformation, 0, len(got.Versions))
		for n := range got.Versions {
			out.ClusterVersions = append(out.ClusterVersions, got.Versions[n].sdk())
		}
	}
	return out, nil
}

// ListNodegroups lists the names of a cluster's node groups, a page at a time.
func (c *Client) ListNodegroups(ctx context.Context, in *eks.ListNodegroupsInput, _ ...func(*eks.Options)) (*eks.ListNodegroupsOutput, error) {
	var got struct {
		Names []string `json:"nodegroups"`
		Next  *string  `json:"nextToken"`
	}
	err := c.get(ctx, "ListNodegroups", page(in.MaxResults, in.NextToken), &got, sdk.String("clusters"), in.ClusterName, sdk.String("node-groups"))
	if err != nil {
		return nil, err
	}
	return &eks.ListNodegroupsOutput{Nodegroups: got.Names, NextToken: got.Next}, nil
}

// ListAddons lists the names of a cluster's addons, a page at a time.
func (c *Client) ListAddons(ctx context.Context, in *eks.ListAddonsInput, _ ...func(*eks.Options)) (*eks.ListAddonsOutput, error) {
	var got struct {
		Names []string `json:"addons"`
		Next  *string  `json:"nextToken"`
	}
	err := c.get(ctx, "ListAddons", page(in.MaxResults, in.NextToken), &got, sdk.String("clusters"), in.ClusterName, sdk.String("addons"))
	if err != nil {
		return nil, err
	}
	return &eks.ListAddonsOutput{Addons: got.Names, NextToken: got.Next}, nil
}

// ListClusters lists the names of the clusters, a page at a time.
func (c *Client) ListClusters(ctx context.Context, in *eks.ListClustersInput, _ ...func(*eks.Options)) (*eks.ListClustersOutput, error) {
	query := page(in.MaxResults, in.NextToken)
	if len(in.Include) > 0 {
		query["include"] = in.Include
	}
	var got struct {
		Names []string `json:"clusters"`
		Next  *string  `json:"nextToken"`
	}
	if err := c.get(ctx, "ListClusters", query, &got, sdk.String("clusters")); err != nil {
		return nil, err
	}
	return &eks.ListClustersOutput{Clusters: got.Names, NextToken: got.Next}, nil
}
