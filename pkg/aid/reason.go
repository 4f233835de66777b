package aid

// Reason is why a pod has no agent id, in one stable word.
type Reason string

// The reasons. The first group is told without asking the sensor.
const (
	// NotFound is a pod or workload that was named and is not there.
	NotFound Reason = "NotFound"
	// NoSensor is a pod without the sensor's container.
	NoSensor Reason = "NoSensor"
	// NotRunning is a pod on its way, Ended one that has ended and Deleting one on its way out.
	NotRunning Reason = "NotRunning"
	Ended      Reason = "Ended"
	Deleting   Reason = "Deleting"
	// SensorNotReady is a sidecar that waits, or runs and is not ready; SensorEnded one that has ended.
	SensorNotReady Reason = "SensorNotReady"
	SensorEnded    Reason = "SensorEnded"

	// NotRegistered is a sensor that has no id yet.
	NotRegistered Reason = "NotRegistered"
	// Forbidden is a user who may not run commands in the pod.
	Forbidden Reason = "Forbidden"
	// Gone is a pod that went away after it was listed, SensorRestarting one whose container did.
	Gone             Reason = "Gone"
	SensorRestarting Reason = "SensorRestarting"
	// Timeout is a sensor that did not answer in time, Transport a connection that did not hold.
	Timeout   Reason = "Timeout"
	Transport Reason = "Transport"
	// NoFalconctl is a container without the program, ExitCode one in which it failed.
	NoFalconctl Reason = "NoFalconctl"
	ExitCode    Reason = "ExitCode"
	// NoAnswer is nothing printed, TooMuchOutput more than is kept, NotUnderstood anything else but an id.
	NoAnswer      Reason = "NoAnswer"
	TooMuchOutput Reason = "TooMuchOutput"
	NotUnderstood Reason = "NotUnderstood"
	// Canceled is a pod that was not asked to the end, because the run was stopped.
	Canceled Reason = "Canceled"
)

// Reasons are all of them.
var Reasons = []Reason{NotFound, NoSensor, NotRunning, Ended, Deleting, SensorNotReady, SensorEnded, NotRegistered,
	Forbidden, Gone, SensorRestarting, Timeout, Transport, NoFalconctl, ExitCode, NoAnswer, TooMuchOutput, NotUnderstood, Canceled}

// Passing says whether waiting may help.
func (r Reason) Passing() bool {
	switch r {
	case NotRunning, SensorNotReady, SensorRestarting, NotRegistered:
		return true
	}
	return false
}

// Next is what to do about a pod without an id.
func (r *Result) Next() string {
	ns := "-n " + r.Namespace
	switch r.Reason {
	case NotFound:
		return "kubectl get pods " + ns + " shows which there are"
	case NoSensor:
		return "kubectl falcon verify " + ns + " says why"
	case NotRunning, Ended, SensorNotReady, SensorEnded:
		return "kubectl describe pod " + ns + " " + r.Pod + " shows more"
	case Deleting, Gone, SensorRestarting:
		return "ask again: what took its place has an id of its own"
	case NotRegistered:
		return "use --wait; if none comes, check the CID, and the way out (port 443, proxy)"
	case Forbidden:
		return "ask for the right to exec: the verb get (WebSocket) or create (SPDY) on pods/exec"
	case Timeout:
		return "give it more with --pod-timeout, or try it by hand: " + r.byHand()
	case Transport:
		return "ask again; if it stays, check the way to the API server and from it to the node's kubelet"
	case Canceled:
		return "ask again"
	}
	return "try it by hand: " + r.byHand()
}

// byHand is the command that asks the same.
func (r *Result) byHand() string {
	return "kubectl exec -n " + r.Namespace + " " + r.Pod + " -c " + r.Container + " -- falconctl -g --aid"
}
