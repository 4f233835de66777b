package fit

import "fmt"

func dnsProfile(s *Snapshot) Finding {
	if s.Profiles == nil {
		return s.unknown(PartProfiles)
	}
	// The labels with which EKS makes it.
	labels := map[string]string{"k8s-app": "kube-dns", "eks.amazonaws.com/component": "coredns"}
	if s.Inside != nil && s.Inside.DNS != nil {
		labels = s.Inside.DNS.Labels
	}
	usable, other := s.covering("kube-system", labels)
	switch {
	case usable != nil:
		return ok("the Fargate profile %s takes the pods of CoreDNS", usable.Name)
	case s.hasNodes():
		return ok("no Fargate profile takes the pods of CoreDNS, but there are nodes for them")
	case other != nil:
		return fail("wait until it is ACTIVE, or make another", "the Fargate profile %s, which would take the pods of CoreDNS, is %s", other.Name, other.Status)
	}
	if s.noNodes() == "" {
		return s.unknown(PartGroups)
	}
	return fail(fmt.Sprintf("kubectl falcon aws fargate ensure --cluster %s --region %s --namespaces kube-system", s.Cluster.Name, s.Cluster.Region),
		"no Fargate profile takes the pods of CoreDNS, and %s: no pod finds the sensor's cloud by its name", s.noNodes())
}

// toFargate lets CoreDNS go to Fargate (EKS user guide, "Get started with AWS Fargate for your cluster"). Written as
// YAML it needs no quotes within quotes, so that every shell takes it, those of Windows too; what begins with a brace
// kubectl takes for JSON.
const toFargate = `kubectl patch deployment coredns -n kube-system --type merge -p "spec: {template: {metadata: {annotations: {eks.amazonaws.com/compute-type: fargate}}}}"`

func dnsCompute(s *Snapshot) Finding {
	if s.Inside == nil {
		return s.unknown(PartInside)
	}
	d := s.Inside.DNS
	switch {
	case d == nil:
		return fail(fmt.Sprintf("aws eks create-addon --cluster-name %s --region %s --addon-name coredns --configuration-values \"computeType: Fargate\"", s.Cluster.Name, s.Cluster.Region),
			"there is no deployment coredns in kube-system: no pod finds the sensor's cloud by its name")
	case d.Compute == "ec2" && !s.hasNodes():
		return fail(toFargate, "CoreDNS wants nodes (its annotation eks.amazonaws.com/compute-type is ec2), and there are none")
	case d.Wanted == 0:
		return fail("kubectl scale deployment coredns -n kube-system --replicas=2", "CoreDNS has no replicas")
	case d.Ready == 0:
		reason := fmt.Sprintf("0 of %d replicas of CoreDNS are ready", d.Wanted)
		if d.Trouble != "" {
			reason += ": " + d.Trouble
		}
		return fail("kubectl get pods -n kube-system -l k8s-app=kube-dns", "%s", reason)
	case d.Ready < d.Wanted:
		return warn("kubectl get pods -n kube-system -l k8s-app=kube-dns", "%d of %d replicas of CoreDNS are ready", d.Ready, d.Wanted)
	}
	return ok("%d of %d replicas of CoreDNS are ready", d.Ready, d.Wanted)
}
