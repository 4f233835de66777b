//go:build e2e

package e2e

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
)

const (
	token        = "0123abcd"
	dockerConfig = `{"auths":{"registry.example.com":{"auth":"` + "dXNlcjpwYXNz" + `"}}}`
	pullSecret   = "crowdstrike-falcon-pull-secret"
)

// everything is a file with every kind of option. Those of the command line win over it.
const everything = `image: ` + sensorImage + `
pull-policy: Always
pull-secret-file: %s
registry-ca: %s
provisioning-token: file:%s
tags: [prod, eu/web]
trace: warn
billing: metered
proxy-host: proxy.example.com
proxy-port: 3128
proxy-disable: "false"
falconctl-opt: {FEATURE: "a,b"}
sensor-cpu-request: 7m
sensor-cpu-limit: 70m
sensor-memory-request: 9Mi
sensor-memory-limit: 90Mi
exclude-namespace: [left-out]
failure-policy: Fail
timeout-seconds: 9
replicas: 3
port: 5000
injector-cpu-request: 11m
injector-memory-limit: 111Mi
service-account-annotation: {eks.amazonaws.com/role-arn: "arn:aws:iam::1:role/r"}
node-selector: {kubernetes.io/os: linux}
toleration: [dedicated=falcon:NoSchedule]
priority-class: system-cluster-critical
cert-validity: 100d
`

// authority is a certificate in PEM to stand for the registry's.
func (l *lab) authority(t *testing.T) string {
	t.Helper()
	return l.kubectl(t, "get", "configmap", "kube-root-ca.crt", "-n", "default", "-o", `jsonpath={.data.ca\.crt}`)
}

// sidecar is the sensor's container of a pod.
func (l *lab) sidecar(t *testing.T, ns, pod string) string {
	t.Helper()
	return l.kubectl(t, "get", "pod", pod, "-n", ns, "-o", `jsonpath={.spec.containers[?(@.name=="crowdstrike-falcon-container")]}`)
}

// TestAllOptions gives nearly all options at once, from a file and the command line, and looks for each in
// the objects and in pods.
func TestAllOptions(t *testing.T) {
	l := shared()
	l.uninstallAtEnd(t)
	in, out := l.namespace(t, "all-in"), l.namespace(t, "left-out")
	optedOut := l.namespace(t, "all-out", injectionKey+"=disabled")
	file := write(t, "falcon.yaml", fmt.Sprintf(everything, write(t, "docker.json", dockerConfig),
		write(t, "ca.pem", l.authority(t)), write(t, "token", token+"\n")))
	r := l.mustFalcon(t, "install", "-f", file, "--cid", cid, "--replicas", "2", "-o", "yaml")
	wantNone(t, "what install printed", r.stdout+r.stderr, token, base64.StdEncoding.EncodeToString([]byte(token)), "dXNlcjpwYXNz")
	wantContains(t, "what install printed", r.stdout, "kind: Deployment", "kind: MutatingWebhookConfiguration", "***")

	deployment := l.kubectl(t, "get", "deployment/injector", "-n", "falcon-system", "-o", "yaml")
	wantContains(t, "the Deployment", deployment, "replicas: 2", "containerPort: 5000", "imagePullPolicy: Always",
		"cpu: 11m", "memory: 111Mi", "kubernetes.io/os: linux", "key: dedicated", "value: falcon",
		"priorityClassName: system-cluster-critical", "name: injector-registry-ca", "- name: "+pullSecret)
	wantContains(t, "the webhook", l.kubectl(t, "get", "mutatingwebhookconfiguration", "injector.falcon-system.svc", "-o", "yaml"),
		"timeoutSeconds: 9", "- left-out", "failurePolicy: Fail")
	wantContains(t, "the service account", l.kubectl(t, "get", "serviceaccount/injector", "-n", "falcon-system", "-o", "yaml"), "arn:aws:iam::1:role/r")
	wantContains(t, "the registry's authority", l.kubectl(t, "get", "configmap/injector-registry-ca", "-n", "falcon-system", "-o", "yaml"), "BEGIN CERTIFICATE")
	if days := l.certs(t)[0].Certificates[0].Days; days != 99 {
		t.Errorf("the certificate has %d days left, want 99", days)
	}

	l.pod(t, in, "one")
	sidecar := l.sidecar(t, in, "one")
	for _, want := range []string{`"FALCONCTL_OPT_TAGS","value":"eu/web,prod"`, `"FALCONCTL_OPT_TRACE","value":"warn"`,
		`"FALCONCTL_OPT_BILLING","value":"metered"`, `"FALCONCTL_OPT_APH","value":"proxy.example.com"`,
		`"FALCONCTL_OPT_APP","value":"3128"`, `"FALCONCTL_OPT_APD","value":"false"`, `"FALCONCTL_OPT_FEATURE","value":"a,b"`,
		`"cpu":"7m"`, `"cpu":"70m"`, `"memory":"9Mi"`, `"memory":"90Mi"`, `"imagePullPolicy":"Always"`, token} {
		wantContains(t, "the sidecar", sidecar, want)
	}
	l.pod(t, out, "one")
	if s := l.sidecar(t, out, "one"); s != "" {
		t.Errorf("a pod in the excluded namespace has %s", s)
	}
	l.recorded(t)
	l.pullSecretsAreIn(t, in, out, optedOut)
}

// recorded holds that the record has what was asked for, and no secret.
func (l *lab) recorded(t *testing.T) {
	t.Helper()
	record := l.kubectl(t, "get", "configmap/injector-record", "-n", "falcon-system", "-o", "yaml")
	wantContains(t, "the record", record, "version:", "image: "+sensorImage, "tags: eu/web,prod", "replicas: \"2\"", "deployment/injector")
	wantNone(t, "the record", record, token, cid, "dXNlcjpwYXNz")
}

// pullSecretsAreIn holds that the pull secret is where pods with the sidecar are, and nowhere else.
func (l *lab) pullSecretsAreIn(t *testing.T, in, out, optedOut string) {
	t.Helper()
	where := func() string {
		return l.kubectl(t, "get", "secrets", "-A", "--field-selector=metadata.name="+pullSecret, "--no-headers", "-o", "custom-columns=N:.metadata.namespace")
	}
	wantContains(t, "namespaces with the pull secret", where(), "falcon-system", "default", in)
	wantNone(t, "namespaces with the pull secret", where(), out, optedOut, "kube-system")
	wantContains(t, "the pull secret", l.kubectl(t, "get", "secret", pullSecret, "-n", in, "-o", "yaml"),
		base64.StdEncoding.EncodeToString([]byte(dockerConfig)), "kubernetes.io/dockerconfigjson")
	// A namespace that goes out of scope loses its copy, and one of somebody else stays.
	l.kubectl(t, "label", "namespace", in, injectionKey+"=disabled")
	l.kubectl(t, "label", "namespace", optedOut, injectionKey+"-")
	l.kubectl(t, "create", "secret", "generic", pullSecret, "-n", optedOut)
	r := l.mustFalcon(t, good("--pull-secret", pullSecret)...)
	wantContains(t, "install with other scopes", unfolded(r.stdout+r.stderr), "secret/"+pullSecret+" ("+in+") deleted",
		"secret/"+pullSecret+" ("+optedOut+") is kept as it is")
	wantNone(t, "namespaces with the pull secret", where(), in)
	l.mustFalcon(t, "uninstall")
	if left := where(); left != optedOut {
		t.Errorf("after uninstall the pull secret is in %q", left)
	}
}

// TestOptInModes has namespaces, and then pods, say that they want the sensor.
func TestOptInModes(t *testing.T) {
	l := shared()
	l.uninstallAtEnd(t)
	silent, in := l.namespace(t, "silent"), l.namespace(t, "opted-in", injectionKey+"=enabled")
	l.mustFalcon(t, good("--namespace-injection", "opt-in")...)
	l.pod(t, silent, "one")
	l.pod(t, in, "one")
	if s := l.sidecar(t, silent, "one"); s != "" {
		t.Errorf("a namespace that did not opt in is injected: %s", s)
	}
	wantContains(t, "the pod that opted in", l.sidecar(t, in, "one"), cid)
	l.mustFalcon(t, good("--pod-injection", "opt-in")...)
	l.pod(t, silent, "two")
	l.pod(t, silent, "three", injectionKey+"=enabled")
	if s := l.sidecar(t, silent, "two"); s != "" {
		t.Errorf("a pod that did not opt in is injected: %s", s)
	}
	wantContains(t, "the pod that opted in", l.sidecar(t, silent, "three"), cid)
	l.mustFalcon(t, good("--mount-path", "/falcon")...)
	l.pod(t, silent, "four")
	wantContains(t, "the mounted path", l.kubectl(t, "get", "pod", "four", "-n", silent, "-o", "yaml"), "mountPath: /falcon")
}

// TestCredentialSources takes the customer id and the token from each place that they may be kept in.
func TestCredentialSources(t *testing.T) {
	l := shared()
	l.kubectl(t, "create", "namespace", "falcon-system")
	t.Cleanup(func() { l.kubectl(t, "delete", "namespace", "falcon-system") })
	l.kubectl(t, "create", "secret", "generic", "falcon", "-n", "falcon-system",
		"--from-literal=falcon-cid="+cid, "--from-literal=falcon-provisioning-token="+token, "--from-literal=other="+otherCID)
	file := write(t, "cid", "  "+cid+"\n")
	encoded := base64.StdEncoding.EncodeToString([]byte(token))
	for _, c := range []struct {
		name, env, stdin, want string
		args                   []string
	}{
		{"file", "", "", cid, []string{"--cid", "file:" + file}},
		{"variable", "MY_CID=" + cid, "", cid, []string{"--cid", "env:MY_CID"}},
		{"variable by default", "FALCON_CID=" + cid, "", cid, nil},
		{"stdin", "", cid + "\n", cid, []string{"--cid", "-"}},
		{"secret", "", "", cid, []string{"--cid", "secret:falcon", "--provisioning-token", "secret:falcon"}},
		{"key of a secret", "", "", otherCID, []string{"--cid", "secret:falcon/other"}},
		{"flags from stdin", "", "cid: " + otherCID + "\n", otherCID, []string{"-f", "-"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmd := l.command(bin("kubectl-falcon"), append([]string{"install", "--image", sensorImage, "--dry-run=server", "-o", "yaml"}, c.args...)...)
			cmd.Stdin = strings.NewReader(c.stdin)
			if c.env != "" {
				cmd.Env = append(cmd.Env, c.env)
			}
			r := finish(t, cmd)
			wantCode(t, r, 0)
			wantContains(t, "the configuration", r.stdout, "FALCONCTL_OPT_CID: "+c.want)
			wantNone(t, "what was printed", r.stdout+r.stderr, token, encoded)
			if len(c.args) > 2 {
				wantContains(t, "the secret", r.stdout, "FALCONCTL_OPT_PROVISIONING_TOKEN: '***'")
			}
		})
	}
}

// TestTokenIsNowhereToBeSeen installs with a token from a file and looks, while install runs, at the list
// of processes, and afterwards at whatever is not a Secret.
func TestTokenIsNowhereToBeSeen(t *testing.T) {
	l := shared()
	l.uninstallAtEnd(t)
	cmd := l.command(bin("kubectl-falcon"), good("--provisioning-token", "file:"+write(t, "token", token))...)
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line := finish(t, l.command("ps", "-ww", "-o", "args=", "-p", fmt.Sprint(cmd.Process.Pid))).stdout
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%v:\n%s", err, said.String())
	}
	wantContains(t, "the process", line, "--provisioning-token file:")
	wantNone(t, "the process", line, token)
	wantNone(t, "what install printed", said.String(), token)
	wantNone(t, "objects that are no Secrets", l.kubectl(t, "get", "-n", "falcon-system", "configmaps,deployments,pods,replicasets,events", "-o", "yaml"), token)
	wantContains(t, "the Secret", l.kubectl(t, "get", "secrets", "-n", "falcon-system", "-o", "yaml"), base64.StdEncoding.EncodeToString([]byte(token)))
	// Without the token its Secret is not referred to any more.
	l.mustFalcon(t, good()...)
	wantNone(t, "the Deployment", l.kubectl(t, "get", "deployment/injector", "-n", "falcon-system", "-o", "yaml"), "secretRef")
}
