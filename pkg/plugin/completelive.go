package plugin

import (
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/spf13/cobra"

	// The name is the SDK's own too.
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/ecr"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
)

// What is completed from a cluster or from AWS. Whatever fails, there are no candidates.

func namespaces(t typing) ([]string, cobra.ShellCompDirective) {
	names, err := t.s.flags.Names(userAgent())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	found, err := names.List(t.ctx, kube.Namespaces, "", t.word)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return found, cobra.ShellCompDirectiveNoFileComp
}

// named are the names of the kind that a word stands for, in the namespace of the line.
func named(t typing, kind string) []string {
	of, known := kube.TargetResource(kind)
	// With -A there is no one namespace in which a name would mean something.
	if !known || t.flag("all-namespaces") == "true" {
		return nil
	}
	names, err := t.s.flags.Names(userAgent())
	if err != nil {
		return nil
	}
	found, err := names.List(t.ctx, of, names.Namespace, t.word)
	if err != nil {
		return nil
	}
	return found
}

func pods(t typing) ([]string, cobra.ShellCompDirective) {
	return named(t, "pod"), cobra.ShellCompDirectiveNoFileComp
}

// workloads completes TYPE/NAME, first the one and then the other.
func workloads(t typing) ([]string, cobra.ShellCompDirective) {
	kind, name, found := strings.Cut(t.word, "/")
	if !found {
		return targetTypes(t), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
	t.word = name
	all := named(t, kind)
	for n := range all {
		all[n] = kind + "/" + all[n]
	}
	return all, cobra.ShellCompDirectiveNoFileComp
}

func targetTypes(t typing) []string {
	all := kube.TargetTypes(t.word)
	for n := range all {
		all[n] += "/"
	}
	return all
}

// podsOrWorkloads completes the name of a pod, or TYPE/NAME.
func podsOrWorkloads(t typing) ([]string, cobra.ShellCompDirective) {
	if strings.Contains(t.word, "/") {
		return workloads(t)
	}
	all := named(t, "pod")
	directive := cobra.ShellCompDirectiveNoFileComp
	if len(all) == 0 {
		directive |= cobra.ShellCompDirectiveNoSpace
	}
	return append(all, targetTypes(t)...), directive
}

// account is the AWS account of the line, for which nobody is asked twice and nothing is tried again.
func account(t typing) (*aws.Session, error) {
	return aws.Load(t.ctx, aws.Settings{Region: t.flag("region"), Profile: t.flag("profile"), Near: t.s.clusterPlace(),
		Command: pathOf(t.cmd), Agent: userAgent(), Attempts: 1})
}

func eksClusters(t typing) ([]string, cobra.ShellCompDirective) {
	session, err := account(t)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	// One page is a hundred, which is as many as an account may have without asking AWS for more.
	list, err := session.EKS().ListClusters(t.ctx, &eks.ListClustersInput{MaxResults: sdk.Int32(100)})
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	slices.Sort(list.Clusters)
	return t.beginning(list.Clusters), cobra.ShellCompDirectiveNoFileComp
}

func fargateProfiles(t typing) ([]string, cobra.ShellCompDirective) {
	session, err := account(t)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	cluster := t.flag("cluster")
	if cluster == "" {
		cluster = t.s.clusterPlace().Cluster
	}
	list, err := session.EKS().ListFargateProfiles(t.ctx, &eks.ListFargateProfilesInput{ClusterName: &cluster, MaxResults: sdk.Int32(100)})
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return t.beginning(list.FargateProfileNames), cobra.ShellCompDirectiveNoFileComp
}

func ecrRepositories(t typing) ([]string, cobra.ShellCompDirective) {
	session, err := account(t)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	all, err := ecr.New(session, ecr.Connect(session), nil).Names(t.ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return t.beginning(all), cobra.ShellCompDirectiveNoFileComp
}

// imageTags are the tags in a repository, those of the newest image first.
func imageTags(t typing, session *aws.Session, repository string) (all []string) {
	images, err := ecr.New(session, ecr.Connect(session), nil).Images(t.ctx, repository)
	if err != nil {
		return nil
	}
	for _, one := range images {
		for _, tag := range one.Tags {
			all = append(all, tag+"\tpushed "+one.Pushed.UTC().Format("2006-01-02"))
		}
	}
	return t.beginning(all)
}

// repositoryAndImage completes the name of a repository, and then an image in it.
func repositoryAndImage(t typing) ([]string, cobra.ShellCompDirective) {
	switch len(t.args) {
	case 0:
		return ecrRepositories(t)
	case 1:
		if session, err := account(t); err == nil {
			return imageTags(t, session, t.args[0]), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
		}
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

// ecrImages completes the tag of an image in ECR, whose region is in its name.
func ecrImages(t typing) ([]string, cobra.ShellCompDirective) {
	const directive = cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
	host, path, _ := strings.Cut(t.word, "/")
	repository, tag, tagged := strings.Cut(path, ":")
	where, known := ecr.ParseHost(host)
	if !tagged || !known {
		return nil, directive
	}
	session, err := aws.Load(t.ctx, aws.Settings{Region: where.Region, Command: pathOf(t.cmd), Agent: userAgent(), Attempts: 1})
	if err != nil {
		return nil, directive
	}
	t.word = tag
	all := imageTags(t, session, repository)
	for n := range all {
		all[n] = host + "/" + repository + ":" + all[n]
	}
	return all, directive
}
