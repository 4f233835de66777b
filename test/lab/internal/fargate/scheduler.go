package fargate

import (
	"context"
	"fmt"
	"log"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// scheduler binds the pods that Fargate takes and reports the ones it refuses.
type scheduler struct {
	client kubernetes.Interface
	node   string
	log    *log.Logger
}

// consider looks at a pod once when it appears and again when it changes.
func (s *scheduler) consider(ctx context.Context, pod *corev1.Pod) {
	if pod.Spec.SchedulerName != SchedulerName || pod.Spec.NodeName != "" ||
		pod.DeletionTimestamp != nil || len(pod.Spec.SchedulingGates) > 0 {
		return
	}
	if why := Refusal(pod); why != "" {
		s.refuse(ctx, pod, why)
		return
	}
	err := s.client.CoreV1().Pods(pod.Namespace).Bind(ctx, &corev1.Binding{
		ObjectMeta: metav1.ObjectMeta{Name: pod.Name, Namespace: pod.Namespace, UID: pod.UID},
		Target:     corev1.ObjectReference{Kind: "Node", Name: s.node},
	}, metav1.CreateOptions{})
	// A conflict is a pod that an earlier call has bound and the informer does not show so yet.
	if err != nil && !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) {
		s.log.Printf("bind %s/%s: %v", pod.Namespace, pod.Name, err)
	}
}

// refuse writes the event and the condition, once for each reason.
func (s *scheduler) refuse(ctx context.Context, pod *corev1.Pod, why string) {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Message == why {
			return
		}
	}
	now := metav1.Now()
	_, err := s.client.CoreV1().Events(pod.Namespace).Create(ctx, &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{GenerateName: pod.Name + ".", Namespace: pod.Namespace},
		InvolvedObject: corev1.ObjectReference{APIVersion: "v1", Kind: "Pod", Namespace: pod.Namespace,
			Name: pod.Name, UID: pod.UID},
		Reason: "FailedScheduling", Message: why, Type: corev1.EventTypeWarning,
		Source:         corev1.EventSource{Component: SchedulerName},
		FirstTimestamp: now, LastTimestamp: now, Count: 1,
		ReportingController: SchedulerName, EventTime: metav1.NewMicroTime(time.Now()),
		ReportingInstance: SchedulerName, Action: "Scheduling",
	}, metav1.CreateOptions{})
	if err != nil {
		s.log.Printf("event for %s/%s: %v", pod.Namespace, pod.Name, err)
	}
	changed := pod.DeepCopy()
	changed.Status.Conditions = slices.DeleteFunc(changed.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodScheduled
	})
	changed.Status.Conditions = append(changed.Status.Conditions, corev1.PodCondition{
		Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Reason: corev1.PodReasonUnschedulable,
		Message: why, LastTransitionTime: now,
	})
	if _, err := s.client.CoreV1().Pods(pod.Namespace).UpdateStatus(ctx, changed, metav1.UpdateOptions{}); err != nil &&
		!apierrors.IsConflict(err) && !apierrors.IsNotFound(err) {
		s.log.Printf("status of %s/%s: %v", pod.Namespace, pod.Name, err)
	}
}

// baseCapabilities are those that Fargate gives to every container (AWS's list for EKS on Fargate); any
// other cannot be added. It takes and repeats them as they are spelled: CAP_CHOWN is refused.
var baseCapabilities = map[corev1.Capability]bool{
	"CHOWN": true, "DAC_OVERRIDE": true, "FOWNER": true, "FSETID": true, "KILL": true, "SETGID": true,
	"SETUID": true, "SETPCAP": true, "NET_BIND_SERVICE": true, "NET_RAW": true, "SYS_CHROOT": true,
	"MKNOD": true, "AUDIT_WRITE": true, "SETFCAP": true,
}

// Refusal returns in Fargate's words why it does not run the pod, or nothing if it does. The reasons stand
// in alphabetical order and each once, as in the messages that users have reported.
func Refusal(pod *corev1.Pod) string {
	var reasons, fields []string
	if pod.Spec.HostNetwork {
		reasons = append(reasons, "fields not supported: HostNetwork")
	}
	for _, v := range pod.Spec.Volumes {
		if v.HostPath != nil {
			reasons = append(reasons, fmt.Sprintf("volumes not supported: %s is of an unsupported volume Type", v.Name))
		}
	}
	for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		for _, p := range c.Ports {
			if p.HostPort != 0 || p.HostIP != "" {
				reasons = append(reasons, "port contains HostIP or HostPort")
			}
		}
		fields = append(fields, securityFields(c.SecurityContext)...)
	}
	if len(fields) > 0 {
		reasons = append(reasons, "invalid SecurityContext fields: "+strings.Join(distinct(fields), ", "))
	}
	if len(reasons) == 0 {
		return ""
	}
	return "Pod not supported on Fargate: " + strings.Join(distinct(reasons), ", ")
}

func distinct(words []string) []string {
	slices.Sort(words)
	return slices.Compact(words)
}

func securityFields(s *corev1.SecurityContext) []string {
	if s == nil {
		return nil
	}
	var fields []string
	if s.Privileged != nil && *s.Privileged {
		fields = append(fields, "Privileged")
	}
	if s.AllowPrivilegeEscalation != nil && *s.AllowPrivilegeEscalation {
		fields = append(fields, "AllowPrivilegeEscalation")
	}
	if s.Capabilities != nil {
		for _, c := range s.Capabilities.Add {
			if !baseCapabilities[c] {
				fields = append(fields, "Capabilities added: "+string(c))
			}
		}
	}
	return fields
}
