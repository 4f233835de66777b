package plugin

import (
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	// The name is the SDK's own too.
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/demo"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify"
)

// argumentValues say how the arguments of commands are completed. A command that is not here has none that
// could be known.
var argumentValues = map[string]completer{
	"aid":                    many(podsOrWorkloads),
	"verify":                 many(workloads),
	"explain":                many(workloads),
	"restart":                many(workloads),
	"explain-check":          first(checkIDs),
	"demo run":               many(scenarios),
	"help":                   commandNames,
	"sensor push":            first(files),
	"aws cluster check":      first(eksClusters),
	"aws cluster delete":     first(eksClusters),
	"aws cluster kubeconfig": first(eksClusters),
	"aws cluster token":      first(eksClusters),
	"aws ecr ensure":         first(ecrRepositories),
	"aws ecr images":         first(ecrRepositories),
	"aws ecr delete":         first(ecrRepositories),
	"aws ecr delete-image":   repositoryAndImage,
	"aws fargate delete":     many(fargateProfiles),
}

// connectionValues say how the flags that all commands have are completed.
var connectionValues = map[string]completer{
	"namespace":             namespaces,
	"context":               contexts,
	"cluster":               kubeconfigClusters,
	"user":                  kubeconfigUsers,
	"kubeconfig":            files,
	"certificate-authority": files,
	"client-certificate":    files,
	"client-key":            files,
	"cache-dir":             folders,
}

// flagValues say how the flags of commands are completed, by the flag's name alone or with the command before it.
var flagValues = map[string]completer{
	"--region":                   regions,
	"--cluster":                  eksClusters,
	"--eks-cluster":              eksClusters,
	"--repository":               ecrRepositories,
	"--repositories":             several(ecrRepositories),
	"install --image":            ecrImages,
	"--check":                    several(checkIDs),
	"--skip":                     several(checkIDs),
	"--contexts":                 several(contexts),
	"--namespaces":               several(namespaces),
	"--fargate-namespaces":       several(namespaces),
	"--exclude-namespace":        several(namespaces),
	"--allow-uncovered":          several(namespaces),
	"--for":                      podsOrWorkloads,
	"--sidecar":                  pods,
	"--fail-on":                  words(failOnError, failOnWarning, failNever),
	"--platform":                 words("linux/amd64", "linux/arm64"),
	"--falcon-credentials":       sources(fromEnv, fromFile+":", fromSecret+":"),
	"--cid":                      sources(fromEnv+":", fromFile+":", fromSecret+":"),
	"--provisioning-token":       sources(fromEnv+":", fromFile+":", fromSecret+":"),
	"--filename":                 files,
	"bundle --file":              files,
	"--from":                     files,
	"--source":                   files,
	"--to":                       files,
	"--eksctl":                   files,
	"--pull-secret-file":         files,
	"--registry-ca":              files,
	"completion install --dir":   folders,
	"completion uninstall --dir": folders,
	"k9s install --file":         files,
	"k9s uninstall --file":       files,
}

// words offers what a flag takes one of.
func words(all ...string) completer {
	return func(t typing) ([]string, cobra.ShellCompDirective) {
		return t.beginning(all), cobra.ShellCompDirectiveNoFileComp
	}
}

// sources offers beginnings, behind which there is more to type.
func sources(all ...string) completer {
	return func(t typing) ([]string, cobra.ShellCompDirective) {
		return t.beginning(all), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}

func files(typing) ([]string, cobra.ShellCompDirective) { return nil, cobra.ShellCompDirectiveDefault }

func folders(typing) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveFilterDirs
}

// first completes the first argument alone.
func first(how completer) completer {
	return func(t typing) ([]string, cobra.ShellCompDirective) {
		if len(t.args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return how(t)
	}
}

// many completes any number of arguments, and offers none twice.
func many(how completer) completer {
	return func(t typing) ([]string, cobra.ShellCompDirective) {
		found, directive := how(t)
		return notGiven(found, t.args), directive
	}
}

// several completes the last of several values with commas between them.
func several(how completer) completer {
	return func(t typing) ([]string, cobra.ShellCompDirective) {
		before := t.word[:strings.LastIndexByte(t.word, ',')+1]
		given := strings.Split(before, ",")
		t.word = t.word[len(before):]
		found, directive := how(t)
		found = notGiven(found, given)
		for n := range found {
			found[n] = before + found[n]
		}
		return found, directive
	}
}

// notGiven takes away those candidates that are there already.
func notGiven(candidates, given []string) []string {
	return slices.DeleteFunc(candidates, func(one string) bool {
		word, _, _ := strings.Cut(one, "\t")
		return slices.Contains(given, word)
	})
}

func checkIDs(t typing) ([]string, cobra.ShellCompDirective) {
	var all []string
	for _, c := range verify.Catalogue() {
		all = append(all, c.ID+"\t"+c.Title)
	}
	return t.beginning(all), cobra.ShellCompDirectiveNoFileComp
}

func scenarios(t typing) ([]string, cobra.ShellCompDirective) {
	var all []string
	for _, one := range demo.Scenarios() {
		all = append(all, one.Name+"\t"+one.Does)
	}
	return t.beginning(all), cobra.ShellCompDirectiveNoFileComp
}

func regions(t typing) ([]string, cobra.ShellCompDirective) {
	var all []string
	for _, one := range aws.Regions() {
		all = append(all, one.Name+"\t"+one.Place)
	}
	return t.beginning(all), cobra.ShellCompDirectiveNoFileComp
}

// commandNames completes the words of a command.
func commandNames(t typing) ([]string, cobra.ShellCompDirective) {
	cmd, rest, err := t.cmd.Root().Find(t.args)
	if err != nil || len(rest) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var all []string
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			all = append(all, sub.Name()+"\t"+sub.Short)
		}
	}
	return t.beginning(all), cobra.ShellCompDirectiveNoFileComp
}

func contexts(t typing) ([]string, cobra.ShellCompDirective) {
	raw, err := t.s.flags.Loader().RawConfig()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return t.beginning(slices.Sorted(maps.Keys(raw.Contexts))), cobra.ShellCompDirectiveNoFileComp
}

func kubeconfigClusters(t typing) ([]string, cobra.ShellCompDirective) {
	raw, err := t.s.flags.Loader().RawConfig()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return t.beginning(slices.Sorted(maps.Keys(raw.Clusters))), cobra.ShellCompDirectiveNoFileComp
}

func kubeconfigUsers(t typing) ([]string, cobra.ShellCompDirective) {
	raw, err := t.s.flags.Loader().RawConfig()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return t.beginning(slices.Sorted(maps.Keys(raw.AuthInfos))), cobra.ShellCompDirectiveNoFileComp
}
