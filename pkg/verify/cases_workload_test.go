package verify

import (
	"maps"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/owner"
)

// unready makes the first n pods of the injector be down, for a reason that no status says.
func unready(s *Snapshot, n int32) {
	i := &s.Injectors[0]
	i.Deployment.Status.AvailableReplicas -= n
	i.Deployment.Status.ReadyReplicas -= n
	no := false
	for at := range n {
		i.Pods[at].Status.Conditions[0].Status = corev1.ConditionFalse
		i.Pods[at].Status.ContainerStatuses[0].Ready = false
		i.Slices[0].Endpoints[at].Conditions.Ready = &no
	}
}

// waiting makes all pods of the injector wait for a reason.
func waiting(reason, message string) func(s *Snapshot) {
	return func(s *Snapshot) {
		unready(s, 2)
		for n := range s.Injectors[0].Pods {
			s.Injectors[0].Pods[n].Status.ContainerStatuses[0].State.Waiting = &corev1.ContainerStateWaiting{Reason: reason, Message: message}
		}
	}
}

// refused makes the API server refuse the injector's pods.
func refused(message string) func(s *Snapshot) {
	return func(s *Snapshot) {
		unready(s, 2)
		s.Injectors[0].Pods = nil
		s.Injectors[0].Deployment.Status.Conditions = []appsv1.DeploymentCondition{
			{Type: appsv1.DeploymentReplicaFailure, Status: corev1.ConditionTrue, Message: message}}
	}
}

const quotaRefusal = `pods "injector-5d8f-x" is forbidden: exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0`

// uninstalled takes the injector away, of a cluster that is not asked whether it could be installed.
func uninstalled(s *Snapshot) { s.Injectors, s.Webhooks, s.Asked.Pre = nil, nil, false }

// second adds the vendor's chart's injector in a namespace of its own, with a webhook of its own.
func second(s *Snapshot) {
	i := healthy().Injectors[0]
	i.Tool, i.Detail, i.Namespace, i.Webhook, i.Record = owner.Helm, "release falcon", "falcon-helm", "falcon-sensor-injector", nil
	i.Reference.Namespace, i.Reference.Name = "falcon-helm", "falcon-sensor-injector"
	i.Deployment.Name, i.Deployment.Namespace = "falcon-sensor-injector", "falcon-helm"
	s.Injectors = append(s.Injectors, i)
	w := s.Webhooks[0].DeepCopy()
	w.Name, w.Webhooks[0].Name = i.Webhook, "falcon-sensor-injector.falcon-helm.svc"
	out := &w.Webhooks[0].NamespaceSelector.MatchExpressions[1]
	out.Values = append(out.Values, "falcon-helm")
	s.Webhooks = append(s.Webhooks, *w)
	s.Namespaces = append(s.Namespaces, space("falcon-helm"))
}

// namespaceGone is what is left when somebody has deleted the injector's namespace.
func namespaceGone(s *Snapshot) {
	s.Namespaces = append(s.Namespaces[:1:1], s.Namespaces[2:]...)
	i := &s.Injectors[0]
	*i = Injector{Tool: i.Tool, Namespace: i.Namespace, Webhook: i.Webhook, Reference: i.Reference}
	i.Reference.Missing = true
}

func serviceGone(s *Snapshot) {
	i := &s.Injectors[0]
	i.Service, i.Slices, i.Reference.Missing = nil, nil, true
	i.Record.Missing = []string{"service/injector"}
}

// policy isolates the injector but for what a rule lets in.
func policy(rules ...networkingv1.NetworkPolicyIngressRule) func(s *Snapshot) {
	return func(s *Snapshot) {
		s.Canaries = nil
		s.Injectors[0].Policies = []networkingv1.NetworkPolicy{{
			ObjectMeta: metav1.ObjectMeta{Name: "deny", Namespace: "falcon-system"},
			Spec:       networkingv1.NetworkPolicySpec{PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}, Ingress: rules},
		}}
	}
}

var brokenWorkload = func() map[string]breaks {
	all := map[string]breaks{}
	maps.Copy(all, brokenOwner)
	maps.Copy(all, brokenReplica)
	maps.Copy(all, brokenRoom)
	maps.Copy(all, brokenEndpoint)
	return all
}()

var brokenOwner = map[string]breaks{
	"FC201": {
		"nothing": uninstalled,
		"nothing, before an installation": func(s *Snapshot) {
			uninstalled(s)
			s.Asked = Parts{Pre: true}
		},
		"nothing seen": func(s *Snapshot) { uninstalled(s); s.Failed = []string{"get /apis: it timed out"} },
		"unread":       func(s *Snapshot) { uninstalled(s); s.Failed = []string{listWebhooks + ": it timed out"} },
	},
	"FC202": {"two": second},
	"FC203": {
		"Helm":     func(s *Snapshot) { s.Injectors[0].Tool, s.Injectors[0].Detail = owner.Helm, "release falcon" },
		"operator": func(s *Snapshot) { s.Injectors[0].Tool, s.Injectors[0].Detail = owner.Operator, "FalconContainer x" },
		"guide":    func(s *Snapshot) { s.Injectors[0].Tool = owner.Guide },
		"Argo CD":  func(s *Snapshot) { s.Injectors[0].Tool, s.Injectors[0].Detail = owner.ArgoCD, "application falcon" },
		"unknown":  func(s *Snapshot) { s.Injectors[0].Tool, s.Injectors[0].Detail = owner.Unknown, "field managers x" },
	},
	"FC204": {
		"edited": func(s *Snapshot) {
			s.Injectors[0].Edits = []Edit{{Object: "falcon-system/deployment/injector", Manager: "kubectl-edit", Time: createdAt,
				Fields: []string{".spec.a", ".spec.b", ".spec.c", ".spec.d"}}}
		},
		"a part is gone": func(s *Snapshot) {
			s.Injectors[0].Record.Missing = []string{"clusterrolebinding/falcon-injector", "service/injector"}
		},
		"no record":           func(s *Snapshot) { s.Injectors[0].Record = nil },
		"somebody else's":     func(s *Snapshot) { s.Injectors[0].Tool = owner.Helm },
		"its namespace going": func(s *Snapshot) { s.Injectors[0].Record = nil; s.Namespaces[1].Terminating = true },
	},
	"FC205": {
		"terminating": func(s *Snapshot) { s.Namespaces[1].Terminating = true },
		"kept by a finalizer": func(s *Snapshot) {
			s.Injectors[0].Tool = owner.Helm
			s.Namespaces[1].Terminating, s.Namespaces[1].Blocking = true, "Some content in the namespace has finalizers remaining: x in 1 resource instances."
		},
		"gone":                   namespaceGone,
		"gone without a webhook": func(s *Snapshot) { namespaceGone(s); s.Injectors[0].Webhook, s.Webhooks = "", nil },
	},
	"FC214": {"failed": func(s *Snapshot) {
		s.Injectors[0].Conditions = []Condition{
			{Object: "falconcontainer/x", Type: "ConfigMapReady", Status: "True"},
			{Object: "falconcontainer/x", Type: "Failed", Status: "True", Reason: "InstallFailed", Message: "no CID."},
			{Object: "falconcontainer/x", Type: "WebhookReady", Status: "False"},
		}
	}},
	"FC216": {
		"on every node": func(s *Snapshot) {
			s.NodeSensors = []NodeSensor{{Namespace: "falcon-nodes", Name: "falcon-node-sensor", Scheduled: 2}}
		},
		"on some nodes": func(s *Snapshot) {
			s.NodeSensors = []NodeSensor{{Namespace: "falcon-nodes", Name: "falcon-node-sensor", Scheduled: 2, NodeSelector: map[string]string{"a": "b"}}}
		},
	},
}

var brokenReplica = map[string]breaks{
	"FC206": {
		"one is down":       func(s *Snapshot) { unready(s, 1) },
		"scaled to nothing": func(s *Snapshot) { s.Injectors[0].Deployment.Spec.Replicas = new(int32) },
		"not looked at":     func(s *Snapshot) { s.Injectors[0].Deployment.Generation = 2 },
		"gives up": func(s *Snapshot) {
			s.Injectors[0].Deployment.Status.Conditions = []appsv1.DeploymentCondition{
				{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionFalse, Reason: "ProgressDeadlineExceeded"}}
		},
		"without its image":  waiting("ImagePullBackOff", "Back-off pulling image"),
		"refused by a quota": refused(quotaRefusal),
		"without its secret": func(s *Snapshot) { unready(s, 2); s.Injectors[0].TLS = &TLS{Secret: "injector-tls", Absent: true} },
		"without its Deployment": func(s *Snapshot) {
			s.Injectors[0].Deployment, s.Injectors[0].Pods, s.Injectors[0].Slices = nil, nil, nil
		},
		"pods not seen": func(s *Snapshot) {
			waiting("ImagePullBackOff", "")(s)
			s.Injectors[0].Pods, s.Denied = nil, []Denial{{Verb: "list", Resource: "pods"}}
		},
	},
	"FC207": {
		"one": func(s *Snapshot) {
			one := int32(1)
			s.Injectors[0].Deployment.Spec.Replicas = &one
		},
		"one node": func(s *Snapshot) { s.Injectors[0].Pods[1].Spec.NodeName = "node-1" },
		"one of the chart": func(s *Snapshot) {
			one := int32(1)
			s.Injectors[0].Deployment.Spec.Replicas, s.Injectors[0].Tool = &one, owner.Helm
		},
	},
	"FC208": {
		"none":          func(s *Snapshot) { s.Injectors[0].Budgets = nil },
		"of another":    func(s *Snapshot) { s.Injectors[0].Budgets[0].Spec.Selector.MatchLabels["app"] = "other" },
		"allows none":   func(s *Snapshot) { s.Injectors[0].Budgets[0].Status.DisruptionsAllowed = 0 },
		"allows all":    func(s *Snapshot) { s.Injectors[0].Budgets[0].Status.DisruptionsAllowed = 2 },
		"for one alone": func(s *Snapshot) { one := int32(1); s.Injectors[0].Deployment.Spec.Replicas = &one },
	},
	"FC209": {
		"no image": waiting("ErrImagePull", "rpc error: manifest unknown"),
		"crashes":  waiting("CrashLoopBackOff", "back-off 5m0s restarting failed container"),
		"no node": func(s *Snapshot) {
			unready(s, 1)
			s.Injectors[0].Pods[0].Status.Conditions = append(s.Injectors[0].Pods[0].Status.Conditions, corev1.PodCondition{
				Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Message: "0/1 nodes are available: 1 node(s) were unschedulable."})
		},
		"refused":            refused(`pods "x" is forbidden: violates PodSecurity "restricted:latest"`),
		"refused by a quota": refused(quotaRefusal),
	},
	"FC210": {
		"runs out of memory": restarted(5, "OOMKilled", time.Hour),
		"ends":               restarted(3, "Error", time.Hour),
	},
	"FC213": {
		"two images": func(s *Snapshot) {
			s.Injectors[0].Pods[0].Spec.Containers[0].Image = "registry.example.com/falcon-sensor:7.39.0"
		},
		"one tag": func(s *Snapshot) {
			s.Injectors[0].Pods[0].Status.ContainerStatuses[0].ImageID = "registry.example.com/falcon-sensor@sha256:fedcba9876543210"
		},
	},
}

func restarted(times int32, reason string, ago time.Duration) func(s *Snapshot) {
	return func(s *Snapshot) {
		c := &s.Injectors[0].Pods[0].Status.ContainerStatuses[0]
		c.RestartCount = times
		c.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: 137, Reason: reason, FinishedAt: metav1.NewTime(takenAt.Add(-ago))}
	}
}

var brokenRoom = map[string]breaks{
	"FC215": {
		"refuses now": refused(quotaRefusal),
		"refuses the next": func(s *Snapshot) {
			s.Quotas = []Quota{{Namespace: "falcon-system", Name: "q",
				Hard: corev1.ResourceList{"pods": resource.MustParse("2"), "requests.memory": resource.MustParse("50Mi"), "services": resource.MustParse("1")},
				Used: corev1.ResourceList{"pods": resource.MustParse("2"), "requests.memory": resource.MustParse("40Mi"), "services": resource.MustParse("1")}}}
		},
	},
	"FC217": {
		"no requests": func(s *Snapshot) {
			s.Injectors[0].Tool = owner.Operator
			s.Injectors[0].Deployment.Spec.Template.Spec.Containers[0].Resources = corev1.ResourceRequirements{}
		},
	},
}

var brokenEndpoint = map[string]breaks{
	"FC211": {
		"the webhook's port":   func(s *Snapshot) { s.Injectors[0].Reference.Port = 8443 },
		"the target's name":    func(s *Snapshot) { s.Injectors[0].Service.Spec.Ports[0].TargetPort = intstr.FromString("api") },
		"the target's number":  func(s *Snapshot) { s.Injectors[0].Service.Spec.Ports[0].TargetPort = intstr.FromInt32(9443) },
		"the port listened on": func(s *Snapshot) { s.Injectors[0].Config.Port = "8443" },
		"the selector": func(s *Snapshot) {
			s.Injectors[0].Service.Spec.Selector = map[string]string{"app": "other"}
			s.Injectors[0].Slices = nil
		},
		"no endpoint": func(s *Snapshot) { s.Injectors[0].Slices = nil },
		"no injector": func(s *Snapshot) { unready(s, 2) },
		"no Service":  serviceGone,
		"chart's target": func(s *Snapshot) {
			s.Injectors[0].Tool = owner.Helm
			s.Injectors[0].Service.Spec.Ports[0].TargetPort = intstr.FromString("api")
		},
	},
	"FC212": {
		"nobody": policy(),
		"pods alone": policy(networkingv1.NetworkPolicyIngressRule{From: []networkingv1.NetworkPolicyPeer{
			{PodSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"component": "apiserver"}}}}}),
		"some addresses": policy(networkingv1.NetworkPolicyIngressRule{From: []networkingv1.NetworkPolicyPeer{
			{IPBlock: &networkingv1.IPBlock{CIDR: "10.0.0.0/8"}}}}),
		"another port": policy(networkingv1.NetworkPolicyIngressRule{Ports: []networkingv1.NetworkPolicyPort{
			{Port: &intstr.IntOrString{IntVal: 80}}}}),
	},
}
