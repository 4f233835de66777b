package cluster

import (
	"bytes"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/document"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/fargate"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// Options are what a new cluster can be told.
type Options struct {
	Name, Region string
	// Version is Kubernetes' such as 1.34; empty, eksctl chooses.
	Version string
	// Selectors are for Fargate profiles besides those that the cluster and the injector need.
	Selectors []fargate.Selector
	// Tags are put on all that is made.
	Tags map[string]string
	// Account is the ServiceAccount that gets a role with which it may read images.
	Account ServiceAccount
}

// ServiceAccount is one of the cluster, with what its pods may do in AWS.
type ServiceAccount struct {
	Namespace, Name string
	// Role is the name of the role, Policy what it may do.
	Role   string
	Policy document.Document
}

// The names of the Fargate profiles. The first is the one that eksctl's own --fargate makes.
const (
	DefaultProfile = "fp-default"
	SystemProfile  = "fp-falcon-system"
)

// The form of eksctl's configuration file (docs.aws.amazon.com/eks/latest/eksctl/schema.html).
type (
	clusterConfig struct {
		APIVersion string    `yaml:"apiVersion"`
		Kind       string    `yaml:"kind"`
		Metadata   meta      `yaml:"metadata"`
		IAM        *iamPart  `yaml:"iam,omitempty"`
		Addons     []addon   `yaml:"addons,omitempty"`
		Profiles   []profile `yaml:"fargateProfiles,omitempty"`
	}
	meta struct {
		Name    string            `yaml:"name"`
		Region  string            `yaml:"region"`
		Version string            `yaml:"version,omitempty"`
		Tags    map[string]string `yaml:"tags,omitempty"`
	}
	iamPart struct {
		WithOIDC bool      `yaml:"withOIDC"`
		Accounts []account `yaml:"serviceAccounts,omitempty"`
	}
	account struct {
		Metadata struct {
			Name      string `yaml:"name"`
			Namespace string `yaml:"namespace"`
		} `yaml:"metadata"`
		// RoleOnly leaves the ServiceAccount itself to install.
		RoleName string            `yaml:"roleName"`
		RoleOnly bool              `yaml:"roleOnly"`
		Policy   policy            `yaml:"attachPolicy"`
		Tags     map[string]string `yaml:"tags,omitempty"`
	}
	policy struct {
		Version   string      `yaml:"Version"`
		Statement []statement `yaml:"Statement"`
	}
	statement struct {
		Sid      string   `yaml:"Sid,omitempty"`
		Effect   string   `yaml:"Effect"`
		Action   []string `yaml:"Action"`
		Resource []string `yaml:"Resource"`
	}
	addon struct {
		Name          string            `yaml:"name"`
		Configuration string            `yaml:"configurationValues,omitempty"`
		Tags          map[string]string `yaml:"tags,omitempty"`
	}
	profile struct {
		Name      string            `yaml:"name"`
		Selectors []selector        `yaml:"selectors"`
		Tags      map[string]string `yaml:"tags,omitempty"`
	}
	selector struct {
		Namespace string            `yaml:"namespace"`
		Labels    map[string]string `yaml:"labels,omitempty"`
	}
)

// Check refuses what cannot be meant.
func (o *Options) Check() error {
	if err := checkNewName(o.Name); err != nil {
		return err
	}
	if !regionPattern().MatchString(o.Region) {
		return problem.New(problem.BadInput, "name one such as eu-west-1 with --region", "%q is not the name of an AWS region", o.Region)
	}
	if o.Version != "" && !versionPattern().MatchString(o.Version) {
		return problem.New(problem.BadInput, "write it as 1.34, or leave it out", "%q is not a version of Kubernetes on EKS", o.Version)
	}
	if o.Account.Name != "" && len(o.Account.Policy.Statement) == 0 {
		return problem.New(problem.Failed, "", "the service account %s has no policy", o.Account.Name)
	}
	return nil
}

// Config is the ClusterConfig for eksctl, in YAML.
func Config(o Options) ([]byte, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	c := o.header()
	c.IAM = o.iam(true)
	c.Profiles = o.profiles()
	return c.yaml()
}

func (o *Options) header() clusterConfig {
	return clusterConfig{APIVersion: "eksctl.io/v1alpha5", Kind: "ClusterConfig",
		Metadata: meta{Name: o.Name, Region: o.Region, Version: o.Version, Tags: o.Tags}}
}

func (o *Options) iam(accounts bool) *iamPart {
	i := &iamPart{WithOIDC: true}
	if !accounts || o.Account.Name == "" {
		return i
	}
	a := account{RoleName: o.Account.Role, RoleOnly: true, Tags: o.Tags, Policy: policy{Version: o.Account.Policy.Version}}
	a.Metadata.Name, a.Metadata.Namespace = o.Account.Name, o.Account.Namespace
	for _, s := range o.Account.Policy.Statement {
		a.Policy.Statement = append(a.Policy.Statement, statement{Sid: s.Sid, Effect: s.Effect, Action: s.Action, Resource: s.Resource})
	}
	i.Accounts = []account{a}
	return i
}

// profiles are those of the cluster, of the injector, and as few as do for the rest.
func (o *Options) profiles() []profile {
	own := []fargate.Selector{{Namespace: "default"}, {Namespace: "kube-system"}}
	system := fargate.Selector{Namespace: o.Account.Namespace}
	all := []profile{o.profile(DefaultProfile, own)}
	if system.Namespace != "" {
		all = append(all, o.profile(SystemProfile, []fargate.Selector{system}))
		own = append(own, system)
	}
	var more []fargate.Selector
	for _, s := range fargate.Tidy(o.Selectors) {
		if !slices.ContainsFunc(own, func(k fargate.Selector) bool { return k.Contains(s) }) {
			more = append(more, s)
		}
	}
	for part := range slices.Chunk(more, fargate.MaxSelectors) {
		all = append(all, o.profile(fargate.DefaultName(part[0]), part))
	}
	return all
}

func (o *Options) profile(name string, selectors []fargate.Selector) profile {
	p := profile{Name: name, Tags: o.Tags}
	for _, s := range selectors {
		p.Selectors = append(p.Selectors, selector{s.Namespace, maps.Clone(s.Labels)})
	}
	return p
}

func (c *clusterConfig) yaml() ([]byte, error) {
	var out bytes.Buffer
	e := yaml.NewEncoder(&out)
	e.SetIndent(2)
	if err := e.Encode(c); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// profileNames are those that a cluster of these options has.
func (o *Options) profileNames() (names []string) {
	for _, p := range o.profiles() {
		names = append(names, p.Name)
	}
	return names
}

// stack is the name of the CloudFormation stack in which eksctl makes a cluster.
func stack(name string) string { return "eksctl-" + name + "-cluster" }

// sentence joins names for people.
func sentence(names []string) string { return strings.Join(names, ", ") }
