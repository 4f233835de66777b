package aid

import (
	"strings"
	"unique"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/sidecar"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
)

// Owner is what made a pod: a Deployment rather than its ReplicaSet, or the pod itself.
type Owner struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
}

// String is kind/name in lower case.
func (o Owner) String() string { return strings.ToLower(o.Kind) + "/" + o.Name }

// Pod is what counts of a pod that may be asked. There may be ten thousand, so it is small, and what repeats
// is shared between them.
type Pod struct {
	Namespace, Name, UID string
	// Node is empty for a pod on Fargate, which has a node of its own.
	Node, NodeName string
	Owner          Owner
	sensor
	// others are the containers that may be a sensor of an unknown name.
	others []sensor
}

// Container is the one to ask, if there is one.
func (p *Pod) Container() string { return p.container }

// sensor is a container to ask, or why it cannot answer.
type sensor struct {
	container, image, id string
	reason               Reason
	message              string
}

// fargateProfile is the label that EKS Fargate puts on its pods, and fargateNode begins its nodes' names.
const (
	fargateProfile = "eks.amazonaws.com/fargate-profile"
	fargateNode    = "fargate-"
)

// Ready is a pod whose sensor is known to be ready, for those who have looked at it already.
func Ready(namespace, name, node, container string) Pod {
	p := Pod{Namespace: namespace, Name: name, Node: node, NodeName: node, sensor: sensor{container: container}}
	if strings.HasPrefix(node, fargateNode) {
		p.Node = ""
	}
	return p
}

func shared(text string) string { return unique.Make(text).Value() }

// Reduce keeps what counts of a pod. container is the one to ask; empty to find the sensor.
func Reduce(pod *corev1.Pod, container string) Pod {
	p := Pod{Namespace: shared(pod.Namespace), Name: strings.Clone(pod.Name), UID: string(pod.UID),
		NodeName: shared(pod.Spec.NodeName), Owner: ownerOf(pod)}
	p.Node = p.NodeName
	if pod.Labels[fargateProfile] != "" || strings.HasPrefix(p.Node, fargateNode) {
		p.Node = ""
	}
	name, found := container, false
	if name != "" {
		found = hasContainer(&pod.Spec, name)
	} else {
		name, found = sidecar.In(&pod.Spec, "")
	}
	p.sensor = judge(pod, name)
	if found {
		return p
	}
	p.container, p.id = "", ""
	p.reason, p.message = NoSensor, "has no Falcon sensor (no container "+strings.Join(sidecar.Names, " or ")+")"
	if container != "" {
		p.message = "has no container " + container
		return p
	}
	// With one container alone there is nothing that a sensor would be beside.
	for n := range pod.Spec.Containers {
		if c := &pod.Spec.Containers[n]; len(pod.Spec.Containers) > 1 {
			p.others = append(p.others, judge(pod, c.Name))
			p.others[n].image = shared(c.Image)
		}
	}
	return p
}

// recognise takes for the sensor what has one of the injectors' images.
func (p *Pod) recognise(images map[string]bool) {
	for _, other := range p.others {
		if images[other.image] {
			p.sensor = other
			break
		}
	}
	p.others = nil
}

func hasContainer(spec *corev1.PodSpec, name string) bool {
	for n := range spec.Containers {
		if spec.Containers[n].Name == name {
			return true
		}
	}
	return false
}

// judge says whether a pod's container can be asked, as far as the pod itself tells.
func judge(pod *corev1.Pod, container string) sensor {
	s := sensor{container: shared(container)}
	var status *corev1.ContainerStatus
	for n := range pod.Status.ContainerStatuses {
		if pod.Status.ContainerStatuses[n].Name == container {
			status = &pod.Status.ContainerStatuses[n]
			s.id = status.ContainerID
		}
	}
	phase := pod.Status.Phase
	switch {
	case pod.DeletionTimestamp != nil:
		s.reason, s.message = Deleting, "is being deleted"
	case status != nil && status.Ready && status.State.Running != nil:
		// The sensor may be up in a pod whose other containers are not.
	case phase != corev1.PodRunning:
		why := kube.Trouble(pod)
		if why == "" {
			why = "its phase is " + string(phase)
		}
		s.reason, s.message = NotRunning, "does not run, so its sensor cannot be asked: "+why
		if phase == corev1.PodSucceeded || phase == corev1.PodFailed {
			s.reason = Ended
		}
	case status == nil || status.Ready:
	case status.State.Terminated != nil:
		s.reason, s.message = SensorEnded, "has a sensor that does not run"+because(status, "it has ended")
	case status.State.Waiting != nil:
		s.reason, s.message = SensorNotReady, "has a sensor that does not run yet"+because(status, status.State.Waiting.Reason)
	default:
		s.reason, s.message = SensorNotReady, "has a sensor that is not ready"
	}
	return s
}

func because(status *corev1.ContainerStatus, otherwise string) string {
	why, _ := kube.ContainerTrouble(status)
	if why == "" {
		why = otherwise
	}
	if why == "" {
		return ""
	}
	return ": " + why
}

// ownerOf names a Deployment by its ReplicaSet, which has the template's hash behind its name.
func ownerOf(pod *corev1.Pod) Owner {
	o := metav1.GetControllerOf(pod)
	if o == nil {
		return Owner{Kind: "Pod", Name: strings.Clone(pod.Name)}
	}
	hash := pod.Labels["pod-template-hash"]
	if name, is := strings.CutSuffix(o.Name, "-"+hash); is && hash != "" && o.Kind == "ReplicaSet" {
		return Owner{Kind: "Deployment", Name: shared(name)}
	}
	return Owner{Kind: shared(o.Kind), Name: shared(o.Name)}
}

// result begins a pod's result.
func (p *Pod) result() Result {
	return Result{Namespace: p.Namespace, Pod: p.Name, UID: p.UID, Node: p.NodeName, Container: p.container, Owner: p.Owner,
		Reason: p.reason, Message: p.message}
}
