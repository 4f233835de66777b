package installer

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/standin"
)

const (
	namespace         = "falcon-system"
	defaultPullSecret = "crowdstrike-falcon-pull-secret"
)

// options is the command line, checked.
type options struct {
	cid        string
	image      string
	pullPolicy string
	// pullSecret is empty unless -pullsecret or -pulltoken was given: the real
	// installer names its default secret even where nothing creates it, which
	// makes the kubelet warn in every pod of a lab that needs no credentials.
	pullSecret      string
	pullToken       []byte
	namespaces      string
	days            int
	env             map[string]string
	resources       string
	namespacesOptIn bool
}

// settings collects a flag that may be given many times.
type settings map[string]string

// String is part of flag.Value.
func (s settings) String() string {
	return strings.Join(slices.Sorted(maps.Keys(s)), ",")
}

// Set is part of flag.Value.
func (s settings) Set(text string) error {
	key, value, ok := strings.Cut(text, "=")
	if !ok || !strings.HasPrefix(key, standin.OptionPrefix) && !strings.HasPrefix(key, standin.Prefix) {
		return fmt.Errorf("want %s<NAME>=<value>", standin.OptionPrefix)
	}
	s[key] = value
	return nil
}

// parse reads the command line. It has said what is wrong before it returns an
// error.
func parse(args []string, out io.Writer) (*options, error) {
	o := &options{env: map[string]string{}}
	var token, resources string
	flags := flag.NewFlagSet("installer", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.Usage = func() {
		fmt.Fprintf(out, "installer -cid <cid> [other arguments]\n\n%s\n\n", standin.Notice)
		flags.PrintDefaults()
	}
	flags.StringVar(&o.cid, "cid", "", "customer id with checksum (required)")
	flags.StringVar(&o.image, "image", "crowdstrike/falcon", "image of the injector and of the sidecars")
	flags.StringVar(&o.pullPolicy, "pullpolicy", string(corev1.PullIfNotPresent), "pull policy of the image")
	flags.StringVar(&o.pullSecret, "pullsecret", defaultPullSecret,
		"name of the pull secret; referenced only when -pullsecret or -pulltoken is given")
	flags.StringVar(&token, "pulltoken", "", "docker config, JSON or base64 of it, to make pull secrets from")
	flags.StringVar(&o.namespaces, "namespaces", "default", "comma-separated namespaces that get the pull secret")
	flags.IntVar(&o.days, "days", 3650, "days the certificates are valid")
	flags.Var(settings(o.env), "falconctl-env", "`KEY=value` for the sensor, FALCONCTL_OPT_<NAME>; may be repeated")
	flags.StringVar(&resources, "sensor-resources", "", "resources of the sidecars, JSON or base64 of it")
	flags.BoolVar(&o.namespacesOptIn, "disable-default-ns-injection", false, "inject only into namespaces that opt in")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	given := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	if !given["pullsecret"] && !given["pulltoken"] {
		o.pullSecret = ""
	}
	if err := o.check(flags.Args(), token, resources); err != nil {
		fmt.Fprintln(out, err)
		flags.Usage()
		return nil, err
	}
	return o, nil
}

func (o *options) check(rest []string, token, resources string) error {
	switch {
	case len(rest) > 0:
		return fmt.Errorf("unexpected argument %q", rest[0])
	case o.cid == "":
		return errors.New("-cid is required")
	case !standin.ValidCID(o.cid):
		return fmt.Errorf("-cid %q: want 32 hex digits, a dash and two more", o.cid)
	case o.image == "":
		return errors.New("-image must not be empty")
	case o.days < 1:
		return fmt.Errorf("-days %d: want at least 1", o.days)
	}
	switch corev1.PullPolicy(o.pullPolicy) {
	case corev1.PullAlways, corev1.PullIfNotPresent, corev1.PullNever:
	default:
		return fmt.Errorf("-pullpolicy %q: want Always, IfNotPresent or Never", o.pullPolicy)
	}
	if token != "" {
		text, err := plainJSON(token, &struct{ Auths map[string]any }{})
		if err != nil {
			return fmt.Errorf("-pulltoken: %w", err)
		}
		o.pullToken = text
	}
	if resources != "" {
		text, err := plainJSON(resources, &corev1.ResourceRequirements{})
		if err != nil {
			return fmt.Errorf("-sensor-resources: %w", err)
		}
		o.resources = base64.StdEncoding.EncodeToString(text)
	}
	return nil
}

// plainJSON accepts JSON or base64 of JSON that fits into into, and returns the
// JSON.
func plainJSON(text string, into any) ([]byte, error) {
	plain := []byte(strings.TrimSpace(text))
	if decoded, err := base64.StdEncoding.DecodeString(string(plain)); err == nil {
		plain = decoded
	}
	if err := json.Unmarshal(plain, into); err != nil {
		return nil, errors.New("neither JSON nor base64 of JSON")
	}
	return plain, nil
}

// splitList drops empty entries and repeated ones.
func splitList(text string) []string {
	var list []string
	for _, entry := range strings.Split(text, ",") {
		if entry = strings.TrimSpace(entry); entry != "" && !slices.Contains(list, entry) {
			list = append(list, entry)
		}
	}
	return list
}
