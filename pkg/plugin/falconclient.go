package plugin

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	// The tests of this package have a function falcon.
	api "github.com/kubectl-falcon/kubectl-falcon/pkg/falcon"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// The variables of an API client, as the vendor's own tools call them.
const (
	varClientID     = "FALCON_CLIENT_ID"
	varClientSecret = "FALCON_CLIENT_SECRET"
	varCloud        = "FALCON_CLOUD"
	varMember       = "FALCON_MEMBER_CID"
	// varBase is the address of a server that stands in for the API.
	varBase = "FALCON_API_BASE"
)

// apiVariables are those that a file or a Secret may hold.
var apiVariables = []string{varClientID, varClientSecret, varCloud, varMember}

// alsoInFiles are the vendor's other variables, which files for its tools hold too.
var alsoInFiles = []string{"FALCON_CID", "FALCON_PROVISIONING_TOKEN"}

// apiSecretKey is where a Secret has a variable, as the vendor's operator names the keys of its own.
func apiSecretKey(variable string) string {
	return strings.ReplaceAll(strings.ToLower(variable), "_", "-")
}

// apiCredentials is the value of --falcon-credentials: where an API client of the Falcon console is kept.
// It never is the client itself.
type apiCredentials struct {
	kind string
	// name is that of the file or the Secret, namespace the Secret's.
	name, namespace string
	// fault is what is wrong with the value. It is told by check, since what tells of a flag that cannot be
	// set shows its value, which may be the secret.
	fault error
}

const falconFlag = "--falcon-credentials"

// falconCredentialsFlag adds --falcon-credentials to a command that asks the Falcon API.
func falconCredentialsFlag(cmd *cobra.Command) *apiCredentials {
	from := &apiCredentials{kind: fromEnv}
	cmd.Flags().Var(from, strings.TrimPrefix(falconFlag, "--"), "`SOURCE` of the Falcon API client: env, file:PATH or\nsecret:NAME[@NAMESPACE]")
	return from
}

// String is the flag's value as it is written.
func (a *apiCredentials) String() string {
	switch {
	case a.kind == fromEnv:
		return fromEnv
	case a.kind == fromSecret && a.namespace != manifest.Namespace:
		return fromSecret + ":" + a.name + "@" + a.namespace
	}
	return a.kind + ":" + a.name
}

// Type is what help shows for the value.
func (a *apiCredentials) Type() string { return "source" }

// Set reads the flag's value. It never fails: check does.
func (a *apiCredentials) Set(text string) error {
	kind, name, named := strings.Cut(strings.TrimSpace(text), ":")
	switch {
	case kind == fromEnv && !named:
		*a = apiCredentials{kind: fromEnv}
		return nil
	case kind == fromFile && name != "":
		*a = apiCredentials{kind: fromFile, name: name}
		return nil
	case kind == fromSecret && name != "":
		secret, namespace, elsewhere := strings.Cut(name, "@")
		if !elsewhere {
			namespace = manifest.Namespace
		}
		if secret != "" && namespace != "" && !strings.ContainsAny(name, "/ ") {
			*a = apiCredentials{kind: fromSecret, name: secret, namespace: namespace}
			return nil
		}
	}
	*a = apiCredentials{kind: fromEnv, fault: problem.New(problem.BadInput,
		"write "+falconFlag+" env, file:PATH or secret:NAME[@NAMESPACE] (without one in "+manifest.Namespace+")",
		"%s takes where the API client is, never itself: others can read command lines (what was given is not shown)", falconFlag)}
	return nil
}

// check is what is wrong with the flag's value, for a command to tell before it does anything.
func (a *apiCredentials) check() error { return a.fault }

// absent says that the source is the environment and that nothing is there: the user has not asked for
// the Falcon API.
func (a *apiCredentials) absent() bool {
	return a.fault == nil && a.kind == fromEnv && os.Getenv(varClientID) == "" && os.Getenv(varClientSecret) == ""
}

// falconClient returns a client of the Falcon API with the credentials that are kept there. It asks the API
// nothing yet, and the cluster only for a Secret. Whoever uses it ends with endFalcon.
func (s *session) falconClient(ctx context.Context, from *apiCredentials) (*api.Client, error) {
	if err := from.check(); err != nil {
		return nil, err
	}
	values, err := s.apiValues(ctx, from)
	if err != nil {
		return nil, err
	}
	where := "the environment"
	if from.kind != fromEnv {
		where = falconFlag + " " + from.String()
	}
	for _, name := range []string{varClientID, varClientSecret} {
		if values[name] == "" {
			key := name
			if from.kind == fromSecret {
				key = apiSecretKey(name)
			}
			return nil, problem.New(problem.BadInput, "make an API client in the Falcon console and put it there, or name another source with "+falconFlag,
				"the credentials of the Falcon API are missing: %s has no %s", where, key)
		}
	}
	member := strings.ToLower(values[varMember])
	if member != "" && !memberForm.MatchString(member) {
		return nil, problem.New(problem.BadInput, "write the child's customer id: 32 hexadecimal digits",
			"%s: %s is not a customer id", where, varMember)
	}
	// The API takes it without the checksum.
	member, _, _ = strings.Cut(member, "-")
	return api.New(api.Options{ID: values[varClientID], Secret: values[varClientSecret], Cloud: values[varCloud],
		Member: member, Base: os.Getenv(varBase), Agent: userAgent(), Tell: s.remark})
}

// memberForm is a customer id with or without its checksum.
var memberForm = regexp.MustCompile(`^[0-9a-f]{32}(-[0-9a-f]{2})?$`)

// endFalcon revokes the client's token. That may fail without harm: the token ends by itself.
func endFalcon(ctx context.Context, c *api.Client) {
	// Also after Ctrl-C, which has cancelled the run's own context.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	_ = c.Close(ctx)
}

// apiValues reads the variables from where they are kept.
func (s *session) apiValues(ctx context.Context, from *apiCredentials) (map[string]string, error) {
	values := map[string]string{}
	switch from.kind {
	case fromFile:
		return apiFile(falconFlag+" "+from.String(), from.name)
	case fromSecret:
		c, err := s.cluster()
		if err != nil {
			return nil, err
		}
		return apiSecret(ctx, c, from)
	}
	for _, name := range apiVariables {
		values[name] = strings.TrimSpace(os.Getenv(name))
	}
	return values, nil
}

// apiFile reads lines of NAME=VALUE. A file that others may read is refused: what is in it is no secret.
func apiFile(who, name string) (map[string]string, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, unreadable(who, err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, unreadable(who, err)
	}
	// Windows keeps rights elsewhere than in these bits.
	if mode := info.Mode(); runtime.GOOS != "windows" && mode.Perm()&0o077 != 0 && mode&fs.ModeCharDevice == 0 {
		return nil, problem.New(problem.BadInput, "chmod 600 "+asTyped(name)+", and make a new secret if others may have read it",
			"%s: the file's rights (%04o) let others use it", who, mode.Perm())
	}
	content, err := readAll(who, io.Reader(file))
	if err != nil {
		return nil, err
	}
	return apiLines(who, content)
}

// apiLines understands NAME=VALUE, also with export before it and quotes around the value. Errors name the
// line alone: what is on it may be the secret.
func apiLines(who string, content []byte) (map[string]string, error) {
	const next = "write lines such as " + varClientID + "=VALUE; it takes " + varClientID + ", " + varClientSecret + ", " + varCloud + " and " + varMember
	values := map[string]string{}
	number := 0
	for line := range bytes.Lines(content) {
		number++
		text := strings.TrimSpace(string(line))
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		name, value, ok := strings.Cut(strings.TrimPrefix(text, "export "), "=")
		name, value = strings.TrimSpace(name), unquoted(strings.TrimSpace(value))
		_, twice := values[name]
		switch {
		case ok && twice:
			return nil, problem.New(problem.BadInput, "leave one of them", "%s: line %d gives %s again", who, number, name)
		case ok && slices.Contains(apiVariables, name):
			values[name] = value
		case !ok || !slices.Contains(alsoInFiles, name):
			return nil, problem.New(problem.BadInput, next, "%s: line %d is none of the lines it takes (it is not shown)", who, number)
		}
	}
	return values, nil
}

// unquoted takes the quotes away that a shell would.
func unquoted(value string) string {
	if n := len(value); n >= 2 && value[0] == value[n-1] && (value[0] == '"' || value[0] == '\'') {
		return value[1 : n-1]
	}
	return value
}

func apiSecret(ctx context.Context, c *kube.Cluster, from *apiCredentials) (map[string]string, error) {
	who := falconFlag + " " + from.String()
	secret, err := c.Client.CoreV1().Secrets(from.namespace).Get(ctx, from.name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, problem.New(problem.BadInput, "make it first, or name another source",
			"%s: there is no secret %q in namespace %s", who, from.name, from.namespace)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", who, err)
	}
	values := map[string]string{}
	for _, name := range apiVariables {
		values[name] = strings.TrimSpace(string(secret.Data[apiSecretKey(name)]))
	}
	return values, nil
}
