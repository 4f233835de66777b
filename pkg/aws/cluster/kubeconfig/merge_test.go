package kubeconfig

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

const arn = "arn:aws:eks:eu-west-1:123456789012:cluster/shop"

func shop() Entry {
	return Entry{Name: "shop", Region: "eu-west-1", ARN: arn, Server: "https://ABC.gr7.eu-west-1.eks.amazonaws.com",
		CA: []byte("-----BEGIN CERTIFICATE-----"), Program: "kubectl-falcon"}
}

// others is a kubeconfig with entries of somebody else.
const others = `apiVersion: v1
kind: Config
current-context: prod
clusters:
- name: prod
  cluster: {server: "https://prod.example.com", certificate-authority: certs/ca.crt}
users:
- name: prod
  user: {token: secret-of-prod}
contexts:
- name: prod
  context: {cluster: prod, user: prod, namespace: team}
preferences: {}
`

func write(t *testing.T, name, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func reads(t *testing.T, file string) *clientcmdapi.Config {
	t.Helper()
	c, err := clientcmd.LoadFromFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAnEntryIsPutBesideThoseOfOthers(t *testing.T) {
	file := write(t, "config", others)
	w, err := Files{file}.Put(shop(), How{Current: true})
	if err != nil {
		t.Fatal(err)
	}
	if w != (Written{Context: arn, File: file, Change: "created", Current: true, Before: "prod"}) {
		t.Errorf("it says %+v", w)
	}
	c := reads(t, file)
	if c.CurrentContext != arn || c.Contexts[arn].Cluster != arn || c.AuthInfos[c.Contexts[arn].AuthInfo].Exec.Command != "kubectl-falcon" {
		t.Errorf("it wrote %+v", c)
	}
	if string(c.Clusters[arn].CertificateAuthorityData) != "-----BEGIN CERTIFICATE-----" {
		t.Errorf("the certificate is %q", c.Clusters[arn].CertificateAuthorityData)
	}
	// A relative path stays one: it counts from the file.
	text, _ := os.ReadFile(file)
	for _, kept := range []string{"certificate-authority: certs/ca.crt", "token: secret-of-prod", "namespace: team", "https://prod.example.com"} {
		if !strings.Contains(string(text), kept) {
			t.Errorf("%q is lost in\n%s", kept, text)
		}
	}
	if info, _ := os.Stat(file); info.Mode().Perm() != 0o600 {
		t.Errorf("its mode is %s", info.Mode())
	}
	mustBeAlone(t, file)
	again, err := Files{file}.Put(shop(), How{Current: true})
	if err != nil || again.Change != "unchanged" || again.Before != "" {
		t.Errorf("the second time it says %+v: %v", again, err)
	}
	changed := shop()
	changed.Server = "https://new.example.com"
	if w, err = (Files{file}).Put(changed, How{}); err != nil || w.Change != "configured" || reads(t, file).Clusters[arn].Server != changed.Server {
		t.Errorf("a new server: %+v: %v", w, err)
	}
}

// mustBeAlone fails if a lock or a temporary file is left.
func mustBeAlone(t *testing.T, file string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(file))
	if err != nil || len(entries) != 1 {
		t.Errorf("beside %s is %v: %v", file, entries, err)
	}
}

func TestWhatTheUserSetSinceIsKept(t *testing.T) {
	file := write(t, "config", "")
	if _, err := (Files{file}).Put(shop(), How{Current: true}); err != nil {
		t.Fatal(err)
	}
	c := reads(t, file)
	c.Contexts[arn].Namespace, c.CurrentContext = "team-a", ""
	if err := clientcmd.WriteToFile(*c, file); err != nil {
		t.Fatal(err)
	}
	changed := shop()
	changed.Profile = "dev"
	w, err := Files{file}.Put(changed, How{})
	if err != nil || w.Change != "configured" || w.Current {
		t.Errorf("got %+v: %v", w, err)
	}
	if c = reads(t, file); c.Contexts[arn].Namespace != "team-a" || c.CurrentContext != "" {
		t.Errorf("it wrote %+v", c)
	}
}

func TestNamesOfOthersAreNotTaken(t *testing.T) {
	byAWS := strings.ReplaceAll(others, "name: prod", "name: "+arn)
	byAWS = strings.ReplaceAll(byAWS, "cluster: prod, user: prod", "cluster: "+arn+", user: "+arn)
	for name, c := range map[string]struct {
		content, alias, says, next string
	}{
		"a context":                {others, "prod", "has a context prod already", "--alias"},
		"a context of the same":    {byAWS, "", "has a context " + arn, "kubectl config use-context"},
		"a cluster with its ARN":   {byAWS, "shop", "with another server: https://prod.example.com", "delete-cluster"},
		"a name that cannot be":    {others, "a b", "cannot be the name", "without spaces"},
		"a file that is not one":   {"{", "", "cannot be used", "mend the file"},
		"a file of something else": {"kind: Pod\napiVersion: v1\n", "", "cannot be used", "mend the file"},
	} {
		file := write(t, "config", c.content)
		e := shop()
		e.Alias = c.alias
		_, err := Files{file}.Put(e, How{Current: true})
		p, ok := errors.AsType[*problem.Error](err)
		if !ok || p.Kind() != problem.BadInput || !strings.Contains(p.Error(), c.says) || !strings.Contains(p.Next(), c.next) {
			t.Errorf("%s: got %v", name, err)
		}
		if text, _ := os.ReadFile(file); string(text) != c.content {
			t.Errorf("%s: the file is now\n%s", name, text)
		}
		mustBeAlone(t, file)
	}
}

// What the aws CLI wrote for the same cluster is used, and stays when ours goes.
func TestAClusterOfOthersWithTheSameServerIsUsed(t *testing.T) {
	file := write(t, "config", "")
	e := shop()
	c := clientcmdapi.NewConfig()
	c.Clusters[arn] = &clientcmdapi.Cluster{Server: e.Server, CertificateAuthorityData: e.CA}
	if err := clientcmd.WriteToFile(*c, file); err != nil {
		t.Fatal(err)
	}
	e.Alias = "shop"
	if w, err := (Files{file}).Put(e, How{Current: true}); err != nil || w.Context != "shop" {
		t.Fatal(w, err)
	}
	if len(reads(t, file).Clusters[arn].Extensions) != 0 {
		t.Error("it marked what others wrote")
	}
	gone, err := Files{file}.Remove(arn)
	if err != nil || strings.Join(gone.Contexts, ",") != "shop" || !gone.Current {
		t.Errorf("got %+v: %v", gone, err)
	}
	if c = reads(t, file); c.Clusters[arn] == nil || len(c.AuthInfos) != 0 || len(c.Contexts) != 0 || c.CurrentContext != "" {
		t.Errorf("left is %+v", c)
	}
}

func TestSeveralFilesFollowKubectlsRules(t *testing.T) {
	first, second := filepath.Join(t.TempDir(), "new"), write(t, "config", others)
	all := Files{first, "", second, second}
	w, err := all.Put(shop(), How{Current: true})
	if err != nil || w.File != second {
		t.Fatalf("got %+v: %v", w, err)
	}
	if _, err := os.Stat(first); err == nil {
		t.Error("it made a file that was not there")
	}
	// An entry of ours is brought up to date where it is, and the current context where one is set.
	third := write(t, "third", "current-context: prod\n")
	changed := shop()
	changed.UseCLI, changed.Profile = true, "dev"
	if w, err = (Files{third, second}).Put(changed, How{Current: true}); err != nil || w.File != second || w.Change != "configured" {
		t.Errorf("got %+v: %v", w, err)
	}
	if reads(t, third).CurrentContext != arn || len(reads(t, third).Contexts) != 0 {
		t.Error("the first file that has a current context does not have it")
	}
	exec := reads(t, second).AuthInfos["kubectl-falcon@"+arn].Exec
	if exec.Command != "aws" || exec.Env[0].Value != "dev" || !strings.Contains(strings.Join(exec.Args, " "), "eks get-token --cluster-name shop") {
		t.Errorf("the command is %+v", exec)
	}
	gone, err := Files{third, second}.Remove(arn)
	if err != nil || !gone.Current || reads(t, third).CurrentContext != "" || reads(t, second).Contexts["prod"] == nil {
		t.Errorf("got %+v: %v", gone, err)
	}
}

func TestWithoutFilesOneIsMade(t *testing.T) {
	file := filepath.Join(t.TempDir(), ".kube", "config")
	if gone, err := (Files{file}).Remove(arn); err != nil || len(gone.Contexts) != 0 {
		t.Errorf("got %+v: %v", gone, err)
	}
	if _, err := os.Stat(filepath.Dir(file)); err == nil {
		t.Error("removing made a folder")
	}
	if w, err := (Files{file}).Put(shop(), How{Current: true, DryRun: true}); err != nil || w.Change != "created" {
		t.Errorf("got %+v: %v", w, err)
	}
	if _, err := os.Stat(filepath.Dir(file)); err == nil {
		t.Error("a dry run made a folder")
	}
	if w, err := (Files{file}).Put(shop(), How{Current: true}); err != nil || w.Change != "created" {
		t.Errorf("got %+v: %v", w, err)
	}
	if info, err := os.Stat(filepath.Dir(file)); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder: %v %v", info, err)
	}
	if _, err := (Files{}).Put(shop(), How{Current: true}); err == nil {
		t.Error("it wrote nowhere")
	}
}

func TestALinkStaysOne(t *testing.T) {
	real := write(t, "real", others)
	link := filepath.Join(t.TempDir(), "config")
	if err := os.Symlink(real, link); err != nil {
		t.Fatal(err)
	}
	if _, err := (Files{link, real}).Put(shop(), How{Current: true}); err != nil {
		t.Fatal(err)
	}
	if to, err := os.Readlink(link); err != nil || to != real || reads(t, real).Contexts[arn] == nil {
		t.Errorf("the link leads to %s: %v", to, err)
	}
}

func TestAFileThatAnotherHasIsLeftAlone(t *testing.T) {
	file := write(t, "config", others)
	usual := lockPatience
	lockPatience = 50 * time.Millisecond
	defer func() { lockPatience = usual }()
	give, err := lock(file)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Files{file}.Put(shop(), How{Current: true})
	p, ok := errors.AsType[*problem.Error](err)
	if !ok || !strings.Contains(p.Error(), "locked by another program") || !strings.Contains(p.Next(), file+".lock") {
		t.Errorf("got %v", err)
	}
	give()
	if _, err := (Files{file}).Put(shop(), How{Current: true}); err != nil {
		t.Error(err)
	}
}

func TestAClusterInTheMakingHasNoEntry(t *testing.T) {
	e := shop()
	e.Server = ""
	if _, err := (Files{write(t, "config", "")}).Put(e, How{Current: true}); err == nil || !strings.Contains(err.Error(), "no API server yet") {
		t.Errorf("got %v", err)
	}
	if _, err := Alone(e); err == nil {
		t.Error("it printed one")
	}
	text, err := Alone(shop())
	if err != nil {
		t.Fatal(err)
	}
	c, err := clientcmd.Load(text)
	if err != nil || len(c.Contexts) != 1 || c.CurrentContext != arn {
		t.Errorf("it printed %s: %v", text, err)
	}
}
