package aws

// Step is one call of a plan that changes something.
type Step struct {
	// Action is the call as policies name it, such as ecr:CreateRepository.
	Action string `json:"action"`
	// On is what it changes.
	On string `json:"on"`
	// Why says what it is for, or what is different now.
	Why string `json:"why,omitempty"`
}

// Change is what was done to something.
type Change string

// The changes, in kubectl's words.
const (
	Created    Change = "created"
	Configured Change = "configured"
	Unchanged  Change = "unchanged"
	Deleted    Change = "deleted"
)

// Event is something that happened, for whoever watches. One of its fields besides Object and Why is set.
type Event struct {
	// Object is kind/name.
	Object string
	// Change is what was done to it, Why says more of that.
	Change Change
	Why    string
	// State is what is awaited of it.
	State string
	// Trouble is why that does not come, and what to do about it.
	Trouble string
	// Remark is a sentence, for waits and notes.
	Remark string
}

// Reporter gets the events of a run in their order.
type Reporter func(Event)
