package aws

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// protocol is how a service is spoken to.
type protocol int

const (
	// jsonRPC names the operation in X-Amz-Target (ECR).
	jsonRPC protocol = iota
	// restJSON is method and path (EKS).
	restJSON
	// query is a form that is answered in XML (IAM, STS, CloudFormation).
	query
	// ec2Query is the same with errors of another form (EC2).
	ec2Query
)

// request is one call of an AWS API.
type request struct {
	// action is the name that IAM policies use, for instance ecr:CreateRepository.
	action   string
	protocol protocol
	region   string
	// key is the access key id; empty if the call is not signed.
	key    string
	method string
	url    *url.URL
	header http.Header
	body   []byte
	// path are the variable parts of an EKS path.
	path []string
}

// reply is the answer to a call.
type reply struct {
	status int
	header http.Header
	body   []byte
}

func (r reply) ok() bool { return r.status/100 == 2 }

func jsonReply(status int, v any) reply {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // Only maps of ours are given.
	}
	return reply{status: status, header: http.Header{"Content-Type": {"application/json"}}, body: body}
}

// object is a JSON object whose form is AWS's.
type object = map[string]any

// params are the parameters of a call in JSON.
func (q *request) params() object {
	in := object{}
	_ = json.Unmarshal(q.body, &in)
	return in
}

// form are the parameters of a query call.
func (q *request) form() url.Values {
	values, _ := url.ParseQuery(string(q.body))
	for name, value := range q.url.Query() {
		values[name] = append(values[name], value...)
	}
	return values
}

func (r reply) object() object {
	out := object{}
	_ = json.Unmarshal(r.body, &out)
	return out
}

func text(o object, name string) string {
	s, _ := o[name].(string)
	return s
}

func child(o object, name string) object {
	m, _ := o[name].(object)
	if m == nil {
		m = object{}
	}
	return m
}

func list(o object, name string) []any {
	l, _ := o[name].([]any)
	return l
}

func texts(o object, name string) (all []string) {
	for _, v := range list(o, name) {
		if s, ok := v.(string); ok {
			all = append(all, s)
		}
	}
	return all
}

// identify says which action an HTTP request is. The region and the service are those that it is signed for:
// Credential=KEY/DATE/REGION/SERVICE/aws4_request ("Signature Version 4", AWS IAM user guide).
func identify(r *http.Request, body []byte, usualRegion string) *request {
	q := &request{method: r.Method, url: r.URL, header: r.Header, body: body, region: usualRegion}
	service := ""
	if _, scope, ok := strings.Cut(r.Header.Get("Authorization"), "Credential="); ok {
		scope, _, _ = strings.Cut(scope, ",")
		if parts := strings.Split(scope, "/"); len(parts) == 5 {
			q.key, q.region, service = parts[0], parts[2], parts[3]
		}
	}
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		_, operation, _ := strings.Cut(target, ".")
		q.action = service + ":" + operation
		return q
	}
	if service == "eks" {
		q.protocol = restJSON
		q.action, q.path = eksAction(r.Method, r.URL)
		return q
	}
	q.protocol = query
	if service == "ec2" {
		q.protocol = ec2Query
	}
	if service == "" {
		service = "sts" // AssumeRoleWithWebIdentity and its like are not signed.
	}
	q.action = service + ":" + q.form().Get("Action")
	return q
}

// eksPaths are the operations of EKS by method and path (Amazon EKS API reference); * is a variable part.
var eksPaths = map[string]string{
	"POST /clusters":                                    "CreateCluster",
	"GET /clusters":                                     "ListClusters",
	"GET /clusters/*":                                   "DescribeCluster",
	"DELETE /clusters/*":                                "DeleteCluster",
	"POST /clusters/*/update-config":                    "UpdateClusterConfig",
	"POST /clusters/*/updates":                          "UpdateClusterVersion",
	"GET /clusters/*/updates":                           "ListUpdates",
	"GET /clusters/*/updates/*":                         "DescribeUpdate",
	"POST /clusters/*/fargate-profiles":                 "CreateFargateProfile",
	"GET /clusters/*/fargate-profiles":                  "ListFargateProfiles",
	"GET /clusters/*/fargate-profiles/*":                "DescribeFargateProfile",
	"DELETE /clusters/*/fargate-profiles/*":             "DeleteFargateProfile",
	"POST /clusters/*/node-groups":                      "CreateNodegroup",
	"GET /clusters/*/node-groups":                       "ListNodegroups",
	"GET /clusters/*/node-groups/*":                     "DescribeNodegroup",
	"DELETE /clusters/*/node-groups/*":                  "DeleteNodegroup",
	"POST /clusters/*/addons":                           "CreateAddon",
	"GET /clusters/*/addons":                            "ListAddons",
	"GET /clusters/*/addons/*":                          "DescribeAddon",
	"DELETE /clusters/*/addons/*":                       "DeleteAddon",
	"POST /clusters/*/addons/*/update":                  "UpdateAddon",
	"GET /addons/supported-versions":                    "DescribeAddonVersions",
	"POST /clusters/*/access-entries":                   "CreateAccessEntry",
	"GET /clusters/*/access-entries":                    "ListAccessEntries",
	"GET /clusters/*/access-entries/*":                  "DescribeAccessEntry",
	"DELETE /clusters/*/access-entries/*":               "DeleteAccessEntry",
	"POST /clusters/*/access-entries/*/access-policies": "AssociateAccessPolicy",
	"GET /clusters/*/access-entries/*/access-policies":  "ListAssociatedAccessPolicies",
	"POST /clusters/*/pod-identity-associations":        "CreatePodIdentityAssociation",
	"GET /clusters/*/pod-identity-associations":         "ListPodIdentityAssociations",
	"GET /clusters/*/pod-identity-associations/*":       "DescribePodIdentityAssociation",
	"DELETE /clusters/*/pod-identity-associations/*":    "DeletePodIdentityAssociation",
	"POST /clusters/*/pod-identity-associations/*":      "UpdatePodIdentityAssociation",
	"GET /cluster-versions":                             "DescribeClusterVersions",
	"POST /tags/*":                                      "TagResource",
	"GET /tags/*":                                       "ListTagsForResource",
	"DELETE /tags/*":                                    "UntagResource",
}

// eksAction is the action of a path, with the path's variable parts.
func eksAction(method string, u *url.URL) (string, []string) {
	parts := strings.Split(strings.Trim(u.EscapedPath(), "/"), "/")
	for pattern, name := range eksPaths {
		wantMethod, wantPath, _ := strings.Cut(pattern, " /")
		want := strings.Split(wantPath, "/")
		if wantMethod != method || len(want) != len(parts) {
			continue
		}
		var variable []string
		for i := range want {
			if want[i] == "*" {
				part, _ := url.PathUnescape(parts[i])
				variable = append(variable, part)
			} else if want[i] != parts[i] {
				variable = nil
				name = ""
				break
			}
		}
		if name != "" {
			return "eks:" + name, variable
		}
	}
	return "eks:Unknown", nil
}
