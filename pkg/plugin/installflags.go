package plugin

import (
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/spf13/pflag"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
)

// installFlags is the command line of install. What goes into o and how is there once complete was called,
// but for secrets that only the cluster has.
type installFlags struct {
	// command is the one that they are of, as users call it.
	command string

	o   inject.Options
	how inject.How

	// cid and token are what the user wrote: where to find them, or the customer id itself.
	cid, token string
	// sources are those two, understood.
	sources []source
	// pullSecretFile and registryCA are names of files.
	pullSecretFile, registryCA string

	filename    string
	dryRun      string
	output      string
	diff        bool
	showSecrets bool

	// origin says which line of which file a flag's value is from, if it is from one.
	origin map[string]string
	stdin  stdin
}

// The values of --dry-run and -o.
const (
	dryRunNone   = "none"
	dryRunClient = "client"
	dryRunServer = "server"

	outputYAML = "yaml"
	outputJSON = "json"
	outputName = "name"
)

// falconctlFlag is the flag for further options of falconctl.
const falconctlFlag = "falconctl-opt"

// runHeading is over the flags about one run, which are no part of what is installed.
const runHeading = "This run"

func newInstallFlags() *installFlags {
	return &installFlags{
		command: commandName + " install",
		o:       manifest.Defaults(),
		how:     inject.How{Timeout: 5 * time.Minute, Wait: true, Rollback: true, RenewBefore: 30 * day},
		dryRun:  dryRunNone,
		origin:  map[string]string{},
	}
}

// flagGroup is some flags under a heading of the help.
type flagGroup struct {
	heading string
	add     func(*pflag.FlagSet)
}

// define adds the flags, in groups for the help.
func (f *installFlags) define(all *pflag.FlagSet) {
	defineGroups(all, append(f.groups(), flagGroup{runHeading, f.runFlags}))
}

// groups are the flags that say what is installed.
func (f *installFlags) groups() []flagGroup {
	return []flagGroup{
		{"Image and registry", f.imageFlags},
		{"Sensor", f.sensorFlags},
		{"Pods that get the sensor", f.scopeFlags},
		{"The injector's own pods", f.injectorFlags},
		{"Certificates", f.certificateFlags},
	}
}

func defineGroups(all *pflag.FlagSet, groups []flagGroup) {
	all.SortFlags = false
	for _, group := range groups {
		set := pflag.NewFlagSet("", pflag.ContinueOnError)
		set.SortFlags = false
		group.add(set)
		set.VisitAll(func(flag *pflag.Flag) {
			flag.Annotations = map[string][]string{FlagGroup: {group.heading}}
			all.AddFlag(flag)
		})
	}
}

func (f *installFlags) imageFlags(set *pflag.FlagSet) {
	o := &f.o
	set.Var(text[string]{to: &f.cid, kind: "CID|SOURCE"}, "cid", "the Falcon customer id with its checksum, or where it is; "+
		"without the flag FALCON_CID is used")
	set.Var(text[string]{to: &o.Image, kind: "IMAGE"}, "image", "the sensor image in your registry, for the injector and the sidecars")
	set.Var(text[corev1.PullPolicy]{to: &o.PullPolicy, kind: "POLICY", words: []string{
		string(corev1.PullAlways), string(corev1.PullIfNotPresent), string(corev1.PullNever)}},
		"pull-policy", "when nodes pull the image: Always, IfNotPresent or Never")
	set.Var(text[string]{to: &o.PullSecret, kind: "NAME"}, "pull-secret", "the pull secret, in each namespace in scope")
	set.Var(text[string]{to: &f.pullSecretFile, kind: "FILE"}, "pull-secret-file",
		"a docker config to make the pull secret from; without --pull-secret it is called "+manifest.DefaultPullSecret)
	set.Var(text[string]{to: &f.registryCA, kind: "FILE"}, "registry-ca", "the certificate authority of the registry, PEM")
	set.BoolVar(&o.ReadPullSecrets, "read-pull-secrets", o.ReadPullSecrets,
		"let the injector read the pull secrets of pods, to look up images whose pod names no command")
}

func (f *installFlags) sensorFlags(set *pflag.FlagSet) {
	o := &f.o
	set.Var(text[string]{to: &f.token, kind: "SOURCE"}, "provisioning-token",
		"where the provisioning token is, never itself; without the flag FALCON_PROVISIONING_TOKEN is used")
	set.Var(list{&o.Tags, "TAG,..."}, "tags", "sensor grouping tags")
	set.Var(text[string]{to: &o.Trace, words: []string{"none", "err", "warn", "info", "debug"}}, "trace", "how much the sensor logs")
	set.Var(text[string]{to: &o.Billing, words: []string{"default", "metered"}}, "billing", "how the sensor is billed")
	set.Var(text[string]{to: &o.ProxyHost, kind: "HOST"}, "proxy-host", "the proxy between the sensor and the Falcon cloud")
	set.Var(number{&o.ProxyPort}, "proxy-port", "the proxy's port")
	set.Var(text[string]{to: &o.ProxyDisable, words: []string{"true", "false"}}, "proxy-disable", "have the sensor use no proxy")
	set.Var(pairs{&o.Falconctl}, falconctlFlag, "another option of falconctl, such as FEATURE=VALUE; repeatable")
	resourceFlags(set, "sensor", "each sidecar", &o.SensorResources)
	set.Var(text[string]{to: &o.MountPath, words: []string{"/tmp", "/falcon"}}, "mount-path", "where pods find the sensor's files")
}

func (f *installFlags) scopeFlags(set *pflag.FlagSet) {
	o := &f.o
	scopes := []string{string(manifest.All), string(manifest.OptIn)}
	set.Var(text[manifest.Scope]{to: &o.NamespaceInjection, words: scopes}, "namespace-injection", "which namespaces are in scope that do not say themselves")
	set.Var(text[manifest.Scope]{to: &o.PodInjection, words: scopes}, "pod-injection", "which pods there get the sensor that do not say themselves")
	set.Var(list{&o.ExcludeNamespaces, "NAME,..."}, "exclude-namespace", "a namespace to leave out; repeatable")
	set.Var(text[admissionv1.FailurePolicyType]{to: &o.FailurePolicy, words: []string{string(admissionv1.Fail), string(admissionv1.Ignore)}},
		"failure-policy", "while no injector answers, refuse pods (Fail) or start them without the sensor (Ignore)")
	set.Var(number{&o.TimeoutSeconds}, "timeout-seconds", "how long the API server waits for the injector's answer")
}

func (f *installFlags) injectorFlags(set *pflag.FlagSet) {
	o := &f.o
	set.Var(number{&o.Replicas}, "replicas", "how many injectors run")
	set.Var(number{&o.Port}, "port", "the port they listen on")
	resourceFlags(set, "injector", "each injector", &o.InjectorResources)
	set.Var(pairs{&o.ServiceAccountAnnotations}, "service-account-annotation", "an annotation of their service account; repeatable")
	set.Var(pairs{&o.NodeSelector}, "node-selector", "a label of the nodes they may run on; repeatable")
	set.Var(tolerations{&o.Tolerations}, "toleration",
		"a taint they tolerate, as kubectl taint writes it; a bare KEY is any value and effect (operator Exists); repeatable")
	set.Var(text[string]{to: &o.PriorityClass, kind: "NAME"}, "priority-class", "their priority class")
	set.BoolVar(&o.Fargate, "fargate", o.Fargate, "for AWS EKS Fargate")
}

func (f *installFlags) certificateFlags(set *pflag.FlagSet) {
	o := &f.o
	set.Var((*days)(&o.CertValidity), "cert-validity", "how long certificates that are made here last: 3650d, 36h")
	set.Var(text[string]{to: &o.TLSSecret, kind: "NAME"}, "tls-secret",
		"a Secret in "+manifest.Namespace+" with tls.crt, tls.key and ca.crt to use instead")
	set.Var(text[string]{to: &o.CertManager, kind: "NAMESPACE/NAME"}, "cert-manager",
		"the cert-manager Certificate that writes --tls-secret")
	set.Var((*days)(&f.how.RenewBefore), "renew-before", "replace a certificate with less time left than this")
}

func (f *installFlags) runFlags(set *pflag.FlagSet) {
	how := &f.how
	set.VarP(text[string]{to: &f.filename, kind: "FILE"}, "filename", "f",
		"read flags from a YAML file (- is stdin): their names without dashes; flags given here win")
	set.BoolVar(&how.Wait, "wait", how.Wait, "wait for the injector to be Ready, and only then make the webhook")
	set.Var((*patience)(&how.Timeout), "timeout", "how long to wait for the injector to be Ready")
	set.BoolVar(&how.ForceConflicts, "force-conflicts", how.ForceConflicts, "take fields that other tools own")
	set.BoolVar(&how.Adopt, "adopt", how.Adopt, "take over what the vendor's guide installed")
	set.BoolVar(&how.Rollback, "rollback-on-failure", how.Rollback, "take back what was done if it does not get through")
	set.Var(text[string]{to: &f.dryRun, words: []string{dryRunNone, dryRunClient, dryRunServer}}, "dry-run",
		"change nothing: client needs no cluster, server has it judge each object")
	set.VarP(text[string]{to: &f.output, words: []string{outputYAML, outputJSON, outputName}}, "output", "o", "print the objects")
	set.BoolVar(&f.diff, "diff", f.diff, "change nothing, print what would change; exit code 0: nothing, 1: something, more: an error")
	set.BoolVar(&f.showSecrets, "show-secrets", f.showSecrets, "do not mask the values of Secrets in what is printed")
}

// resourceFlags adds the four amounts of one kind of container.
func resourceFlags(set *pflag.FlagSet, prefix, whose string, r *corev1.ResourceRequirements) {
	for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
		set.Var(quantity{&r.Requests, name}, prefix+"-"+string(name)+"-request", string(name)+" that "+whose+" is promised")
		set.Var(quantity{&r.Limits, name}, prefix+"-"+string(name)+"-limit", string(name)+" that "+whose+" may take")
	}
}
