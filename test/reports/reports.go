// Package reports has reports of verify for tests: one to read, a large one, and one that means ill.
package reports

import (
	"fmt"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify"
)

// Taken is when the clusters of the reports were looked at.
var Taken = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

const image = "registry.example.com/falcon-sensor@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// Rules are checks as the catalogue has them, without what judges.
func Rules() []verify.Check {
	return []verify.Check{
		{ID: "FC207", Title: "the injector runs twice, on different nodes", Severity: verify.Warning,
			Hint: "scale the injector to 2 replicas", Command: "kubectl falcon install --replicas 2"},
		{ID: "FC212", Title: "no NetworkPolicy shuts the injector off", Severity: verify.Warning, Hint: "allow the API server"},
		{ID: "FC303", Title: "the failure policy is known", Severity: verify.Info},
		{ID: "FC403", Title: "the injector's certificate is signed by the CA of the webhook", Severity: verify.Error,
			Hint: "renew the certificate and the webhook's bundle together", Command: "kubectl falcon certs rotate"},
		{ID: "FC406", Title: "the key belongs to the certificate", Severity: verify.Error},
		{ID: "FC507", Title: "every namespace in scope has the pull secret", Severity: verify.Error,
			Hint: "copy the pull secret into the namespaces"},
		{ID: "FC704", Title: "no pod is older than the webhook", Severity: verify.Error,
			Hint: "restart the workloads", Command: "kubectl falcon restart --plan"},
		{ID: "FC801", Title: "every sensor has an agent id", Severity: verify.Error},
	}
}

// result is what a rule came to.
func result(id string, v verify.Verdict, findings ...verify.Finding) verify.Result {
	for _, c := range Rules() {
		if c.ID != id {
			continue
		}
		for n := range findings {
			if f := &findings[n]; f.Hint == "" && f.Command == "" {
				f.Hint, f.Command = c.Hint, c.Command
			}
		}
		return verify.Result{ID: id, Title: c.Title, Severity: c.Severity, Verdict: v, Findings: findings}
	}
	panic("there is no rule " + id)
}

func because(r verify.Result, reason, cause string) verify.Result {
	r.Reason, r.Cause = reason, cause
	return r
}

// Fixed is a report on one cluster in which something of every kind happens.
func Fixed() *verify.Report {
	return &verify.Report{Schema: verify.Schema, Client: "v1.2.3", Clusters: []verify.Cluster{lab()}}
}

// Several is a report on three clusters, one of which is sound and one of which cannot be asked.
func Several() *verify.Report {
	sound := verify.Cluster{Context: "prod-eu", Host: "https://10.0.0.1", Server: "v1.36.4-eks-1a2b3c4", Taken: Taken,
		Injectors: []verify.InjectorSummary{{Tool: "Helm", Detail: "release falcon in falcon-system", Namespace: "falcon-system",
			Deployment: "falcon-sensor-injector", Webhook: "falcon-sensor-injector", Image: image, FailurePolicy: "Ignore",
			Ready: 2, Replicas: 2, CertificateExpires: Taken.Add(400 * 24 * time.Hour)}},
		Namespaces: []verify.NamespaceReport{}, Workloads: []verify.WorkloadReport{},
		Coverage: verify.Coverage{Verdicts: map[verify.PodVerdict]int{}},
		Checks:   []verify.Result{result("FC207", verify.Pass), result("FC403", verify.Pass)}}
	add(&sound, "shop", true, "", verify.NewInjected, verify.WorkloadReport{Kind: "Deployment", Name: "cart", Verdict: verify.Injected, Pods: 12})
	away := verify.Cluster{Context: "prod-us", Host: "https://10.0.0.2", Unreachable: "dial tcp 10.0.0.2:443: i/o timeout",
		Injectors: []verify.InjectorSummary{}, Namespaces: []verify.NamespaceReport{}, Workloads: []verify.WorkloadReport{},
		Checks: []verify.Result{}, Coverage: verify.Coverage{Verdicts: map[verify.PodVerdict]int{}}}
	return &verify.Report{Schema: verify.Schema, Client: "v1.2.3", Clusters: []verify.Cluster{lab(), sound, away}}
}

func lab() verify.Cluster {
	c := verify.Cluster{Context: "lab", Host: "https://127.0.0.1:6443", Server: "v1.37.2", Taken: Taken,
		Injectors: []verify.InjectorSummary{{Tool: "kubectl-falcon", Detail: "v1.2.3", Namespace: "falcon-system", Deployment: "injector",
			Webhook: "injector.falcon-system.svc", Image: image, FailurePolicy: "Fail", Ready: 1, Replicas: 2,
			CertificateExpires: Taken.Add(20 * 24 * time.Hour)}},
		Coverage: verify.Coverage{Verdicts: map[verify.PodVerdict]int{}}, Namespaces: []verify.NamespaceReport{}}
	c.Checks = []verify.Result{
		result("FC207", verify.Warn, verify.Finding{Object: "falcon-system/deployment/injector", Message: "1 replica is asked for"}),
		because(result("FC212", verify.Undecided), "the policies could not be read: the server is starting", ""),
		result("FC303", verify.Pass, verify.Finding{Object: "mutatingwebhookconfiguration/injector.falcon-system.svc",
			Message: "it is Fail: while no injector answers, new pods of 3 namespaces are refused"}),
		result("FC403", verify.Fail, verify.Finding{Object: "mutatingwebhookconfiguration/injector.falcon-system.svc",
			Message: "none of the 2 certificates in its bundle has signed what the Secret injector-tls holds, which is of CN=falcon-injector-ca and ends on 2036-11-20"}),
		because(result("FC406", verify.Skip), "you may not get secrets in namespace falcon-system", ""),
		because(result("FC507", verify.Skip), "FC403 comes first", "FC403"),
		result("FC704", verify.Fail,
			verify.Finding{Object: "team-a/deployment/web", Message: "the pods are from 2026-11-20, the webhook is from 2026-11-23",
				Pods: 3, Examples: []string{"web-7d9f8-0", "web-7d9f8-1", "web-7d9f8-2"}},
			verify.Finding{Object: "team-b/job/nightly", Message: "the pod is from 2026-11-22", Hint: "wait for its end; the next run gets the sensor", Pods: 1}),
		because(result("FC801", verify.Skip), "it needs --aids", ""),
	}
	add(&c, "default", true, "", verify.NewInjected,
		verify.WorkloadReport{Kind: "Deployment", Name: "api", Verdict: verify.Injected, Pods: 6},
		verify.WorkloadReport{Kind: "StatefulSet", Name: "db", Verdict: verify.Starting, Why: "the sensor is on its way", Cause: "ContainerCreating",
			Pods: 1, Names: []string{"db-2"}})
	add(&c, "kube-system", false, "its label kubernetes.io/metadata.name=kube-system", verify.NewPlain,
		verify.WorkloadReport{Kind: "DaemonSet", Name: "kube-proxy", Verdict: verify.OutOfScope, Pods: 2, Names: []string{"kube-proxy-a", "kube-proxy-b"}})
	add(&c, "team-a", true, "", verify.NewRefused,
		verify.WorkloadReport{Kind: "Deployment", Name: "web", Verdict: verify.Stale, Why: "the pods are older than the webhook",
			Pods: 3, Names: []string{"web-7d9f8-0", "web-7d9f8-1", "web-7d9f8-2"}},
		verify.WorkloadReport{Kind: "Deployment", Name: "cache", Verdict: verify.Drifted, Why: "the sensor is 7.39.0", Pods: 2, Names: []string{"cache-0", "cache-1"}},
		verify.WorkloadReport{Kind: "Deployment", Name: "agent", Verdict: verify.OptedOut,
			Why: "its annotation sensor.falcon-system.crowdstrike.com/injection is disabled", Pods: 1, Names: []string{"agent-0"}})
	add(&c, "team-b", true, "", verify.NewUnproved,
		verify.WorkloadReport{Kind: "Job", Name: "nightly", Verdict: verify.Stale, Why: "the pods are older than the webhook", Pods: 1, Names: []string{"nightly-x"}},
		verify.WorkloadReport{Kind: "Deployment", Name: "ok", Verdict: verify.Injected, Pods: 4})
	return c
}

// add puts a namespace and its workloads into a cluster and counts them.
func add(c *verify.Cluster, name string, covered bool, why, newPods string, workloads ...verify.WorkloadReport) {
	ns := verify.NamespaceReport{Name: name, Covered: covered, Why: why, NewPods: newPods,
		Coverage: verify.Coverage{Verdicts: map[verify.PodVerdict]int{}}}
	for _, w := range workloads {
		w.Namespace = name
		c.Workloads = append(c.Workloads, w)
		for _, cov := range []*verify.Coverage{&c.Coverage, &ns.Coverage} {
			cov.Verdicts[w.Verdict] += w.Pods
			cov.Pods += w.Pods
			switch w.Verdict {
			case verify.OptedOut, verify.OutOfScope, verify.Impossible, verify.Unprotected:
				continue
			case verify.Injected, verify.Drifted:
				cov.Protected += w.Pods
			}
			cov.InScope += w.Pods
		}
	}
	c.Namespaces = append(c.Namespaces, ns)
}

// Large is a report on a cluster with so many namespaces, and so many pods in workloads of five; every
// ninth workload is not protected.
func Large(pods, namespaces int) *verify.Report {
	r := Fixed()
	c := &r.Clusters[0]
	c.Namespaces, c.Workloads, c.Coverage = nil, nil, verify.Coverage{Verdicts: map[verify.PodVerdict]int{}}
	each := pods / 5 / namespaces
	for n := range namespaces {
		var all []verify.WorkloadReport
		for m := range each {
			w := verify.WorkloadReport{Kind: "Deployment", Name: fmt.Sprintf("service-%03d", m), Verdict: verify.Injected, Pods: 5}
			if (n*each+m)%9 == 0 && n%3 == 0 {
				w.Verdict, w.Why = verify.Stale, "the pods are older than the webhook"
				for p := range w.Pods {
					w.Names = append(w.Names, fmt.Sprintf("%s-7d9f8c6b5-%05d", w.Name, p))
				}
			}
			all = append(all, w)
		}
		add(c, fmt.Sprintf("team-%03d", n), true, "", verify.NewInjected, all...)
	}
	return r
}

// Evil is what somebody may write who wants the reader's browser, terminal or monitoring.
const Evil = "</script><script>document.title='evil'</script><img src=//evil.example/x onerror=alert(1)> \"'\\\n\x1b[2J\u202eevil {\x00} ]]> <!--"

// Hostile is a report whose every word means ill.
func Hostile() *verify.Report {
	r := Fixed()
	c := &r.Clusters[0]
	c.Context, c.Server, c.Host = Evil, Evil, Evil
	c.Scope = verify.Scope{Namespace: Evil, Selector: Evil, Targets: []verify.Target{{Kind: "Pod", Name: Evil}}}
	c.Injectors[0] = verify.InjectorSummary{Tool: Evil, Detail: Evil, Namespace: Evil, Deployment: Evil, Webhook: Evil, Image: Evil, FailurePolicy: "Fail"}
	for n := range c.Checks {
		c.Checks[n].Title, c.Checks[n].Reason = Evil, Evil
		c.Checks[n].Findings = append(c.Checks[n].Findings, verify.Finding{Object: Evil, Message: Evil, Hint: Evil, Command: Evil, Pods: 1, Examples: []string{Evil}})
	}
	for n := range c.Namespaces {
		c.Namespaces[n].Name, c.Namespaces[n].Why, c.Namespaces[n].NewPods = fmt.Sprint(Evil, n), Evil, Evil
	}
	for n := range c.Workloads {
		w := &c.Workloads[n]
		w.Namespace, w.Kind, w.Name, w.Why, w.Cause, w.Names = c.Namespaces[0].Name, Evil, Evil, Evil, Evil, []string{Evil}
	}
	return r
}
