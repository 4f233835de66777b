package aws

import (
	"context"
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// cluster is what the front knows of a cluster beside moto, which has it ACTIVE from the first moment.
type cluster struct {
	region, name string
	// active is when it is ready; failure is why it never will be.
	active  time.Time
	failure *issue
	// gone is when its deletion is over; zero if it is not being deleted.
	gone time.Time
	// updated is when the update in progress is over.
	updated  time.Time
	update   string
	updates  []object
	profiles map[string]*profile
	// parts are addons, access entries and pod identity associations by kind and name.
	parts  map[string]map[string]object
	server server
	// access is the accessConfig that it was created with.
	access object
	// group is the security group that EKS makes for it, if its VPC is known.
	group string
}

// server is the API server that a cluster's description names.
type server struct {
	Endpoint string `json:"endpoint"`
	// CA is the certificate of its authority in PEM.
	CA string `json:"certificateAuthority"`
}

// issue is why something failed, in the form of EKS's health.issues.
type issue struct{ code, message string }

// versions are some of Kubernetes, the first for a cluster without a wish; which there are in AWS today is not
// meant by it.
var versions = []string{"1.35", "1.34", "1.33"}

// clusterName is from the Amazon EKS API reference, CreateCluster.
var clusterName = regexp.MustCompile(`^[0-9A-Za-z][A-Za-z0-9_-]{0,99}$`)

// answerEKS answers a call of EKS. The words of its errors are AWS's where a report of them is known, which is
// then named, or moto has them from AWS.
func (c *Cloud) answerEKS(ctx context.Context, q *request, met Fault) reply {
	c.eksMu.Lock()
	defer c.eksMu.Unlock()
	c.settle(ctx)
	switch q.action {
	case "eks:DescribeClusterVersions":
		return clusterVersions()
	case "eks:DescribeAddonVersions":
		return addonVersions()
	case "eks:ListClusters":
		return c.forward(ctx, q)
	case "eks:CreateCluster":
		return c.createCluster(ctx, q, met)
	case "eks:TagResource", "eks:UntagResource", "eks:ListTagsForResource":
		return c.tags(ctx, q)
	case "eks:Unknown":
		return q.fail(http.StatusNotFound, "UnknownOperationException", "the local AWS does not know "+q.method+" "+q.url.Path)
	}
	known, described, missing := c.cluster(ctx, q.region, q.path[0])
	if missing != nil {
		return q.fail(http.StatusNotFound, "ResourceNotFoundException", "No cluster found for name: "+q.path[0]+".")
	}
	switch q.action {
	case "eks:DescribeCluster":
		return jsonReply(http.StatusOK, object{"cluster": c.describe(known, described)})
	case "eks:DeleteCluster":
		return c.deleteCluster(q, known, described)
	case "eks:UpdateClusterConfig", "eks:UpdateClusterVersion":
		return c.updateCluster(ctx, q, known)
	case "eks:ListUpdates", "eks:DescribeUpdate":
		return c.describeUpdate(q, known)
	case "eks:CreateFargateProfile":
		return c.createProfile(ctx, q, known, described, met)
	case "eks:DescribeFargateProfile":
		return c.describeProfile(q, known, c.forward(ctx, q))
	case "eks:DeleteFargateProfile":
		return c.deleteProfile(ctx, q, known, met)
	case "eks:ListFargateProfiles", "eks:CreateNodegroup", "eks:ListNodegroups", "eks:DescribeNodegroup", "eks:DeleteNodegroup":
		return c.forward(ctx, q)
	}
	return c.answerPart(ctx, q, known)
}

// settle ends in moto what has been deleted for long enough. eksMu must be held.
func (c *Cloud) settle(ctx context.Context) {
	now := c.options.Now()
	for key, k := range c.clusters {
		for name, p := range k.profiles {
			if p.deleting && p.failure == nil && !now.Before(p.done) {
				c.askEKS(ctx, k.region, http.MethodDelete, "/clusters/"+k.name+"/fargate-profiles/"+name)
				delete(k.profiles, name)
			}
		}
		if !k.gone.IsZero() && !now.Before(k.gone) {
			c.askEKS(ctx, k.region, http.MethodDelete, "/clusters/"+k.name)
			if k.group != "" {
				_, _ = c.ask(ctx, "ec2", k.region, "DeleteSecurityGroup", "GroupId", k.group)
			}
			delete(c.clusters, key)
		}
	}
}

// askEKS calls moto's EKS.
func (c *Cloud) askEKS(ctx context.Context, region, method, path string) reply {
	return c.forward(ctx, &request{protocol: restJSON, region: region, method: method, url: &url.URL{Path: path}, header: signed("eks", region)})
}

// cluster returns what is known of a cluster and moto's description, or a reason why not. eksMu must be held.
func (c *Cloud) cluster(ctx context.Context, region, name string) (*cluster, object, error) {
	answer := c.askEKS(ctx, region, http.MethodGet, "/clusters/"+name)
	if !answer.ok() {
		return nil, nil, fmt.Errorf("cluster %s: %d: %s", name, answer.status, answer.body)
	}
	key := region + "/" + name
	if c.clusters[key] == nil {
		k := &cluster{region: region, name: name, profiles: map[string]*profile{}, parts: map[string]map[string]object{}, server: c.servers[name]}
		if vpc := text(child(child(answer.object(), "cluster"), "resourcesVpcConfig"), "vpcId"); vpc != "" {
			var err error
			if k.group, err = c.newGroup(ctx, region, vpc, name); err != nil {
				return nil, nil, err
			}
		}
		c.clusters[key] = k
	}
	return c.clusters[key], child(answer.object(), "cluster"), nil
}

// status is a cluster's at this moment.
func (c *Cloud) status(k *cluster) string {
	now := c.options.Now()
	switch {
	case !k.gone.IsZero():
		return "DELETING"
	case now.Before(k.active):
		return "CREATING"
	case k.failure != nil:
		return "FAILED"
	case now.Before(k.updated) && strings.HasPrefix(k.update, "cluster-"):
		return "UPDATING"
	}
	return "ACTIVE"
}

// describe is the description of a cluster as of now: its endpoint and its certificate are there once it is
// ACTIVE.
func (c *Cloud) describe(k *cluster, o object) object {
	o["status"] = c.status(k)
	switch o["status"] {
	case "CREATING", "FAILED":
		delete(o, "endpoint")
		delete(o, "certificateAuthority")
		delete(o, "identity")
		if k.failure != nil && o["status"] == "FAILED" {
			o["health"] = object{"issues": []object{{"code": k.failure.code, "message": k.failure.message}}}
		}
		return o
	}
	id := fmt.Sprintf("%X", md5.Sum([]byte(k.region+"/"+k.name)))
	o["endpoint"] = "https://" + id + ".gr7." + k.region + ".eks.amazonaws.com"
	o["certificateAuthority"] = object{"data": base64.StdEncoding.EncodeToString([]byte(c.ca))}
	o["identity"] = object{"oidc": object{"issuer": "https://oidc.eks." + k.region + ".amazonaws.com/id/" + id}}
	if k.server.Endpoint != "" {
		o["endpoint"] = k.server.Endpoint
	}
	if k.server.CA != "" {
		o["certificateAuthority"] = object{"data": base64.StdEncoding.EncodeToString([]byte(k.server.CA))}
	}
	o["health"] = object{"issues": []object{}}
	o["accessConfig"] = object{"authenticationMode": "API_AND_CONFIG_MAP"}
	if mode := text(k.access, "authenticationMode"); mode != "" {
		o["accessConfig"] = object{"authenticationMode": mode}
	}
	network := child(o, "resourcesVpcConfig")
	switch {
	case k.group != "":
		network["clusterSecurityGroupId"] = k.group
	case network["clusterSecurityGroupId"] == nil:
		network["clusterSecurityGroupId"] = "sg-" + strings.ToLower(id[:17])
	}
	o["resourcesVpcConfig"] = network
	return o
}

// newCluster is why EKS does not take the parameters of a cluster, or nothing. It adds what EKS adds.
func (c *Cloud) newCluster(ctx context.Context, q *request, in object) string {
	if !clusterName.MatchString(text(in, "name")) {
		return "The cluster name can contain only alphanumeric characters, hyphens and underscores"
	}
	if text(in, "version") == "" {
		in["version"] = versions[0]
	}
	if !slices.Contains(versions, text(in, "version")) {
		return "unsupported Kubernetes version"
	}
	role := text(in, "roleArn")
	if _, trusts := c.assumable(ctx, role, "eks.amazonaws.com"); !trusts {
		return "Role with arn: " + role + ", could not be assumed because it does not exist or the trusted entity is not correct"
	}
	network := child(in, "resourcesVpcConfig")
	subnets, err := c.subnets(ctx, q.region, texts(network, "subnetIds")...)
	if err != nil {
		return err.Error()
	}
	if !slices.ContainsFunc(subnets, func(s subnet) bool { return s.Zone != subnets[0].Zone }) {
		return "Subnets specified must be in at least two different AZs"
	}
	network["vpcId"] = subnets[0].VPC
	in["resourcesVpcConfig"] = network
	return ""
}

func (c *Cloud) createCluster(ctx context.Context, q *request, met Fault) reply {
	in := q.params()
	name := text(in, "name")
	if why := c.newCluster(ctx, q, in); why != "" {
		return q.fail(http.StatusBadRequest, "InvalidParameterException", why)
	}
	q.body = jsonReply(0, in).body
	answer := c.forward(ctx, q)
	if !answer.ok() {
		return answer
	}
	k, described, err := c.cluster(ctx, q.region, name)
	if err != nil {
		return answer
	}
	k.active, k.access = c.options.Now().Add(c.timing().ClusterCreate), child(in, "accessConfig")
	if met.Kind == Late {
		k.failure = met.issue()
	}
	o := c.describe(k, described)
	o["status"] = "CREATING"
	delete(o, "endpoint")
	delete(o, "certificateAuthority")
	delete(o, "identity")
	return jsonReply(http.StatusOK, object{"cluster": o})
}

// issue is the reason of a late failure.
func (f Fault) issue() *issue {
	i := issue{f.Code, f.Message}
	if i.code == "" {
		i.code = "InternalFailure"
	}
	if i.message == "" {
		i.message = "An internal error has occurred."
	}
	return &i
}

func (c *Cloud) deleteCluster(q *request, k *cluster, described object) reply {
	if len(k.profiles) > 0 {
		// kubernetes-sigs/cluster-api-provider-aws issue 4728.
		return q.fail(http.StatusConflict, "ResourceInUseException", "Cluster has Fargate Profiles in ACTIVE/CREATING state")
	}
	if k.gone.IsZero() {
		k.gone = c.options.Now().Add(c.timing().ClusterDelete)
	}
	return jsonReply(http.StatusOK, object{"cluster": c.describe(k, described)})
}
