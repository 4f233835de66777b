package aws

import (
	"net/http"
	"path"
	"slices"
	"time"
)

// Fault is done to calls in place of, or beside, their usual answer.
type Fault struct {
	// Action are the actions it is done to, with * for any part: ecr:CreateRepository, eks:*, *. The requests of
	// the registry are called by the actions that ECR asks for, for instance ecr:UploadLayerPart.
	Action string `json:"action"`
	Kind   Kind   `json:"kind"`
	// After is how many such calls go well before.
	After int `json:"after,omitempty"`
	// Times is how many calls it is done to; zero is every one.
	Times int `json:"times,omitempty"`
	// Latency comes before the answer.
	Latency time.Duration `json:"-"`
	// Status, Code and Message replace those of the kind.
	Status  int    `json:"status,omitempty"`
	Code    string `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
	// Bytes is for Cut: the connection ends once uploads have sent that many bytes since the fault was set or
	// since it last cut.
	Bytes int64 `json:"bytes,omitempty"`
	// Met is called when a connection ends by Cut or CutAfter, before the client can see it.
	Met func() `json:"-"`
}

// end ends a connection.
func (f Fault) end() {
	if f.Met != nil {
		f.Met()
	}
	panic(http.ErrAbortHandler)
}

// fault is one that is set.
type fault struct {
	Fault
	met  int
	sent int64
}

// Call is one action that was called.
type Call struct {
	Action   string    `json:"action"`
	Region   string    `json:"region"`
	Resource string    `json:"resource"`
	At       time.Time `json:"at"`
	// Status is that of the answer; zero as long as there is none.
	Status int `json:"status"`
	// Cut says that the connection ended without the answer.
	Cut bool `json:"cut,omitempty"`
	// Needs are the further actions that the caller must be allowed for it.
	Needs []string `json:"needs,omitempty"`
}

// Break sets a fault beside those that are set.
func (c *Cloud) Break(f Fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = append(c.faults, &fault{Fault: f})
}

// Mend takes all faults away.
func (c *Cloud) Mend() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = nil
}

// due returns the fault that a call meets, if any, and the sum of the latencies.
func (c *Cloud) due(action string) (met Fault, latency time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range c.faults {
		if f.Bytes > 0 || !matches(f.Action, action) || met.Kind != "" && f.Kind != Slow {
			continue
		}
		if f.met++; f.met <= f.After || f.Times > 0 && f.met > f.After+f.Times {
			continue
		}
		latency += f.Latency
		if f.Kind != Slow {
			met = f.Fault
		}
	}
	return met, latency
}

// cutNow counts bytes of an upload and says whether the connection ends here.
func (c *Cloud) cutNow(n int) (now bool) {
	var met []func()
	c.mu.Lock()
	// What is called may ask the cloud.
	defer func() {
		c.mu.Unlock()
		for _, call := range met {
			call()
		}
	}()
	for _, f := range c.faults {
		if f.Kind != Cut || f.Bytes == 0 || f.Times > 0 && f.met >= f.Times {
			continue
		}
		if f.sent += int64(n); f.sent >= f.Bytes {
			f.met++
			f.sent = 0
			now = true
			if f.Met != nil {
				met = append(met, f.Met)
			}
		}
	}
	return now
}

// matches says whether an action is one of a pattern's.
func matches(pattern, action string) bool {
	ok, err := path.Match(pattern, action)
	return err == nil && ok
}

// note puts a call into the log and returns what sets its status; zero is a cut.
func (c *Cloud) note(call Call) (answered func(status int)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	call.At = c.options.Now()
	c.calls = append(c.calls, &call)
	return func(status int) {
		c.mu.Lock()
		defer c.mu.Unlock()
		call.Status, call.Cut = status, status == 0
	}
}

// Calls returns what was called so far, in order.
func (c *Cloud) Calls() []Call {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make([]Call, len(c.calls))
	for i, call := range c.calls {
		all[i] = *call
	}
	return all
}

// Log returns the names of the actions called so far, in order: all of them, or those that match one of the
// patterns.
func (c *Cloud) Log(patterns ...string) (actions []string) {
	for _, call := range c.Calls() {
		if len(patterns) == 0 || slices.ContainsFunc(patterns, func(p string) bool { return matches(p, call.Action) }) {
			actions = append(actions, call.Action)
		}
	}
	return actions
}

// ClearLog empties the log.
func (c *Cloud) ClearLog() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = nil
}
