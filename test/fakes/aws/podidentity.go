package aws

import (
	"context"
	"net/http"
)

// podIdentity answers what is special about EKS Pod Identity associations, or leaves a call to what is so of all
// parts of a cluster.
func (c *Cloud) podIdentity(ctx context.Context, q *request, k *cluster, operation string) (reply, bool) {
	have := k.parts["PodIdentityAssociation"]
	in := q.params()
	switch operation {
	case "ListPodIdentityAssociations":
		// A list has no roles (Amazon EKS API reference, PodIdentityAssociationSummary).
		all, wanted := []object{}, q.url.Query()
		for _, id := range sortedKeys(have) {
			one := have[id]
			if (wanted.Get("namespace") == "" || wanted.Get("namespace") == text(one, "namespace")) &&
				(wanted.Get("serviceAccount") == "" || wanted.Get("serviceAccount") == text(one, "serviceAccount")) {
				summary := object{}
				for _, name := range []string{"associationArn", "associationId", "clusterName", "namespace", "serviceAccount"} {
					summary[name] = one[name]
				}
				all = append(all, summary)
			}
		}
		return jsonReply(http.StatusOK, object{"associations": all}), true
	case "CreatePodIdentityAssociation", "UpdatePodIdentityAssociation":
		if role := text(in, "roleArn"); role != "" {
			if _, trusts := c.assumable(ctx, role, "pods.eks.amazonaws.com"); !trusts {
				// hashicorp/terraform-provider-aws issue 41483.
				return q.fail(http.StatusBadRequest, "InvalidParameterException",
					"Trust policy of the role provided is invalid. Follow the official documentation to resolve the issue."), true
			}
		}
	}
	switch {
	case operation == "CreatePodIdentityAssociation":
		for _, one := range have {
			if text(one, "namespace") == text(in, "namespace") && text(one, "serviceAccount") == text(in, "serviceAccount") {
				return q.fail(http.StatusConflict, "ResourceInUseException", "Association already exists: "+text(one, "associationId")), true
			}
		}
	case operation == "UpdatePodIdentityAssociation" && have[q.path[1]] != nil && text(in, "roleArn") != "":
		have[q.path[1]]["roleArn"] = text(in, "roleArn")
	}
	return reply{}, false
}

// AddAddon gives a cluster of the cloud's region an add-on.
func (c *Cloud) AddAddon(ctx context.Context, name, addon string) error {
	c.eksMu.Lock()
	defer c.eksMu.Unlock()
	k, _, err := c.cluster(ctx, c.options.Region, name)
	if err != nil {
		return err
	}
	if k.parts["Addon"] == nil {
		k.parts["Addon"] = map[string]object{}
	}
	k.parts["Addon"][addon] = object{"addonName": addon, "clusterName": name, "status": "ACTIVE"}
	return nil
}
