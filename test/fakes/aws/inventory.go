package aws

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// Inventory is all that a command may have made or changed in the cloud's region, with every value: what the APIs
// of AWS say of it, and what the registry behind has. It is field = value, the field with its kind and name.
func (c *Cloud) Inventory(ctx context.Context) (map[string]string, error) {
	i := &inventory{Cloud: c, ctx: ctx, all: map[string]string{}}
	i.ecr()
	i.eks()
	i.iam()
	i.ec2()
	i.registry()
	return i.all, errors.Join(i.errs...)
}

// inventory is one that is being taken.
type inventory struct {
	*Cloud
	ctx  context.Context
	all  map[string]string
	errs []error
}

// add puts a value in, with all that is within it.
func (i *inventory) add(at string, v any) {
	switch v := v.(type) {
	case object:
		for name, one := range v {
			i.add(at+" "+name, one)
		}
	case []any:
		for n, one := range v {
			i.add(fmt.Sprint(at, " ", n), one)
		}
	default:
		i.all[at] = fmt.Sprint(v)
	}
}

// answered is a call's answer, or nothing if what it asks for is not there.
func (i *inventory) answered(q *request) object {
	answer := i.answer(i.ctx, q, Fault{})
	if !answer.ok() && !strings.Contains(string(answer.body), "NotFound") {
		i.errs = append(i.errs, fmt.Errorf("inventory: %s: %d: %s", q.action, answer.status, answer.body))
	}
	if !answer.ok() {
		return nil
	}
	return answer.object()
}

func (i *inventory) askECR(operation string, in object) object {
	q := &request{action: "ecr:" + operation, region: i.options.Region, key: AdminKey, method: http.MethodPost, url: &url.URL{Path: "/"},
		header: signed("ecr", i.options.Region), body: jsonReply(0, in).body}
	q.header.Set("X-Amz-Target", "AmazonEC2ContainerRegistry_V20150921."+operation)
	q.header.Set("Content-Type", "application/x-amz-json-1.1")
	return i.answered(q)
}

func (i *inventory) ecr() {
	for _, found := range list(i.askECR("DescribeRepositories", object{}), "repositories") {
		repository, _ := found.(object)
		name := text(repository, "repositoryName")
		at := "ecr " + name
		i.add(at, repository)
		for _, operation := range []string{"GetLifecyclePolicy", "GetRepositoryPolicy", "DescribeImages"} {
			answer := i.askECR(operation, object{"repositoryName": name})
			// It is of the moment at which it is asked for.
			delete(answer, "lastEvaluatedAt")
			i.add(at+" "+operation, answer)
		}
		i.add(at, i.askECR("ListTagsForResource", object{"resourceArn": repository["repositoryArn"]}))
	}
}

func (i *inventory) askEKS(path string) object {
	u := &url.URL{Path: path}
	q := &request{protocol: restJSON, region: i.options.Region, key: AdminKey, method: http.MethodGet, url: u, header: signed("eks", i.options.Region)}
	q.action, q.path = eksAction(http.MethodGet, u)
	return i.answered(q)
}

func (i *inventory) eks() {
	for _, name := range texts(i.askEKS("/clusters"), "clusters") {
		path := "/clusters/" + name
		i.add("eks "+name, i.askEKS(path))
		for kind, names := range map[string]string{"fargate-profiles": "fargateProfileNames", "addons": "addons", "access-entries": "accessEntries"} {
			for _, one := range texts(i.askEKS(path+"/"+kind), names) {
				i.add("eks "+name+" "+kind+" "+one, i.askEKS(path+"/"+kind+"/"+one))
			}
		}
		i.add("eks "+name, i.askEKS(path+"/pod-identity-associations"))
	}
}

// query calls moto by the query protocol.
func (i *inventory) query(service, action string, pairs ...string) object {
	answer, err := i.ask(i.ctx, service, i.options.Region, action, pairs...)
	var out any
	if err == nil {
		out, err = tree(xml.NewDecoder(bytes.NewReader(answer.body)))
	}
	if err != nil {
		i.errs = append(i.errs, fmt.Errorf("inventory: %w", err))
		return nil
	}
	o, _ := out.(object)
	delete(o, "ResponseMetadata")
	delete(o, "requestId")
	if result := child(o, action+"Result"); len(result) > 0 {
		return result
	}
	return o
}

func (i *inventory) iam() {
	for _, found := range list(i.query("iam", "ListRoles"), "Roles") {
		role, _ := found.(object)
		name := text(role, "RoleName")
		i.add("iam role "+name, i.query("iam", "GetRole", "RoleName", name)["Role"])
		i.add("iam role "+name, i.query("iam", "ListAttachedRolePolicies", "RoleName", name))
		for _, policy := range texts(i.query("iam", "ListRolePolicies", "RoleName", name), "PolicyNames") {
			i.add("iam role "+name+" policy", i.query("iam", "GetRolePolicy", "RoleName", name, "PolicyName", policy))
		}
	}
	for _, found := range list(i.query("iam", "ListOpenIDConnectProviders"), "OpenIDConnectProviderList") {
		provider, _ := found.(object)
		arn := text(provider, "Arn")
		i.add("iam "+arn, i.query("iam", "GetOpenIDConnectProvider", "OpenIDConnectProviderArn", arn))
	}
	i.add("iam policies", i.query("iam", "ListPolicies", "Scope", "Local"))
}

func (i *inventory) ec2() {
	for _, what := range []string{"Vpcs", "Subnets", "RouteTables", "InternetGateways", "NatGateways", "Addresses", "SecurityGroups"} {
		i.add("ec2 "+what, i.query("ec2", "Describe"+what))
	}
}

// registry are the tags in the registry behind, with the digests of their images.
func (i *inventory) registry() {
	var catalog struct{ Repositories []string }
	_, err := i.read("/v2/_catalog?n=1000", &catalog)
	if err != nil {
		i.errs = append(i.errs, fmt.Errorf("inventory: %w", err))
	}
	for _, name := range catalog.Repositories {
		for _, tag := range i.storedTags(i.ctx, name) {
			digest, err := i.read("/v2/"+name+"/manifests/"+tag, &struct{}{})
			if err != nil {
				i.errs = append(i.errs, fmt.Errorf("inventory: %w", err))
			}
			i.add("registry "+name+" "+tag, digest)
		}
	}
}

// read reads JSON of the registry behind, and returns its digest.
func (i *inventory) read(path string, into any) (digest string, err error) {
	r, err := http.NewRequestWithContext(i.ctx, http.MethodGet, i.store.url+path, nil)
	if err != nil {
		return "", err
	}
	for _, form := range []string{"application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.manifest.v1+json",
		"application/vnd.docker.distribution.manifest.list.v2+json", "application/vnd.docker.distribution.manifest.v2+json"} {
		r.Header.Add("Accept", form)
	}
	answer, err := i.client.Do(r)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", path, answer.Status, content)
	}
	if err != nil {
		return "", err
	}
	return digestOf(content), json.Unmarshal(content, into)
}

// tree reads XML as JSON would have it: what has only elements called member or item is a list.
func tree(d *xml.Decoder) (any, error) {
	var words strings.Builder
	fields, items := object{}, []any(nil)
	for {
		token, err := d.Token()
		if err == io.EOF {
			if len(fields) == 1 {
				// What is whole has one element, which names the answer.
				for _, whole := range fields {
					return whole, nil
				}
			}
			return nil, io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, err
		}
		switch token := token.(type) {
		case xml.StartElement:
			within, err := tree(d)
			if err != nil {
				return nil, err
			}
			if name := token.Name.Local; name == "member" || name == "item" {
				items = append(items, within)
			} else {
				fields[name] = within
			}
		case xml.CharData:
			words.Write(token)
		case xml.EndElement:
			switch {
			case items != nil:
				return items, nil
			case len(fields) > 0:
				return fields, nil
			}
			return strings.TrimSpace(words.String()), nil
		}
	}
}
