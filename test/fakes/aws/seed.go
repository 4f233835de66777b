package aws

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"time"
)

// Network is a VPC of the form that eksctl makes, with two subnets of each kind, an internet gateway for the
// public ones and a NAT gateway for the private ones.
type Network struct {
	VPC             string
	Private, Public []string
}

// NewNetwork makes a VPC with its subnets and gateways in the cloud's region.
func (c *Cloud) NewNetwork(ctx context.Context) (n Network, err error) {
	region := c.options.Region
	if n.VPC, err = c.id(ctx, region, "CreateVpc", "vpc>vpcId", "CidrBlock", "192.168.0.0/16"); err != nil {
		return n, err
	}
	for i, zone := range []string{"a", "b", "a", "b"} {
		subnet, err := c.id(ctx, region, "CreateSubnet", "subnet>subnetId", "VpcId", n.VPC,
			"CidrBlock", fmt.Sprintf("192.168.%d.0/19", i*32), "AvailabilityZone", region+zone)
		if err != nil {
			return n, err
		}
		if i < 2 {
			n.Private = append(n.Private, subnet)
		} else {
			n.Public = append(n.Public, subnet)
		}
	}
	public, err := c.newTable(ctx, n.VPC, n.Public)
	if err != nil {
		return n, err
	}
	if err := c.openTable(ctx, region, n.VPC, public); err != nil {
		return n, err
	}
	private, err := c.newTable(ctx, n.VPC, n.Private)
	if err != nil {
		return n, err
	}
	address, err := c.id(ctx, region, "AllocateAddress", "allocationId", "Domain", "vpc")
	if err != nil {
		return n, err
	}
	nat, err := c.id(ctx, region, "CreateNatGateway", "natGateway>natGatewayId", "SubnetId", n.Public[0], "AllocationId", address)
	if err != nil {
		return n, err
	}
	_, err = c.ask(ctx, "ec2", region, "CreateRoute", "RouteTableId", private, "DestinationCidrBlock", "0.0.0.0/0", "NatGatewayId", nat)
	return n, err
}

// newTable makes a route table for subnets.
func (c *Cloud) newTable(ctx context.Context, vpc string, subnets []string) (string, error) {
	table, err := c.id(ctx, c.options.Region, "CreateRouteTable", "routeTable>routeTableId", "VpcId", vpc)
	for _, subnet := range subnets {
		if err == nil {
			_, err = c.ask(ctx, "ec2", c.options.Region, "AssociateRouteTable", "RouteTableId", table, "SubnetId", subnet)
		}
	}
	return table, err
}

// ClusterSpec is a cluster that a test wants to be there.
type ClusterSpec struct {
	Name string
	// Endpoint and CA are its API server and the PEM certificate of its authority, if it has a real one.
	Endpoint, CA string
	// Network is made if it has no subnets.
	Network Network
	Version string
}

// AddCluster makes a cluster that is ACTIVE at once, and returns its network.
func (c *Cloud) AddCluster(ctx context.Context, spec ClusterSpec) (n Network, err error) {
	if n = spec.Network; len(n.Private)+len(n.Public) == 0 {
		if n, err = c.NewNetwork(ctx); err != nil {
			return n, err
		}
	}
	if spec.Version == "" {
		spec.Version = versions[0]
	}
	in := object{"name": spec.Name, "version": spec.Version, "roleArn": "arn:aws:iam::" + Account + ":role/cluster",
		"resourcesVpcConfig": object{"subnetIds": append(append([]string{}, n.Private...), n.Public...), "vpcId": n.VPC,
			"endpointPublicAccess": true, "publicAccessCidrs": []string{"0.0.0.0/0"}}}
	c.eksMu.Lock()
	defer c.eksMu.Unlock()
	answer := c.forward(ctx, &request{protocol: restJSON, region: c.options.Region, method: http.MethodPost,
		url: &url.URL{Path: "/clusters"}, header: signed("eks", c.options.Region), body: jsonReply(0, in).body})
	if !answer.ok() {
		return n, fmt.Errorf("make cluster %s: %d: %s", spec.Name, answer.status, answer.body)
	}
	k, _, err := c.cluster(ctx, c.options.Region, spec.Name)
	if err != nil {
		return n, err
	}
	k.server = server{spec.Endpoint, spec.CA}
	return n, nil
}

// SetServer gives a cluster of the cloud's region an API server.
func (c *Cloud) SetServer(ctx context.Context, name, endpoint, ca string) error {
	c.eksMu.Lock()
	defer c.eksMu.Unlock()
	k, _, err := c.cluster(ctx, c.options.Region, name)
	if err != nil {
		return err
	}
	k.server = server{endpoint, ca}
	return nil
}

// Promise gives the cluster of a name that somebody will make an API server.
func (c *Cloud) Promise(name, endpoint, ca string) {
	c.eksMu.Lock()
	defer c.eksMu.Unlock()
	c.servers[name] = server{endpoint, ca}
}

// BeginUpdate lets a cluster of the cloud's region be updated by somebody else for some time.
func (c *Cloud) BeginUpdate(ctx context.Context, name string, d time.Duration) error {
	c.eksMu.Lock()
	defer c.eksMu.Unlock()
	k, _, err := c.cluster(ctx, c.options.Region, name)
	if err != nil {
		return err
	}
	c.beginUpdate(k, "addon", d)
	return nil
}

// AddPodExecutionRole makes a role that EKS takes for Fargate profiles, seen at once, and returns its ARN.
func (c *Cloud) AddPodExecutionRole(ctx context.Context, name string) (string, error) {
	return c.AddRole(ctx, name, "eks-fargate-pods.amazonaws.com", "AmazonEKSFargatePodExecutionRolePolicy")
}

// AddRole makes a role that a service may assume, seen at once, with a policy of AWS's, and returns its ARN.
func (c *Cloud) AddRole(ctx context.Context, name, service, policy string) (string, error) {
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"` + service + `"},"Action":"sts:AssumeRole"}]}`
	if _, err := c.ask(ctx, "iam", c.options.Region, "CreateRole", "RoleName", name, "AssumeRolePolicyDocument", trust); err != nil {
		return "", err
	}
	_, err := c.ask(ctx, "iam", c.options.Region, "AttachRolePolicy", "RoleName", name, "PolicyArn", "arn:aws:iam::aws:policy/"+policy)
	return "arn:aws:iam::" + Account + ":role/" + name, err
}

// Request is a call that a test makes as somebody who may do all: no fault meets it, and no log has it.
type Request struct {
	// Service and Action name it; of ecr, eks or iam.
	Service, Action string
	// Path is EKS's.
	Path string
	// Body are the parameters.
	Body map[string]any
}

// Do makes a call, which must go well.
func (c *Cloud) Do(ctx context.Context, call Request) error {
	q := &request{action: call.Service + ":" + call.Action, region: c.options.Region, key: AdminKey, method: http.MethodPost,
		url: &url.URL{Path: "/"}, header: signed(call.Service, c.options.Region), body: jsonReply(0, call.Body).body}
	switch call.Service {
	case "ecr":
		q.header.Set("X-Amz-Target", "AmazonEC2ContainerRegistry_V20150921."+call.Action)
		q.header.Set("Content-Type", "application/x-amz-json-1.1")
	case "eks":
		q.protocol, q.url = restJSON, &url.URL{Path: call.Path}
		q.action, q.path = eksAction(q.method, q.url)
	case "iam":
		form := url.Values{"Action": {call.Action}, "Version": {"2010-05-08"}}
		for name, value := range call.Body {
			form.Set(name, fmt.Sprint(value))
		}
		q.protocol, q.body = query, []byte(form.Encode())
		q.header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if answer := c.answer(ctx, q, Fault{}); !answer.ok() {
		return fmt.Errorf("%s: %d: %s", q.action, answer.status, answer.body)
	}
	return nil
}

// newCA is a certificate in PEM that clusters name as their authority.
func newCA() (string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "kubernetes"}, IsCA: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(10, 0, 0), BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return "", err
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate})), nil
}
