package verify

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/version"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/owner"
)

var accessChecks = []Check{{
	ID: "FC101", Title: "the API server answers everything it was asked", Severity: Error,
	Hint:  "run it again; if it stays so, mend that part of the API server or the network before it",
	Judge: judgeAnswers,
}, {
	ID: "FC102", Title: "the server's version is one that this program is made for", Severity: Warning,
	Hint: "upgrade the older of the two, the cluster or kubectl falcon", Judge: judgeServerVersion,
}, {
	ID: "FC103", Title: "this program is not older than the one that installed", Severity: Warning,
	Hint:  "upgrade kubectl falcon before you install or change anything with it",
	Needs: []string{listConfigMaps, listDeployments}, Judge: judgeClientVersion,
}, {
	ID: "FC104", Title: "you may read all that verify looks at", Severity: Error,
	Hint:    "have a cluster admin grant the rights of this role, or act as someone who has them (--context, --as)",
	Command: "kubectl falcon rbac verify", Judge: judgeRights,
}, {
	ID: "FC105", Title: "you may ask the sensors in their pods", Severity: Warning, Part: aidsPart,
	Hint: "have a cluster admin grant get and create on pods/exec", Judge: judgeExec,
}, {
	ID: "FC106", Title: "this machine's clock agrees with the server's", Severity: Warning,
	Hint: "set this machine's clock; certificates and ages were judged by the server's", Judge: judgeClock,
}, {
	ID: "FC107", Title: "the server kept pace with the questions", Severity: Info, Judge: judgePace,
}, {
	ID: "FC108", Title: "the server would take an installation", Severity: Error, Part: prePart,
	Hint: "mend what the server says, or have it allowed, before you install", Judge: judgeRehearsal,
}, {
	ID: "FC109", Title: "the server knows dry runs and version 1 of admission", Severity: Warning,
	Hint: "upgrade the cluster", Judge: judgeAdmissionAPI,
}}

// The versions of Kubernetes that this program is made for and was tried with.
var (
	oldestServer = version.MustParseGeneric("1.30")
	newestServer = version.MustParseGeneric("1.37")
	// admissionServer is the first with all that admission needs.
	admissionServer = version.MustParseGeneric("1.19")
)

// mostSkew is how far two clocks may be apart.
const mostSkew = time.Minute

func (v *View) apiServer() string {
	_, host, found := strings.Cut(v.Host, "://")
	if !found {
		host = v.Host
	}
	return "apiserver/" + host
}

func judgeAnswers(v *View) Outcome {
	var all []Finding
	for _, failure := range v.Failed {
		all = append(all, finding(v.apiServer(), "could not %s", failure))
	}
	return found(all...)
}

// minor parses a version such as v1.33.4-eks-abc to its first two parts.
func minor(text string) (*version.Version, error) {
	full, err := version.ParseGeneric(text)
	if err != nil {
		return nil, err
	}
	return version.MajorMinor(full.Major(), full.Minor()), nil
}

func judgeServerVersion(v *View) Outcome {
	server, err := minor(v.Server)
	switch {
	case err != nil:
		return undecided("the server's version %q cannot be read", v.Server)
	case server.LessThan(admissionServer):
		return leftTo("FC109")
	case server.LessThan(oldestServer):
		return found(finding(v.apiServer(), "it is %s, older than the oldest that is supported, %s", v.Server, oldestServer).
			with("upgrade the cluster", ""))
	case newestServer.LessThan(server):
		return found(finding(v.apiServer(), "it is %s, newer than the newest that this version was tried with, %s", v.Server, newestServer).
			with("upgrade kubectl falcon", ""))
	}
	return passed()
}

func judgeAdmissionAPI(v *View) Outcome {
	server, err := minor(v.Server)
	switch {
	case err != nil:
		return undecided("the server's version %q cannot be read", v.Server)
	case server.LessThan(admissionServer):
		return found(finding(v.apiServer(), "it is %s; admissionregistration.k8s.io/v1 and dry runs need %s or newer", v.Server, admissionServer))
	}
	return passed()
}

func judgeClientVersion(v *View) Outcome {
	at := slices.IndexFunc(v.Injectors, func(i Injector) bool { return i.Tool == owner.Ours && i.Record != nil })
	if at < 0 {
		return skipped("kubectl falcon has left no record of an installation")
	}
	if v.Client == v.Injectors[at].Record.Version {
		return passed()
	}
	then, err := version.ParseGeneric(v.Injectors[at].Record.Version)
	now, otherErr := version.ParseGeneric(v.Client)
	if err != nil || otherErr != nil {
		return undecided("%q and %q are not both versions that can be compared", v.Client, v.Injectors[at].Record.Version)
	}
	if now.LessThan(then) {
		return found(finding("kubectl-falcon/"+v.Client, "the injector was installed by %s, and this is %s",
			v.Injectors[at].Record.Version, v.Client))
	}
	return passed()
}

// isExec says whether a denial is of what only the question to the sensors needs.
func isExec(d Denial) bool { return d.Resource == "pods/exec" }

func judgeRights(v *View) Outcome {
	var order []string
	in := map[string][]string{}
	for _, d := range v.Denied {
		if isExec(d) {
			continue
		}
		right := d.Verb + " " + d.Resource
		if _, seen := in[right]; !seen {
			order = append(order, right)
			in[right] = nil
		}
		if d.Namespace != "" {
			in[right] = append(in[right], d.Namespace)
		}
	}
	var all []Finding
	for _, right := range order {
		_, resource, _ := strings.Cut(right, " ")
		where := ""
		if len(in[right]) > 0 {
			where = fmt.Sprintf(" in %s: %s", counted(len(in[right]), "namespace"), fewOf(in[right]))
		}
		all = append(all, finding(resource, "you may not %s%s; what needs it was not judged", right, where))
	}
	return found(all...)
}

func judgeExec(v *View) Outcome {
	var all []Finding
	for _, d := range v.Denied {
		if isExec(d) {
			all = append(all, finding(d.Resource, "you may not %s; servers ask for get or create, by their version", d))
		}
	}
	return found(all...)
}

func judgeClock(v *View) Outcome {
	switch {
	case v.Skew > mostSkew:
		return found(finding("clock/this machine", "it is %s ahead of the server's", v.Skew.Round(time.Second)))
	case v.Skew < -mostSkew:
		return found(finding("clock/this machine", "it is %s behind the server's", (-v.Skew).Round(time.Second)))
	}
	return passed()
}

func judgePace(v *View) Outcome {
	var all []Finding
	if v.Throttled > 0 {
		all = append(all, finding(v.apiServer(), "it asked %s to be sent again later; the answers are complete", counted(v.Throttled, "request")).
			with("ask for less at once, with -n or --no-canary, while the server is busy", ""))
	}
	if v.Relisted {
		all = append(all, finding(v.apiServer(), "a page of the list of pods expired, so the list was begun anew; it is complete").
			with("ask for less at once, with -n, if this takes too long", ""))
	}
	return found(all...)
}

func judgeRehearsal(v *View) Outcome {
	var all []Finding
	for _, r := range v.Rehearsal {
		all = append(all, finding(r.Object, "the server would refuse it: %s", strings.TrimSuffix(r.Error, ".")))
	}
	return found(all...)
}
