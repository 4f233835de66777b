package plugin

import (
	"reflect"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
)

func TestAFileSetsWhatItsFlagsWould(t *testing.T) {
	noCredentials(t)
	const content = `# what we run
cid: ` + cid + `
image: falcon:7
fargate: false
replicas: 3
tags: [a, "b"]
exclude-namespace:
- x
- y
node-selector: &where {disk: ssd, gpu: true}
service-account-annotation: *where
toleration: [dedicated=falcon:NoSchedule, spot]
proxy-disable: true
sensor-cpu-limit: 1
renew-before: 10d
timeout: 9m
wait: false
`
	f, err := completed(t, "", "--filename", file(t, content), "--replicas=4", "--tags=c")
	if err != nil {
		t.Fatal(err)
	}
	if f.o.Replicas != 4 || !reflect.DeepEqual(f.o.Tags, []string{"c"}) {
		t.Errorf("the command line did not win: %d, %v", f.o.Replicas, f.o.Tags)
	}
	labels := map[string]string{"disk": "ssd", "gpu": "true"}
	tolerations := []corev1.Toleration{{Key: "dedicated", Operator: "Equal", Value: "falcon", Effect: "NoSchedule"}, {Key: "spot", Operator: "Exists"}}
	want := manifest.Defaults()
	want.CID, want.Image, want.Replicas, want.Tags = cid, "falcon:7", 4, []string{"c"}
	want.ExcludeNamespaces, want.NodeSelector, want.ServiceAccountAnnotations = []string{"x", "y"}, labels, labels
	want.Tolerations, want.ProxyDisable, want.SensorResources = tolerations, "true", f.o.SensorResources
	want.Inputs = map[string]string{"image": "falcon:7", "fargate": "false", "replicas": "4", "tags": "c", "exclude-namespace": "x,y",
		"node-selector": "disk=ssd,gpu=true", "service-account-annotation": "disk=ssd,gpu=true", "proxy-disable": "true",
		"toleration": "dedicated=falcon:NoSchedule,spot", "sensor-cpu-limit": "1", "renew-before": "10d"}
	if !reflect.DeepEqual(f.o, want) {
		t.Errorf("got\n%+v\nwant\n%+v", f.o, want)
	}
	if f.how.RenewBefore != 10*day || f.how.Timeout != 9*time.Minute || f.how.Wait || f.o.SensorResources.Limits.Cpu().String() != "1" {
		t.Errorf("got %+v", f.how)
	}
	if f, err = completed(t, "replicas: 3\nimage: falcon:8\n", "-f", "-", "--cid", cid); err != nil || f.o.Replicas != 3 {
		t.Errorf("from stdin: %v", err)
	}
}

func TestAFilesFaultsNameTheLine(t *testing.T) {
	noCredentials(t)
	for content, says := range map[string]string{
		"image: a\nreplica: 3\n":                 `:2: install has no flag "replica"; next: did you mean: replicas?`,
		"pullPolicy: Always\n":                   `:1: install has no flag "pullPolicy"; next: did you mean: pull-policy?`,
		"--image: a\n":                           `:1: install has no flag "--image"; next: did you mean: image?`,
		"colour: red\n":                          `:1: install has no flag "colour"; next: kubectl falcon install --help`,
		"context: x\n":                           `:1: install has no flag "context"`,
		"image: a\n\nimage: b\n":                 ":3: image is there already, on line 1",
		"diff: true\n":                           ":1: diff is about one run",
		"filename: x\n":                          ":1: filename is about one run",
		"show-secrets: true\n":                   ":1: show-secrets is about one run",
		"dry-run: none\n":                        ":1: dry-run is about one run",
		"output: yaml\n":                         ":1: output is about one run",
		"\nimage: [a]\n":                         ":2: image takes one plain value",
		"image:\n":                               ":1: image takes one plain value",
		"image: !!binary sesame\n":               ":1: image takes one plain value",
		"replicas: \"3\"\n":                      ":1: replicas takes a whole number",
		"replicas: 3.5\n":                        ":1: replicas takes a whole number",
		"fargate: yes please\n":                  ":1: fargate takes true or false",
		"tags: {a: b}\n":                         ":1: tags takes a list",
		"tags:\n- a\n- [b]\n":                    ":3: tags takes a list of plain values",
		"node-selector: a=b\n":                   ":1: node-selector takes a mapping of plain values",
		"node-selector:\n  a: b\n  a: c\n":       ":3: node-selector: a is given twice",
		"node-selector:\n  a: [b]\n":             ":2: node-selector takes a mapping of plain values",
		"trace: loud\n":                          ":1: trace: use none, err, warn, info or debug",
		"timeout: soon\n":                        ":1: timeout: write it as 30s or 5m",
		"toleration:\n- a\n- b:c\n":              ":3: toleration: the effect is",
		"image: a\nprovisioning-token: sesame\n": ":2: provisioning-token takes where the token is",
		"cid: file:/nowhere\n":                   ":1: cid file:/nowhere: it cannot be read",
		"registry-ca: /nowhere\n":                ":1: registry-ca /nowhere: it cannot be read",
		"- image\n":                              ":1: this is not a mapping of flags",
		"sesame\n":                               ":1: this is not a mapping of flags",
		"image: a\n---\nimage: b\n":              "a second document begins here",
		"image: \"a\n":                           "this is not YAML",
		"? [a]\n: b\n":                           ":1: this key is not the name of a flag",
		"# nothing\n":                            "there is nothing in it",
	} {
		t.Run(content, func(t *testing.T) {
			name := file(t, content)
			_, err := completed(t, "", "-f", name)
			if err == nil {
				t.Fatal("it is taken")
			}
			said := err.Error()
			if p, ok := err.(interface{ Next() string }); ok {
				said += "; next: " + p.Next()
			}
			// The folder is called after the test.
			rest := strings.ReplaceAll(said, name, "")
			if !strings.Contains(said, says) || rest == said || strings.Contains(rest, "sesame") {
				t.Errorf("got %s\nwant %s", said, says)
			}
		})
	}
	// The flags of all commands are known only to the whole command.
	falcon(t, "install", "-f", file(t, "context: x\n")).must(t, 2, ":1: context is a flag of all commands")
}
