package aws

import (
	"encoding/base64"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"
)

// scene is a cluster of a test's own, with a network, a role for pods and a clock that the test moves.
type scene struct {
	*Cloud
	client
	Network
	// name is the cluster's, profiles the path of its Fargate profiles.
	name, role, profiles string
	now                  time.Time
}

func (s *scene) pass(d time.Duration) { s.now = s.now.Add(d) }

// newScene shares moto and has its names from the test.
func newScene(t *testing.T) *scene {
	t.Helper()
	s := &scene{name: t.Name(), now: time.Now()}
	s.profiles = "/clusters/" + s.name + "/fargate-profiles"
	c, err := Start(t.Context(), Options{Moto: shared.moto, Now: func() time.Time { return s.now },
		Times: Times{ProfileCreate: time.Minute, ProfileDelete: 2 * time.Minute, ClusterCreate: 10 * time.Minute,
			ClusterDelete: 5 * time.Minute, Update: time.Minute, RoleSeen: 10 * time.Second}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	s.Cloud, s.client = c, user(t, c)
	if s.Network, err = c.AddCluster(t.Context(), ClusterSpec{Name: s.name}); err != nil {
		t.Fatal(err)
	}
	if s.role, err = c.AddPodExecutionRole(t.Context(), s.name); err != nil {
		t.Fatal(err)
	}
	// It may be there from another test.
	_, _ = c.ask(t.Context(), "iam", "us-east-1", "DeleteRole", "RoleName", fargateRole)
	return s
}

func fargate(name, role string, subnets ...string) object {
	return object{"fargateProfileName": name, "podExecutionRoleArn": role, "subnets": subnets,
		"selectors": []object{{"namespace": "falcon-system"}}}
}

func status(u client, path string) string {
	u.t.Helper()
	a := u.eks("GET", path, nil)
	for _, name := range []string{"fargateProfile", "cluster"} {
		if s := text(child(a.json, name), "status"); s != "" {
			return s
		}
	}
	return a.code
}

func TestProfileTakesItsTime(t *testing.T) {
	s := newScene(t)
	a := s.eks("POST", s.profiles, fargate("a", s.role, s.Private...))
	equal(t, "status in the answer", text(child(a.json, "fargateProfile"), "status"), "CREATING")
	equal(t, "status at once", status(s.client, s.profiles+"/a"), "CREATING")
	// One at a time, both ways.
	expect(t, s.eks("POST", s.profiles, fargate("b", s.role, s.Private...)), 409, "ResourceInUseException",
		"Cannot create Fargate Profile b because cluster "+s.name+" currently has Fargate profile a in status CREATING")
	expect(t, s.eks("DELETE", s.profiles+"/a", nil), 409, "ResourceInUseException", "in status CREATING")
	s.pass(time.Minute)
	equal(t, "status later", status(s.client, s.profiles+"/a"), "ACTIVE")
	expect(t, s.eks("POST", s.profiles, fargate("a", s.role, s.Private...)), 409, "ResourceInUseException", "already exists")
	s.eks("POST", s.profiles, fargate("b", s.role, s.Private...))
	expect(t, s.eks("DELETE", s.profiles+"/a", nil), 409, "ResourceInUseException",
		"Cannot Delete Fargate Profile a because cluster "+s.name+" currently has Fargate profile b in status CREATING")
	s.pass(time.Minute)
	a = s.eks("DELETE", s.profiles+"/a", nil)
	equal(t, "status in the answer", text(child(a.json, "fargateProfile"), "status"), "DELETING")
	equal(t, "status while it goes", status(s.client, s.profiles+"/a"), "DELETING")
	expect(t, s.eks("DELETE", "/clusters/"+s.name, nil), 409, "ResourceInUseException", "Cluster has Fargate Profiles")
	s.pass(2 * time.Minute)
	equal(t, "status at the end", status(s.client, s.profiles+"/a"), "ResourceNotFoundException")
	equal(t, "list", strings.Join(texts(s.eks("GET", s.profiles, nil).json, "fargateProfileNames"), " "), "b")
	if seen, err := s.Profiles(t.Context(), s.name); err != nil || strings.Join(seen, " ") != "b ACTIVE" {
		t.Errorf("profiles are %v (%v)", seen, err)
	}
}

func TestProfileFailsLate(t *testing.T) {
	s := newScene(t)
	s.Break(Fault{Action: "eks:*FargateProfile", Kind: Late, Code: "PodExecutionRoleAlreadyInUse", Message: "in use elsewhere"})
	s.eks("POST", s.profiles, fargate("a", s.role, s.Private...))
	s.pass(time.Minute)
	s.Mend()
	equal(t, "status", status(s.client, s.profiles+"/a"), "CREATE_FAILED")
	expect(t, s.eks("GET", s.profiles+"/a", nil), 200, "", "in use elsewhere")
	s.Break(Fault{Action: "eks:DeleteFargateProfile", Kind: Late, Times: 1})
	s.eks("DELETE", s.profiles+"/a", nil)
	s.pass(2 * time.Minute)
	equal(t, "status", status(s.client, s.profiles+"/a"), "DELETE_FAILED")
	s.eks("DELETE", s.profiles+"/a", nil)
	s.pass(2 * time.Minute)
	equal(t, "status", status(s.client, s.profiles+"/a"), "ResourceNotFoundException")
}

func TestProfileIsRefused(t *testing.T) {
	s := newScene(t)
	six := fargate("a", s.role, s.Private...)
	six["selectors"] = []object{{"namespace": "1"}, {"namespace": "2"}, {"namespace": "3"}, {"namespace": "4"}, {"namespace": "5"}, {"namespace": "6"}}
	for _, test := range []struct {
		in    object
		words string
	}{
		{fargate("a", s.role, s.Public[0]), "Subnet " + s.Public[0] + " provided in Fargate Profile is not a private subnet"},
		{fargate("a", s.role, "subnet-0"), "The subnet ID 'subnet-0' does not exist"},
		{fargate("eks-a", s.role, s.Private...), "reserved prefix: 'eks-'"},
		{six, "more than 5 selectors"},
		{fargate("a", s.role+"x", s.Private...), "cannot be found"},
	} {
		expect(t, s.eks("POST", s.profiles, test.in), 400, "InvalidParameterException", test.words)
	}
	// A new role is not seen at once, and one with another trust never.
	trust := func(service string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":["` + service + `"]},"Action":"sts:AssumeRole"}]}`
	}
	s.query("iam", "CreateRole", "RoleName", s.name+"-new", "AssumeRolePolicyDocument", trust("eks-fargate-pods.amazonaws.com"))
	s.query("iam", "CreateRole", "RoleName", s.name+"-other", "AssumeRolePolicyDocument", trust("ec2.amazonaws.com"))
	made := "arn:aws:iam::123456789012:role/" + s.name + "-new"
	expect(t, s.eks("POST", s.profiles, fargate("a", made, s.Private...)), 400, "InvalidParameterException", "Misconfigured PodExecutionRole")
	s.pass(10 * time.Second)
	expect(t, s.eks("POST", s.profiles, fargate("a", "arn:aws:iam::123456789012:role/"+s.name+"-other", s.Private...)), 400,
		"InvalidParameterException", "Misconfigured PodExecutionRole")
	// Without subnets it is the private ones of the cluster.
	a := s.eks("POST", s.profiles, fargate("a", made))
	equal(t, "subnets", strings.Join(texts(child(a.json, "fargateProfile"), "subnets"), " "), strings.Join(s.Private, " "))
	equal(t, "status of the service-linked role", s.query("iam", "GetRole", "RoleName", fargateRole).status, 200)
	expect(t, s.eks("POST", "/clusters/none/fargate-profiles", fargate("a", s.role)), 404, "ResourceNotFoundException", "No cluster found for name: none.")
	expect(t, s.eks("GET", "/clusters/none/fargate-profiles", nil), 404, "ResourceNotFoundException", "No cluster found")
	expect(t, s.eks("GET", "/clusters/none/fargate-profiles/a", nil), 404, "ResourceNotFoundException", "No cluster found")
}

func TestNoProfileWhileTheClusterIsUpdated(t *testing.T) {
	s := newScene(t)
	expect(t, s.eks("POST", "/clusters/"+s.name+"/addons", object{"addonName": "coredns"}), 200, "", `"status":"CREATING"`)
	expect(t, s.eks("POST", s.profiles, fargate("a", s.role, s.Private...)), 409, "ResourceInUseException",
		"Cannot create Fargate Profile a because cluster "+s.name+" currently has update")
	s.pass(time.Minute)
	expect(t, s.eks("GET", "/clusters/"+s.name+"/addons/coredns", nil), 200, "", `"status":"ACTIVE"`)
	principal := "arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fadmin"
	expect(t, s.eks("POST", "/clusters/"+s.name+"/access-entries", object{"principalArn": "arn:aws:iam::123456789012:role/admin"}), 200, "", "STANDARD")
	expect(t, s.eks("GET", "/clusters/"+s.name+"/access-entries/"+principal, nil), 200, "", "role/admin")
	expect(t, s.eks("POST", s.profiles, fargate("a", s.role, s.Private...)), 409, "ResourceInUseException", "currently has update")
	s.pass(time.Minute)
	if err := s.BeginUpdate(t.Context(), s.name, time.Minute); err != nil {
		t.Fatal(err)
	}
	expect(t, s.eks("POST", s.profiles, fargate("a", s.role, s.Private...)), 409, "ResourceInUseException", "currently has update")
	s.pass(time.Minute)
	expect(t, s.eks("POST", s.profiles, fargate("a", s.role, s.Private...)), 200, "", "CREATING")
}

func TestClusterTakesItsTime(t *testing.T) {
	s := newScene(t)
	role, err := s.AddRole(t.Context(), s.name+"-cluster", "eks.amazonaws.com", "AmazonEKSClusterPolicy")
	if err != nil {
		t.Fatal(err)
	}
	in := object{"name": s.name + "-new", "roleArn": role, "resourcesVpcConfig": object{"subnetIds": s.Private}}
	a := s.eks("POST", "/clusters", in)
	equal(t, "status in the answer", text(child(a.json, "cluster"), "status"), "CREATING")
	for _, absent := range []string{"endpoint", "certificateAuthority", "identity"} {
		if child(s.eks("GET", "/clusters/"+s.name+"-new", nil).json, "cluster")[absent] != nil {
			t.Errorf("there is a %s before the cluster is ACTIVE", absent)
		}
	}
	expect(t, s.eks("POST", "/clusters", in), 409, "ResourceInUseException", "Cluster already exists with name: "+s.name+"-new")
	for name, value := range map[string]any{"name": "bad name!", "version": "9.99", "roleArn": s.role,
		"resourcesVpcConfig": object{"subnetIds": s.Private[:1]}} {
		bad := maps.Clone(in)
		bad[name] = value
		expect(t, s.eks("POST", "/clusters", bad), 400, "InvalidParameterException", "")
	}
	s.pass(10 * time.Minute)
	cluster := child(s.eks("GET", "/clusters/"+s.name+"-new", nil).json, "cluster")
	equal(t, "status", text(cluster, "status"), "ACTIVE")
	equal(t, "VPC", text(child(cluster, "resourcesVpcConfig"), "vpcId"), s.VPC)
	equal(t, "version", text(cluster, "version"), versions[0])
	if issuer := text(child(child(cluster, "identity"), "oidc"), "issuer"); !strings.HasPrefix(issuer, "https://oidc.eks.eu-west-1.amazonaws.com/id/") {
		t.Errorf("issuer is %q", issuer)
	}
	pem, err := base64.StdEncoding.DecodeString(text(child(cluster, "certificateAuthority"), "data"))
	if err != nil || !strings.HasPrefix(string(pem), "-----BEGIN CERTIFICATE-----") {
		t.Errorf("authority is %.40q (%v)", pem, err)
	}
	equal(t, "status in the answer", text(child(s.eks("DELETE", "/clusters/"+s.name+"-new", nil).json, "cluster"), "status"), "DELETING")
	s.pass(5 * time.Minute)
	equal(t, "status at the end", status(s.client, "/clusters/"+s.name+"-new"), "ResourceNotFoundException")
	expect(t, s.eks("GET", "/cluster-versions", nil), 200, "", versions[0])
}

func TestFaultsInEachProtocol(t *testing.T) {
	c, u := fresh(t)
	for _, test := range []struct {
		kind                                       Kind
		ecr, eks, iam, ec2                         string
		ecrStatus, eksStatus, iamStatus, ec2Status int
	}{
		{AccessDenied, "AccessDeniedException", "AccessDeniedException", "AccessDenied", "UnauthorizedOperation", 400, 403, 403, 403},
		{Throttled, "ThrottlingException", "ThrottlingException", "Throttling", "RequestLimitExceeded", 400, 429, 400, 503},
		{ExpiredToken, "ExpiredTokenException", "ExpiredTokenException", "ExpiredToken", "RequestExpired", 400, 403, 403, 400},
		{UnrecognizedClient, "UnrecognizedClientException", "UnrecognizedClientException", "InvalidClientTokenId", "AuthFailure", 400, 403, 403, 401},
		{ServerError, "ServerException", "ServerException", "InternalFailure", "InternalError", 500, 500, 500, 500},
		{LimitExceeded, "LimitExceededException", "ResourceLimitExceededException", "LimitExceeded", "ResourceLimitExceeded", 400, 400, 409, 400},
	} {
		c.Mend()
		c.Break(Fault{Action: "*", Kind: test.kind})
		expect(t, u.ecr("CreateRepository", object{"repositoryName": "a"}), test.ecrStatus, test.ecr, "")
		expect(t, u.eks("GET", "/clusters/a", nil), test.eksStatus, test.eks, "")
		expect(t, u.query("iam", "GetRole", "RoleName", "a"), test.iamStatus, "", "<Code>"+test.iam+"</Code>")
		expect(t, u.query("ec2", "DescribeSubnets"), test.ec2Status, "", "<Code>"+test.ec2+"</Code>")
	}
	c.Mend()
	c.Break(Fault{Action: "eks:CreateCluster", Kind: UnsupportedZone})
	expect(t, u.eks("POST", "/clusters", object{"name": "a"}), 400, "UnsupportedAvailabilityZoneException", "validZones")
	c.Break(Fault{Action: "ecr:*", Kind: Other, Status: 400, Code: "KmsException", Message: "no key"})
	expect(t, u.ecr("CreateRepository", object{"repositoryName": "a"}), 400, "KmsException", "no key")
	u.region = "eu-nowhere-1"
	expect(t, u.eks("GET", "/clusters", nil), 403, "InvalidSignatureException", "valid region")
}

func TestFaultsAreCounted(t *testing.T) {
	c, u := fresh(t)
	c.Break(Fault{Action: "ecr:DescribeRepositories", Kind: Throttled, After: 1, Times: 2})
	var seen []string
	for range 4 {
		seen = append(seen, u.ecr("DescribeRepositories", object{}).code)
	}
	equal(t, "codes", strings.Join(seen, ","), ",ThrottlingException,ThrottlingException,")
	c.Break(Fault{Action: "ecr:CreateRepository", Kind: Cut, Times: 1})
	if a, err := u.do("ecr", http.MethodPost, "/", http.Header{"X-Amz-Target": {"X.CreateRepository"}}, []byte(`{"repositoryName":"a"}`)); err == nil {
		t.Errorf("the connection was to be cut: %s", a)
	}
	c.Break(Fault{Action: "ecr:CreateRepository", Kind: CutAfter, Times: 1})
	if a, err := u.do("ecr", http.MethodPost, "/", http.Header{"X-Amz-Target": {"X.CreateRepository"}}, []byte(`{"repositoryName":"a"}`)); err == nil {
		t.Errorf("the connection was to be cut: %s", a)
	}
	expect(t, u.ecr("CreateRepository", object{"repositoryName": "a"}), 400, "RepositoryAlreadyExistsException", "")
}

func TestPolicyIsHeld(t *testing.T) {
	s := newScene(t)
	all := []string{"eks:CreateFargateProfile", "iam:PassRole", "iam:GetRole", "ec2:DescribeSubnets", "eks:TagResource", "iam:CreateServiceLinkedRole"}
	in := fargate("a", s.role, s.Private...)
	in["tags"] = object{"made-by": "test"}
	for i, missing := range append(all, "") {
		allowed := append(append([]string{}, all[:min(i, len(all))]...), all[min(i+1, len(all)):]...)
		if err := s.SetPolicy(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["` + strings.Join(allowed, `","`) + `"],"Resource":"*"}]}`); err != nil {
			t.Fatal(err)
		}
		a := s.eks("POST", s.profiles, in)
		if missing == "" {
			expect(t, a, 200, "", "CREATING")
		} else if a.status/100 != 4 || !strings.Contains(a.body, missing) {
			t.Errorf("without %s it is %s", missing, a)
		}
	}
	expect(t, s.query("sts", "GetCallerIdentity"), 200, "", "arn:aws:iam::123456789012:user/moto")
	_ = s.SetPolicy(`{"Statement":[{"Effect":"Allow","Action":"*"},{"Effect":"Deny","Action":"iam:delete*"}]}`)
	expect(t, s.query("iam", "DeleteRole", "RoleName", s.name), 403, "", "not authorized to perform: iam:DeleteRole on resource: arn:aws:iam::123456789012:role/"+s.name)
	expect(t, s.eks("GET", s.profiles+"/a", nil), 200, "", "made-by")
}

func TestServiceLinkedRoleHasItsName(t *testing.T) {
	c, u := fresh(t)
	_, _ = c.ask(t.Context(), "iam", "us-east-1", "DeleteRole", "RoleName", fargateRole)
	a := u.query("iam", "CreateServiceLinkedRole", "AWSServiceName", fargateService)
	expect(t, a, 200, "", "<CreateServiceLinkedRoleResult>")
	expect(t, u.query("iam", "GetRole", "RoleName", fargateRole), 200, "", "/aws-service-role/"+fargateService+"/")
	expect(t, u.query("iam", "CreateServiceLinkedRole", "AWSServiceName", fargateService), 400, "", "has been taken in this account")
}
