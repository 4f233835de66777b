package aws

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// part is a kind of thing that belongs to a cluster and that moto does not have.
type part struct {
	// kind is the name in operations: Create<kind>, Describe<kind>, Delete<kind>, List<plural>.
	kind, plural string
	// one and many are its names in answers, id the field that identifies it.
	one, many, id string
	// updates says that the cluster is being updated for a while after a change of it, which keeps Fargate
	// profiles waiting (eksctl-io/eksctl issue 8514).
	updates bool
}

// Forms: Amazon EKS API reference, data types Addon, AccessEntry, PodIdentityAssociation.
var parts = []part{
	{"Addon", "Addons", "addon", "addons", "addonName", true},
	{"AccessEntry", "AccessEntries", "accessEntry", "accessEntries", "principalArn", true},
	{"PodIdentityAssociation", "PodIdentityAssociations", "association", "associations", "associationId", false},
}

// answerPart answers a call about a part of a cluster.
func (c *Cloud) answerPart(ctx context.Context, q *request, k *cluster) reply {
	operation, _ := strings.CutPrefix(q.action, "eks:")
	if operation == "AssociateAccessPolicy" || operation == "ListAssociatedAccessPolicies" {
		return c.accessPolicy(q, k)
	}
	if strings.Contains(operation, "PodIdentityAssociation") {
		if answer, done := c.podIdentity(ctx, q, k, operation); done {
			return answer
		}
	}
	for _, p := range parts {
		have := k.parts[p.kind]
		if have == nil {
			have = map[string]object{}
			k.parts[p.kind] = have
		}
		switch operation {
		case "Create" + p.kind:
			return c.createPart(q, k, p, have)
		case "List" + p.plural:
			all := []any{}
			for _, id := range sortedKeys(have) {
				all = append(all, id)
			}
			return jsonReply(http.StatusOK, object{p.many: all})
		case "Describe" + p.kind, "Delete" + p.kind, "Update" + p.kind:
			o := have[q.path[1]]
			if o == nil {
				return q.fail(http.StatusNotFound, "ResourceNotFoundException", fmt.Sprintf("No %s found for name: %s.", p.one, q.path[1]))
			}
			if operation != "Describe"+p.kind && p.updates {
				c.beginUpdate(k, strings.ToLower(p.kind), c.timing().Update)
			}
			if operation == "Delete"+p.kind {
				delete(have, q.path[1])
			}
			return jsonReply(http.StatusOK, object{p.one: c.partNow(k, o)})
		}
	}
	return q.fail(http.StatusNotFound, "UnknownOperationException", "the local AWS does not do "+q.action)
}

// partNow is a part with its status as of now, if it is of a kind that has one.
func (c *Cloud) partNow(k *cluster, o object) object {
	if o["status"] != nil && c.options.Now().Before(k.updated) {
		now := object{}
		for name, value := range o {
			now[name] = value
		}
		now["status"] = "CREATING"
		return now
	}
	return o
}

func (c *Cloud) createPart(q *request, k *cluster, p part, have map[string]object) reply {
	o := q.params()
	delete(o, "clientRequestToken")
	o["clusterName"], o["createdAt"] = k.name, c.options.Now().Unix()
	if p.id == "associationId" {
		o["associationId"] = "a-" + strings.ToLower(rand.Text())[:17]
		o["associationArn"] = "arn:aws:eks:" + k.region + ":" + Account + ":podidentityassociation/" + k.name + "/" + text(o, "associationId")
	}
	id := text(o, p.id)
	if have[id] != nil {
		return q.fail(http.StatusConflict, "ResourceInUseException", "The specified "+p.one+" resource is already in use on this cluster.")
	}
	switch p.kind {
	case "Addon":
		o["status"], o["health"] = "ACTIVE", object{"issues": []object{}}
		o["addonArn"] = "arn:aws:eks:" + k.region + ":" + Account + ":addon/" + k.name + "/" + id + "/1"
	case "AccessEntry":
		o["accessEntryArn"] = "arn:aws:eks:" + k.region + ":" + Account + ":access-entry/" + k.name + "/" + id
		if text(o, "type") == "" {
			o["type"] = "STANDARD"
		}
	}
	have[id] = o
	if p.updates {
		c.beginUpdate(k, strings.ToLower(p.kind), c.timing().Update)
	}
	return jsonReply(http.StatusOK, object{p.one: c.partNow(k, o)})
}

func (c *Cloud) accessPolicy(q *request, k *cluster) reply {
	entry := k.parts["AccessEntry"][q.path[1]]
	if entry == nil {
		return q.fail(http.StatusNotFound, "ResourceNotFoundException", "The specified principalArn could not be found.")
	}
	have := k.parts["policy of "+q.path[1]]
	if have == nil {
		have = map[string]object{}
		k.parts["policy of "+q.path[1]] = have
	}
	if q.method == http.MethodPost {
		o := q.params()
		have[text(o, "policyArn")] = o
		c.beginUpdate(k, "access", c.timing().Update)
		return jsonReply(http.StatusOK, object{"clusterName": k.name, "principalArn": q.path[1], "associatedAccessPolicy": o})
	}
	all := []object{}
	for _, arn := range sortedKeys(have) {
		all = append(all, have[arn])
	}
	return jsonReply(http.StatusOK, object{"clusterName": k.name, "principalArn": q.path[1], "associatedAccessPolicies": all})
}

// updateCluster takes a change of a cluster, which is then being updated.
func (c *Cloud) updateCluster(ctx context.Context, q *request, k *cluster) reply {
	if c.status(k) != "ACTIVE" || c.options.Now().Before(k.updated) {
		return q.fail(http.StatusConflict, "ResourceInUseException", "Cannot update because cluster "+k.name+" currently has update "+k.update+" in progress")
	}
	if q.action == "eks:UpdateClusterConfig" {
		if answer := c.forward(ctx, q); !answer.ok() {
			return answer
		}
	}
	return jsonReply(http.StatusOK, object{"update": c.updateNow(k, c.beginUpdate(k, "cluster", c.timing().Update))})
}

// beginUpdate lets a cluster be updated for some time, and returns the update.
func (c *Cloud) beginUpdate(k *cluster, what string, d time.Duration) object {
	k.update, k.updated = what+"-"+strings.ToLower(rand.Text())[:8], c.options.Now().Add(d)
	o := object{"id": k.update, "type": "ConfigUpdate", "params": []object{}, "errors": []object{}, "createdAt": c.options.Now().Unix()}
	k.updates = append(k.updates, o)
	return o
}

func (c *Cloud) updateNow(k *cluster, o object) object {
	o["status"] = "Successful"
	if o["id"] == k.update && c.options.Now().Before(k.updated) {
		o["status"] = "InProgress"
	}
	return o
}

func (c *Cloud) describeUpdate(q *request, k *cluster) reply {
	ids := []string{}
	for _, o := range k.updates {
		if len(q.path) > 1 && o["id"] == q.path[1] {
			return jsonReply(http.StatusOK, object{"update": c.updateNow(k, o)})
		}
		ids = append(ids, text(o, "id"))
	}
	if q.action == "eks:DescribeUpdate" {
		return q.fail(http.StatusNotFound, "ResourceNotFoundException", "No update found for ID: "+q.path[1])
	}
	return jsonReply(http.StatusOK, object{"updateIds": ids})
}

// tags keeps to moto for clusters and has those of profiles itself.
func (c *Cloud) tags(ctx context.Context, q *request) reply {
	arn := strings.Split(q.path[0], "/")
	if !strings.Contains(arn[0], ":fargateprofile") || len(arn) < 3 {
		return c.forward(ctx, q)
	}
	k, _, err := c.cluster(ctx, q.region, arn[1])
	if err != nil || k.profiles[arn[2]] == nil {
		return q.fail(http.StatusNotFound, "NotFoundException", "No Fargate Profile found with name: "+arn[2]+".")
	}
	have := k.profiles[arn[2]].tags
	if have == nil {
		have = object{}
		k.profiles[arn[2]].tags = have
	}
	for name, value := range child(q.params(), "tags") {
		have[name] = value
	}
	for _, name := range q.url.Query()["tagKeys"] {
		delete(have, name)
	}
	if q.method == http.MethodGet {
		return jsonReply(http.StatusOK, object{"tags": have})
	}
	return jsonReply(http.StatusOK, object{})
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// clusterVersions is a short list in the form of AWS's.
func clusterVersions() reply {
	var all []object
	for _, version := range versions {
		all = append(all, object{"clusterVersion": version, "clusterType": "eks", "defaultPlatformVersion": "eks.1",
			"defaultVersion": version == versions[0], "status": "standard-support", "versionStatus": "STANDARD_SUPPORT"})
	}
	return jsonReply(http.StatusOK, object{"clusterVersions": all})
}

func addonVersions() reply {
	var all []object
	for _, name := range []string{"vpc-cni", "coredns", "kube-proxy", "eks-pod-identity-agent", "metrics-server"} {
		all = append(all, object{"addonName": name, "type": "networking", "addonVersions": []object{{"addonVersion": "v1.0.0-eksbuild.1",
			"compatibilities": []object{{"clusterVersion": versions[0], "platformVersions": []string{"*"}, "defaultVersion": true}}}}})
	}
	return jsonReply(http.StatusOK, object{"addons": all})
}
