package plugin

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// noCloud takes every credential out of the environment.
func noCloud(t *testing.T) {
	t.Helper()
	for _, name := range []string{varClientID, varClientSecret, "FALCON_CID", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_REGION"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_CONFIG_FILE", os.DevNull)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
}

func TestUpRefusesWhatCannotBeMeantBeforeItAsksAnybody(t *testing.T) {
	noCloud(t)
	const id = "0123456789abcdef0123456789abcdef-12"
	for _, test := range []struct {
		args []string
		want string
	}{
		{nil, "the customer id is not known"},
		{[]string{"--cid", id}, "it is not known where the image comes from"},
		{[]string{"--cid", id, "--image", "r.example.com/x:1", "--source", "x.tar"}, "leave one of them out"},
		{[]string{"--cid", "nonsense", "--source", "x.tar"}, "customer id"},
		{[]string{"--cid", id, "--source", "x.tar", "--repository", "Bad_Name!"}, "Bad_Name!"},
		{[]string{"--cid", id, "--source", "x.tar", "--create-cluster"}, "the new cluster has no name"},
		{[]string{"--cid", id, "--source", "x.tar", "--fargate-namespaces", "Bad/Name"}, "Bad/Name"},
		{[]string{"--cid", id, "--source", "x.tar", "--replicas", "none"}, "whole number"},
		{[]string{"--cid", id, "--source", "x.tar", "--dry-run=client"}, "unknown flag: --dry-run"},
	} {
		o := falcon(t, append([]string{"up"}, test.args...)...)
		if o.code != ExitUsage || !strings.Contains(strings.Join(strings.Fields(o.err), " "), test.want) {
			t.Errorf("up %q: exit code %d: %s", test.args, o.code, o.err)
		}
	}
}

func TestUpAndDownNeedACluster(t *testing.T) {
	noCloud(t)
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	for _, args := range [][]string{{"up", "--cid", "0123456789abcdef0123456789abcdef-12", "--source", "x.tar"}, {"down"}} {
		o := falcon(t, args...)
		if o.code != ExitUsage || !strings.Contains(o.err, "no EKS cluster is named") {
			t.Errorf("%q: exit code %d: %s", args, o.code, o.err)
		}
		o = falcon(t, append(args, "--cluster", "shop", "--region", "eu-west-1")...)
		if o.code != ExitNoAccess || !strings.Contains(o.err, "credentials") {
			t.Errorf("%q without credentials: exit code %d: %s", args, o.code, o.err)
		}
	}
}

// One file is for both: install skips what is about AWS, and neither takes what neither knows.
func TestInstallReadsTheFileOfUp(t *testing.T) {
	noCloud(t)
	file := filepath.Join(t.TempDir(), "falcon.yaml")
	write := func(more string) {
		t.Helper()
		content := "cluster: shop\nregion: eu-west-1\nrepository: falcon\nfargate-namespaces: [shop]\nno-demo: true\ntags: [one]\n" + more
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("image: r.example.com/x:1\n")
	args := []string{"install", "-f", file, "--cid", "0123456789abcdef0123456789abcdef-12", "--dry-run=client", "-o", "yaml"}
	o := falcon(t, args...)
	if o.code != 0 || !strings.Contains(o.out, "r.example.com/x:1") || strings.Contains(o.out, "eu-west-1") {
		t.Errorf("exit code %d: %s", o.code, o.err)
	}
	write("regoin: eu-west-1\n")
	if o := falcon(t, args...); o.code != ExitUsage || !strings.Contains(o.err, `no flag "regoin"`) {
		t.Errorf("exit code %d: %s", o.code, o.err)
	}
}
