package fit

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/ec2query"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/fargate"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

var today = time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)

func yes(v bool) *bool { return &v }

// good is a cluster as eksctl makes it, with all that the sensor needs.
func good() *Snapshot {
	return &Snapshot{
		Cluster: Cluster{Name: "shop", Region: "eu-west-1", Status: "ACTIVE", Version: "1.34", VPC: "vpc-1", Public: true,
			CIDRs: []string{"0.0.0.0/0"}, Issuer: "https://oidc.eks.eu-west-1.amazonaws.com/id/A"},
		Versions: []Version{{Version: "1.34", Status: "STANDARD_SUPPORT", StandardEnd: today.AddDate(1, 0, 0)},
			{Version: "1.31", Status: "EXTENDED_SUPPORT", ExtendedEnd: today.AddDate(0, 6, 0)}, {Version: "1.30", Status: "UNSUPPORTED"},
			{Version: "1.33", Status: "STANDARD_SUPPORT", StandardEnd: today.AddDate(0, 0, 20)}},
		Profiles: []fargate.Profile{
			{Name: "fp-default", Status: "ACTIVE", Selectors: []fargate.Selector{{Namespace: "default"}, {Namespace: "kube-system"}}, Subnets: []string{"subnet-a"}},
			{Name: "fp-falcon-system", Status: "ACTIVE", Selectors: []fargate.Selector{{Namespace: "falcon-system"}}, Subnets: []string{"subnet-a"}}},
		Groups:   []string{},
		Subnets:  []ec2query.Subnet{{ID: "subnet-a", VPC: "vpc-1", FreeIPs: 8000}, {ID: "subnet-b", VPC: "vpc-1", FreeIPs: 8000}},
		Tables:   []ec2query.RouteTable{table("rtb-a", "subnet-a", "", ec2query.Route{Destination: "0.0.0.0/0", NAT: "nat-1", State: "active"}), table("rtb-main", "", "main", ec2query.Route{Destination: "0.0.0.0/0", NAT: "nat-1", State: "active"})},
		Provider: yes(true),
		Inside:   &Inside{DNS: &DNS{Labels: map[string]string{"k8s-app": "kube-dns"}, Compute: "fargate", Wanted: 2, Ready: 2}},
		Unknown:  map[Part]error{},
	}
}

func table(id, subnet, main string, routes ...ec2query.Route) ec2query.RouteTable {
	return ec2query.RouteTable{ID: id, VPC: "vpc-1", Routes: append([]ec2query.Route{{Destination: "192.168.0.0/16", Gateway: "local"}}, routes...),
		Associations: []ec2query.Association{{Subnet: subnet, Main: main != ""}}}
}

func (s *Snapshot) route(r ec2query.Route) { s.Tables[0].Routes[1] = r }

func TestAGoodClusterIsGood(t *testing.T) {
	r := Judge(good(), today)
	if r.Verdict != OK || r.Count(OK) != 12 || len(r.Findings) != 12 {
		t.Errorf("got %+v", r)
	}
	for _, f := range r.Findings {
		if f.Reason == "" || f.Next != "" || strings.HasSuffix(f.Reason, ".") {
			t.Errorf("%s says %q, next %q", f.Check, f.Reason, f.Next)
		}
	}
}

func TestEveryFaultIsFoundAndTold(t *testing.T) {
	for name, c := range map[string]struct {
		change  func(*Snapshot)
		check   string
		verdict Verdict
		says    string
		next    string
	}{
		"being made":               {func(s *Snapshot) { s.Cluster.Status = "CREATING" }, CheckActive, Fail, "is being created", "wait"},
		"failed":                   {func(s *Snapshot) { s.Cluster.Status = "FAILED" }, CheckActive, Fail, "is FAILED", "delete shop"},
		"old":                      {func(s *Snapshot) { s.Cluster.Version = "1.29" }, CheckVersion, Fail, "older than 1.30", "update-cluster-version"},
		"no version":               {func(s *Snapshot) { s.Cluster.Version = "x" }, CheckVersion, Fail, "is no version", ""},
		"extended":                 {func(s *Snapshot) { s.Cluster.Version = "1.31" }, CheckVersion, Warning, "until 2027-05-26", "update-cluster-version"},
		"unsupported":              {func(s *Snapshot) { s.Cluster.Version = "1.30" }, CheckVersion, Warning, "no more", "update-cluster-version"},
		"not offered":              {func(s *Snapshot) { s.Cluster.Version = "1.32" }, CheckVersion, Warning, "none that EKS offers", "update-cluster-version"},
		"ends soon":                {func(s *Snapshot) { s.Cluster.Version = "1.33" }, CheckVersion, Warning, "ends on 2026-12-16", "update-cluster-version"},
		"no versions":              {func(s *Snapshot) { s.Versions, s.Unknown[PartVersions] = nil, errors.New("denied") }, CheckVersion, OK, "could not be asked: denied", ""},
		"issues":                   {func(s *Snapshot) { s.Cluster.Issues = []string{"AccessDenied: x"} }, CheckHealth, Fail, "EKS says: AccessDenied: x", "mend"},
		"no profile":               {func(s *Snapshot) { s.Profiles = s.Profiles[:1] }, CheckInjector, Fail, "there are no nodes", "aws fargate ensure --cluster shop"},
		"profile failed":           {func(s *Snapshot) { s.Profiles[1].Status = "CREATE_FAILED" }, CheckInjector, Fail, "is CREATE_FAILED", "aws fargate ensure"},
		"profile failed too":       {func(s *Snapshot) { s.Profiles[1].Status = "CREATE_FAILED" }, CheckProfiles, Warning, "fp-falcon-system is CREATE_FAILED", "fargate delete"},
		"profile to come":          {func(s *Snapshot) { s.Profiles[1].Status = "CREATING" }, CheckInjector, Warning, "being created", "wait"},
		"labelled profile":         {func(s *Snapshot) { s.Profiles[1].Selectors[0].Labels = map[string]string{"a": "b"} }, CheckInjector, Fail, "no Fargate profile", "ensure"},
		"no profile, from outside": {func(s *Snapshot) { s.Profiles, s.Inside = s.Profiles[:1], nil }, CheckInjector, Fail, "EKS has no node groups", "ensure"},
		"no profile, nodes unknown": {func(s *Snapshot) {
			s.Profiles, s.Inside, s.Groups, s.Unknown[PartGroups] = s.Profiles[:1], nil, nil, errors.New("denied")
		}, CheckInjector, Unknown, "denied", ""},
		"nodes instead": {func(s *Snapshot) { s.Profiles, s.Groups = s.Profiles[:1], []string{"ng"} }, CheckInjector, OK, "there are nodes", ""},
		"auto mode":     {func(s *Snapshot) { s.Profiles, s.Cluster.AutoMode = s.Profiles[:1], true }, CheckInjector, OK, "there are nodes", ""},
		"unknown profiles": {func(s *Snapshot) {
			s.Profiles, s.Unknown[PartProfiles] = nil, problem.New(problem.NoAccess, "ask", "denied")
		}, CheckInjector, Unknown, "denied", "ask"},
		"no DNS profile":     {func(s *Snapshot) { s.Profiles[0].Selectors = s.Profiles[0].Selectors[:1] }, CheckDNS, Fail, "CoreDNS", "kube-system"},
		"DNS on nodes":       {func(s *Snapshot) { s.Profiles, s.Inside.Nodes = s.Profiles[1:], 2 }, CheckDNS, OK, "nodes for them", ""},
		"DNS profile failed": {func(s *Snapshot) { s.Profiles[0].Status = "DELETING" }, CheckDNS, Fail, "is DELETING", "make another"},
		"DNS wants nodes":    {func(s *Snapshot) { s.Inside.DNS.Compute = "ec2" }, CheckCompute, Fail, "compute-type is ec2", "kubectl patch"},
		"DNS has nodes":      {func(s *Snapshot) { s.Inside.DNS.Compute, s.Inside.Nodes = "ec2", 1 }, CheckCompute, OK, "2 of 2", ""},
		"no DNS":             {func(s *Snapshot) { s.Inside.DNS = nil }, CheckCompute, Fail, "no deployment coredns", "create-addon"},
		"DNS scaled down":    {func(s *Snapshot) { s.Inside.DNS.Wanted, s.Inside.DNS.Ready = 0, 0 }, CheckCompute, Fail, "no replicas", "scale"},
		"DNS not up":         {func(s *Snapshot) { s.Inside.DNS.Ready, s.Inside.DNS.Trouble = 0, "no node" }, CheckCompute, Fail, "0 of 2 replicas of CoreDNS are ready: no node", "get pods"},
		"DNS half up":        {func(s *Snapshot) { s.Inside.DNS.Ready = 1 }, CheckCompute, Warning, "1 of 2", "get pods"},
		"not looked inside":  {func(s *Snapshot) { s.Inside = nil }, CheckCompute, Unknown, "it was not asked", ""},
		"public": {func(s *Snapshot) {
			s.route(ec2query.Route{Destination: "0.0.0.0/0", Gateway: "igw-1", State: "active"})
		}, CheckSubnets, Fail, "subnet-a", "fargate ensure"},
		"all public": {func(s *Snapshot) {
			s.route(ec2query.Route{Destination: "0.0.0.0/0", Gateway: "igw-1", State: "active"})
			s.Subnets = s.Subnets[:1]
		}, CheckSubnets, Fail, "all subnets", "NAT gateway"},
		"some public, no profiles": {func(s *Snapshot) {
			s.route(ec2query.Route{Destination: "0.0.0.0/0", Gateway: "igw-1", State: "active"})
			s.Profiles = []fargate.Profile{}
		}, CheckSubnets, OK, "1 subnet of the cluster", ""},
		"no subnets": {func(s *Snapshot) { s.Subnets = []ec2query.Subnet{} }, CheckSubnets, Fail, "has no subnets", "two zones"},
		"no network": {func(s *Snapshot) { s.Subnets = nil }, CheckSubnets, Unknown, "not asked", ""},
		"no route":   {func(s *Snapshot) { s.Tables[0].Routes = s.Tables[0].Routes[:1] }, CheckEgress, Fail, "no default route that leads anywhere, so no way to the Falcon cloud: subnet-a", "NAT gateway"},
		"no table":   {func(s *Snapshot) { s.Tables = nil }, CheckEgress, Fail, "subnet-a, subnet-b", "NAT gateway"},
		"lost NAT":   {func(s *Snapshot) { s.route(ec2query.Route{Destination: "0.0.0.0/0", NAT: "nat-1", State: "blackhole"}) }, CheckEgress, Fail, "subnet-a", "NAT gateway"},
		"transit": {func(s *Snapshot) {
			s.route(ec2query.Route{Destination: "0.0.0.0/0", TransitGateway: "tgw-1", State: "active"})
		}, CheckEgress, Warning, "through tgw-1", "cloudsink.net"},
		"full":        {func(s *Snapshot) { s.Subnets[0].FreeIPs, s.Subnets[1].FreeIPs = 0, 0 }, CheckAddresses, Fail, "no free addresses", "larger"},
		"scarce":      {func(s *Snapshot) { s.Subnets[0].FreeIPs = 3 }, CheckAddresses, Warning, "subnet-a has 3", "larger"},
		"walled":      {func(s *Snapshot) { s.Cluster.CIDRs = []string{"203.0.113.0/24"} }, CheckEndpoint, Warning, "203.0.113.0/24", "endpointPrivateAccess=true"},
		"walled well": {func(s *Snapshot) { s.Cluster.CIDRs, s.Cluster.Private = []string{"203.0.113.0/24"}, true }, CheckEndpoint, OK, "and to the VPC", ""},
		"inside only": {func(s *Snapshot) { s.Cluster.Public, s.Cluster.Private = false, true }, CheckEndpoint, OK, "within the VPC alone", ""},
		"shut":        {func(s *Snapshot) { s.Cluster.Public = false }, CheckEndpoint, Fail, "from nowhere", "endpointPrivateAccess"},
		"no provider": {func(s *Snapshot) { s.Provider = yes(false) }, CheckProvider, Warning, "no OIDC provider", "irsa ensure --cluster shop"},
		"who knows":   {func(s *Snapshot) { s.Provider = nil }, CheckProvider, Unknown, "not asked", ""},
	} {
		s := good()
		c.change(s)
		r := Judge(s, today)
		for _, f := range r.Findings {
			if f.Check != c.check {
				continue
			}
			if f.Verdict != c.verdict || !strings.Contains(f.Reason, c.says) || !strings.Contains(f.Next, c.next) || (c.next == "") != (f.Next == "") {
				t.Errorf("%s: %+v", name, f)
			}
			if strings.ContainsAny(f.Next, "'`") {
				t.Errorf("%s: not every shell takes %s", name, f.Next)
			}
		}
		if c.verdict == Fail && r.Verdict != Fail || c.verdict == Unknown && r.Verdict == Fail && name != "no network" {
			t.Errorf("%s: the whole is %s", name, r.Verdict)
		}
	}
}
