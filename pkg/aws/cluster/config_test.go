package cluster

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/document"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/fargate"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s is now\n%s", file, got)
	}
}

func someOptions() Options {
	return Options{Name: "shop", Region: "eu-west-1", Tags: map[string]string{"kubectl-falcon": "owned"}, Account: ServiceAccount{
		Namespace: "falcon-system", Name: "injector", Role: "falcon-injector-shop-eu-west-1",
		Policy: document.New(document.Statement{Sid: "Login", Effect: document.Allow, Action: document.Words{"ecr:GetAuthorizationToken"}, Resource: document.Words{"*"}}),
	}}
}

func TestConfigsOfClusters(t *testing.T) {
	full := someOptions()
	full.Version = "1.34"
	full.Tags["team"] = "a: b"
	for _, text := range []string{"shop", "kube-system", "web:app=a,tier=b", "a", "b", "c", "d", "shop:x=1"} {
		s, err := fargate.ParseSelector(text)
		if err != nil {
			t.Fatal(err)
		}
		full.Selectors = append(full.Selectors, s)
	}
	for name, o := range map[string]Options{
		"plain.yaml":      someOptions(),
		"full.yaml":       full,
		"no-account.yaml": {Name: "shop", Region: "cn-north-1"},
	} {
		got, err := Config(o)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, name, got)
	}
}

func TestOptionsThatCannotBeMeantAreRefused(t *testing.T) {
	for says, change := range map[string]func(*Options){
		"has no name":                 func(o *Options) { o.Name = "" },
		"CloudFormation would refuse": func(o *Options) { o.Name = "a_b" },
		`"1a" cannot be`:              func(o *Options) { o.Name = "1a" },
		`"a b" cannot be`:             func(o *Options) { o.Name = "a b" },
		"101 characters":              func(o *Options) { o.Name = strings.Repeat("a", 101) },
		"not the name of an AWS":      func(o *Options) { o.Region = "Ireland" },
		"not a version":               func(o *Options) { o.Version = "v1.34" },
	} {
		o := someOptions()
		change(&o)
		_, err := Config(o)
		p, ok := errors.AsType[*problem.Error](err)
		if !ok || p.Kind() != problem.BadInput || p.Next() == "" || !strings.Contains(p.Error(), says) {
			t.Errorf("got %v, want %q", err, says)
		}
	}
}
