package main

import (
	"net"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/plugin"
)

// ends are whom a command may reach, as docs/connections.md lists them.
type ends struct {
	allowed *regexp.Regexp
	// must says that it has to reach one of them here: else nothing would be seen of a recorder that is blind.
	must bool
}

func only(hosts string) ends { return ends{regexp.MustCompile(`^(?:` + hosts + `)$`), true} }

const (
	falconHosts = `(?:api|registry)\.crowdstrike\.com`
	awsHosts    = `[a-z.]+\.eu-west-1\.amazonaws\.com`
	theCluster  = `cluster\.test`
)

var (
	nobody     = ends{regexp.MustCompile(`^$`), false}
	toCluster  = only(theCluster)
	toFalcon   = only(falconHosts)
	toAWS      = only(awsHosts)
	toAWSOrHub = only(awsHosts + "|" + theCluster)
	toAny      = only(awsHosts + "|" + theCluster + "|" + falconHosts)
)

// someCID is nobody's.
const someCID = "0123456789abcdef0123456789abcdef-12"

// lines are command lines that reach each command, with whom they may talk to.
var lines = []struct {
	line string
	to   ends
}{
	{"version", nobody}, {"--help", nobody}, {"verify --help", nobody}, {"help install", nobody}, {"explain-check FC403", nobody},
	{"demo list", nobody}, {"rbac install", nobody}, {"aws iam-policy up", nobody}, {"completion bash", nobody},
	{"completion zsh", nobody}, {"completion fish", nobody}, {"completion powershell", nobody},
	// These fail, for want of the folder, after all that they might connect to.
	{"completion install --dir /missing", nobody}, {"completion uninstall --dir /missing", nobody},
	{"k9s print", nobody}, {"k9s install --file /missing/plugins.yaml", nobody}, {"k9s uninstall --file /missing/plugins.yaml", nobody},
	{"verfy", nobody}, {"verify --leftover", nobody}, {"__complete verify -o ", nobody},
	{"install --cid " + someCID + " --image registry.test/falcon:7 --dry-run=client", nobody},
	{"demo --dry-run -o yaml", nobody}, {"demo run rootkit --dry-run -o yaml", nobody},

	{"install --cid " + someCID + " --image registry.test/falcon:7 --timeout 2s", toCluster},
	{"uninstall --timeout 2s", toCluster}, {"uninstall --break-glass", toCluster}, {"status", toCluster},
	{"certs", toCluster}, {"certs rotate --timeout 2s", toCluster}, {"verify -A --deep --aids --leftovers", toCluster},
	{"explain pod/web", toCluster}, {"restart -A --yes", toCluster}, {"bundle --deep", toCluster}, {"aid -A", toCluster},
	{"logs", toCluster}, {"demo status", toCluster}, {"demo clean", toCluster},
	{"sensor pull-secret --falcon-credentials secret:falcon-api", toCluster},

	{"demo --timeout 2s", only(falconHosts + "|" + theCluster)}, {"demo run rootkit --timeout 2s", only(falconHosts + "|" + theCluster)},
	{"sensor tags", toFalcon}, {"sensor image", toFalcon}, {"sensor cid", toFalcon}, {"sensor download", toFalcon},
	{"sensor pull-secret", toFalcon},
	{"sensor push registry.test/a:1 mirror.test/b:1", only(`registry\.test|mirror\.test`)},
	{"sensor push 123456789012.dkr.ecr.eu-west-1.amazonaws.com/a:1 mirror.test/b:1", only(awsHosts + `|mirror\.test|123456789012\.dkr\.ecr\.eu-west-1\.amazonaws\.com`)},

	{"aws ecr ensure falcon-sensor", toAWS}, {"aws ecr images falcon-sensor", toAWS}, {"aws ecr delete-image falcon-sensor 7 --yes", toAWS}, {"aws ecr delete falcon-sensor --yes", toAWS},
	{"aws ecr login-check", toAWS}, {"aws fargate ensure --cluster shop", toAWS}, {"aws fargate list --cluster shop", toAWS},
	{"aws fargate delete fp --cluster shop --yes", toAWS}, {"aws fargate coverage --cluster shop", toAWSOrHub},
	{"aws irsa ensure --cluster shop", toAWS}, {"aws irsa check --cluster shop", toAWSOrHub}, {"aws irsa delete --cluster shop --yes", toAWS},
	{"aws cluster check shop", toAWSOrHub}, {"aws cluster create shop --eksctl /bin/false", ends{toAWS.allowed, false}},
	{"aws cluster delete shop --yes --eksctl /bin/false", ends{toAWS.allowed, false}}, {"aws cluster kubeconfig shop", toAWS},
	{"aws cluster token shop", nobody},
	{"up --plan --cluster shop", toAny}, {"down --yes --cluster shop", toAny},
}

// credentials are of nobody. AWS's come from the environment, so that the machine's own are not looked for.
var credentials = []string{"FALCON_CLIENT_ID=nobody", "FALCON_CLIENT_SECRET=nothing", "AWS_REGION=eu-west-1",
	"AWS_ACCESS_KEY_ID=nobody", "AWS_SECRET_ACCESS_KEY=nothing"}

// strangers are whom a run reached and should not have.
func (e ends) strangers(c contacts) (found []string) {
	for _, name := range c.Names {
		if !e.allowed.MatchString(name) {
			found = append(found, "the name "+name)
		}
	}
	for _, address := range c.Addresses {
		if host, _, err := net.SplitHostPort(address); err != nil || !e.allowed.MatchString(host) {
			found = append(found, "the address "+address)
		}
	}
	return found
}

func TestCommandsConnectOnlyWhereTheyShould(t *testing.T) {
	var runs [][]string
	for _, one := range lines {
		runs = append(runs, strings.Split(one.line, " "))
	}
	for n, c := range isolated(t, native(t), credentials, runs...) {
		one := lines[n]
		if found := one.to.strangers(c); len(found) > 0 {
			t.Errorf("%s reached for %s; it said\n%s", one.line, strings.Join(found, ", "), c.Output)
		}
		if one.to.must && len(c.Addresses) == 0 {
			t.Errorf("%s reached for nobody, so nothing was seen of it; it said\n%s", one.line, c.Output)
		}
	}
}

// What looks for credentials of AWS asks the machine's own metadata service at last, at an address that leads
// nowhere else.
func TestWithoutCredentialsOnlyTheMachineIsAskedForThem(t *testing.T) {
	env := []string{"AWS_REGION=eu-west-1", "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE=IPv4"}
	c := isolated(t, native(t), env, []string{"aws", "ecr", "images", "falcon-sensor"}, []string{"sensor", "tags"})
	if found := only(`169\.254\.169\.254`).strangers(c[0]); len(found) > 0 || len(c[0].Addresses) == 0 {
		t.Errorf("it reached for %q, among them %s; it said\n%s", c[0].Addresses, strings.Join(found, ", "), c[0].Output)
	}
	if found := nobody.strangers(c[1]); len(found) > 0 {
		t.Errorf("without credentials of the Falcon API it reached for %s; it said\n%s", strings.Join(found, ", "), c[1].Output)
	}
}

// A command that no line is about could connect anywhere.
func TestEveryCommandsConnectionsAreTried(t *testing.T) {
	var walk func(cmd *cobra.Command, path string)
	walk = func(cmd *cobra.Command, path string) {
		tried := slices.ContainsFunc(lines, func(one struct {
			line string
			to   ends
		}) bool {
			return one.line == path || strings.HasPrefix(one.line, path+" ")
		})
		// Those of rbac print what they have, all by one function.
		if path != "" && !tried && !strings.HasPrefix(path, "rbac ") {
			t.Errorf("no line tries %q", path)
		}
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() {
				walk(sub, strings.TrimSpace(path+" "+sub.Name()))
			}
		}
	}
	walk(plugin.Commands(), "")
}

// The check of connections must find what it is there for: another name, another address, another port's host.
func TestStrangersAreFound(t *testing.T) {
	found := isolated(t, native(t), nil, []string{"status", "--server", "http://elsewhere.test:8080"},
		[]string{"status", "--server", "http://203.0.113.7:8080"}, []string{"status", "--server", "http://[2001:db8::7]:8080"})
	for n, want := range []string{"the name elsewhere.test", "the address 203.0.113.7:8080", "the address 2001:db8::7:8080"} {
		if got := strings.Join(toCluster.strangers(found[n]), ", "); !strings.Contains(got, want) {
			t.Errorf("got %q, want %q; it said\n%s", got, want, found[n].Output)
		}
	}
}
