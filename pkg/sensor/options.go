package sensor

import (
	"net/http"

	"github.com/google/go-containerregistry/pkg/authn"
)

// Options are what a push can be told.
type Options struct {
	// Platform leaves one image of several, such as linux/amd64; empty, all go.
	Platform string
	// AnyImage lets an image go that is not the container sensor's.
	AnyImage bool
	// From and To have the credentials for the registries; without one docker's configuration is used.
	From, To authn.Keychain
	// Tarballs is the way to the Falcon API, for a source that it gives.
	Tarballs Tarballs
	// Strict says that the destination makes no repository by itself and means it when it forbids something, as
	// ECR does: then nothing is packed or sent before that is known.
	Strict bool
	// Transport carries the requests; without one it is the library's.
	Transport http.RoundTripper
	// Agent is the User-Agent.
	Agent string
	// Scratch is the folder for compressed layers; empty, it is the system's for temporary files.
	Scratch string
	// Report, if set, gets what happens. It is called by one goroutine at a time.
	Report func(Event)
	// most, if set, is how much a tarball may unpack to, in place of what its size allows.
	most int64
}

// Event is how far a push is with one blob.
type Event struct {
	// Blob is how people call it, such as "layer 1 of 3".
	Blob string
	// State is what is done with it, or was.
	State State
	// Done and Total are bytes; Total is 0 where it is not known.
	Done, Total int64
}

// State is what is done with a blob.
type State string

// The states. Downloading, Packing and Sending come many times, the others end it.
const (
	Downloading State = "downloading"
	Fetched     State = "downloaded"

	Packing State = "compressing"
	Sending State = "sending"
	Sent    State = "sent"
	Present State = "already there"
)

// Result is what a push led to.
type Result struct {
	// Reference is the image by its digest, to put where an image is named; Tag is where it was pushed to.
	Reference string `json:"reference"`
	Tag       string `json:"tag"`
	Digest    string `json:"digest"`
	// Platforms are those that the image is for.
	Platforms []string `json:"platforms"`
	// Kind is what the image is, container-sensor if it is known to be one.
	Kind Kind `json:"kind"`
	// AlreadyThere says that nothing was sent, because the tag has this image.
	AlreadyThere bool `json:"alreadyThere"`
	// Replaced is the digest that the tag had before.
	Replaced string `json:"replaced,omitempty"`
	// Sent are the bytes of the blobs that went over the wire, Present of those that were there.
	Sent    int64 `json:"sentBytes"`
	Present int64 `json:"presentBytes"`
}
