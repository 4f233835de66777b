// Package policy is a table of the least IAM policy for each command. It calls nothing.
//
// A policy is the file COMMAND.json here, with - between the command's words, as IAM takes it but for names in
// the form ${Name}. Which actions a command needs is held by tests that let it run under its policy, and again
// without each action. Forms of ARNs are from the Service Authorization Reference (docs.aws.amazon.com).
package policy

import (
	"embed"
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

//go:embed *.json
var files embed.FS

// Commands are those that have a policy, by their words, sorted.
func Commands() (all []string) {
	// What is embedded can be read.
	entries, _ := files.ReadDir(".")
	for _, e := range entries {
		all = append(all, command(strings.TrimSuffix(e.Name(), ".json")))
	}
	for name := range compound {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

// compound are the commands that do what others do. Making and removing a cluster is eksctl's, and has policies
// of its own.
var compound = map[string][]string{
	"up":   {"fargate ensure", "ecr ensure", "ecr images", "sensor push", "irsa ensure"},
	"down": {"fargate delete", "irsa delete", "ecr delete"},
}

// Parts are the commands whose policies together are that of a command: for most it is the command itself.
func Parts(command string) []string {
	if parts := compound[command]; len(parts) > 0 {
		return parts
	}
	return []string{command}
}

// Join makes one policy of several. What two of them allow in the same words is there once.
func Join(policies ...string) (string, error) {
	type document struct {
		Version   string            `json:"Version"`
		Statement []json.RawMessage `json:"Statement"`
	}
	var whole document
	seen := map[string]bool{}
	for _, text := range policies {
		var part document
		if err := json.Unmarshal([]byte(text), &part); err != nil {
			return "", err
		}
		whole.Version = part.Version
		for _, statement := range part.Statement {
			if !seen[string(statement)] {
				seen[string(statement)] = true
				whole.Statement = append(whole.Statement, statement)
			}
		}
	}
	joined, err := json.MarshalIndent(whole, "", "  ")
	return string(joined) + "\n", err
}

// groups are the commands that have others below them; the first - of a file's name stands for a blank there.
var groups = []string{"ecr", "fargate", "irsa", "cluster", "sensor"}

func command(file string) string {
	group, rest, ok := strings.Cut(file, "-")
	if ok && slices.Contains(groups, group) {
		return group + " " + rest
	}
	return file
}

// Names are what the names in a policy stand for. What is empty is any, and Partition is aws.
type Names struct {
	Partition, Region, Account string
	Repository                 string
	Cluster, Role              string
}

func (n *Names) of(name string) string {
	value := map[string]string{"Partition": n.partition(), "Region": n.Region, "Account": n.Account, "Repository": n.Repository,
		"Cluster": n.Cluster, "Role": n.Role}[name]
	if value == "" {
		return "*"
	}
	return value
}

// partition is that of the region unless it is given (docs.aws.amazon.com/IAM, "Amazon Resource Names").
func (n *Names) partition() string {
	switch {
	case n.Partition != "":
		return n.Partition
	case strings.HasPrefix(n.Region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(n.Region, "us-gov-"):
		return "aws-us-gov"
	case strings.HasPrefix(n.Region, "eusc-"):
		return "aws-eusc"
	}
	return "aws"
}

// For returns the least policy for a command, such as "ecr ensure", as IAM takes it.
func For(command string, n Names) (string, error) {
	if parts := Parts(command); len(parts) > 1 {
		texts := make([]string, 0, len(parts))
		for _, part := range parts {
			text, err := For(part, n)
			if err != nil {
				return "", err
			}
			texts = append(texts, text)
		}
		return Join(texts...)
	}
	file := strings.Join(strings.Fields(command), "-") + ".json"
	content, err := files.ReadFile(file)
	if err != nil {
		next := "use one of: " + strings.Join(Commands(), ", ")
		if near := problem.DidYouMean("", command, Commands()); near != "" {
			next = near + " " + next
		}
		return "", problem.New(problem.BadInput, next, "there is no policy for a command %q", command)
	}
	form := regexp.MustCompile(`\$\{[A-Z][A-Za-z]*\}`)
	filled := form.ReplaceAllStringFunc(string(content), func(name string) string {
		// A name may come from the user.
		value, _ := json.Marshal(n.of(name[2 : len(name)-1]))
		return strings.Trim(string(value), `"`)
	})
	return filled, nil
}
