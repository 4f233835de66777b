// Package demo runs detection scenarios in the cluster, one pod each, and shows stage by stage what of the
// chain is proved by them: made, injected, ready, seen by the injector, registered, detected.
//
// It must not claim a detection that nobody looked up, and nothing that a scenario does may leave its
// container unless the user allows it. It removes nothing but what it made, and knows that by its labels.
package demo

import (
	"context"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/falcon"
)

// Namespace is where scenarios run unless the user names another.
const Namespace = "falcon-demo"

// Life is how long after it was made a demo counts as forgotten. Nothing removes it by itself.
const Life = 24 * time.Hour

// Detections is the part of the Falcon API that tells whether a detection is there.
type Detections interface {
	// Alerts returns the alerts of an agent that were created after a time, the newest first.
	Alerts(ctx context.Context, aid string, after time.Time) ([]falcon.Alert, error)
}

// Options say where and with what scenarios run.
type Options struct {
	// Namespace is an existing one, or the demo's own if Own is set, which is then made.
	Namespace string
	Own       bool
	// Image, if set, is taken in place of the scenario's; it must have what the scenario's command uses.
	// Registry, if set, is where the scenario's image is under the name that it has in its public one.
	Image, Registry string
	// Timeout is how long the pod, and then its agent id, is waited for; DetectionTimeout how long an alert.
	Timeout, DetectionTimeout time.Duration
	// Keep leaves what was made in the cluster, however the run ends.
	Keep bool
	// Detections looks alerts up; without it none is looked up, and so none is claimed.
	Detections Detections
	// Every is how often alerts are asked for; 0 means 5 seconds.
	Every time.Duration
	// Now is when the run began.
	Now time.Time
}

// The stages of a run, in their order.
const (
	Created    = "created"
	Injected   = "injected"
	Ready      = "ready"
	Logged     = "logged"
	Registered = "registered"
	Detected   = "detected"
)

// Stage is one step of the chain.
type Stage struct {
	Name string `json:"name"`
	// Shown says that it was seen. If not, Detail says why.
	Shown bool `json:"shown"`
	// Time is when, Seconds how long after the run began.
	Time    time.Time `json:"time"`
	Seconds float64   `json:"seconds"`
	Detail  string    `json:"detail"`
}

// Result is what the run of a scenario showed.
type Result struct {
	Scenario  string  `json:"scenario"`
	Namespace string  `json:"namespace"`
	Pod       string  `json:"pod"`
	AID       string  `json:"aid"`
	Stages    []Stage `json:"stages"`
	// Detection is the alert, if one was looked up and found.
	Detection *Detection `json:"detection,omitempty"`
	// Others are alerts of the same agent that are not the one expected.
	Others []Detection `json:"otherAlerts,omitempty"`
	// Removed says that nothing of it is left in the cluster.
	Removed bool `json:"removed"`
}

// Detection is an alert as the Falcon console shows it.
type Detection struct {
	ID           string    `json:"id"`
	Name         string    `json:"name"`
	Severity     int       `json:"severity"`
	SeverityName string    `json:"severityName"`
	Tactic       string    `json:"tactic"`
	Technique    string    `json:"technique"`
	TechniqueID  string    `json:"techniqueID,omitempty"`
	Created      time.Time `json:"created"`
	// Seconds is how long after the pod was ready it was found.
	Seconds float64 `json:"seconds"`
	Link    string  `json:"link"`
}

// Reporter hears of each stage when it is over, and in remarks how far one is.
type Reporter struct {
	Stage  func(Stage)
	Remark func(format string, args ...any)
}
