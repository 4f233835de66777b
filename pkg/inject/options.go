package inject

import (
	"regexp"
	"time"

	"github.com/distribution/reference"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// Options are what an installation is told.
type Options struct {
	// CID is the customer id with its checksum: 32 hexadecimal digits, a dash, 2 more.
	CID string
	// Image is the sensor image, for the injector and for the sidecars.
	Image string
	// Timeout bounds the wait for the injector to be Ready.
	Timeout time.Duration
}

// cidForm is the customer id with checksum; the checksum's algorithm is not public, so only the shape
// can be checked (vendor's chart, values.schema.json).
var cidForm = regexp.MustCompile(`^[0-9a-fA-F]{32}-[0-9a-fA-F]{2}$`)

// Validate returns the first thing about the options that cannot be meant, and what it should be.
func (o Options) Validate() error {
	const cidNext = "copy it whole from the Falcon console, under sensor downloads"
	switch {
	case o.CID == "":
		return problem.New(problem.BadInput, cidNext, "the customer id is missing: give it with --cid")
	case !cidForm.MatchString(o.CID):
		return problem.New(problem.BadInput, cidNext,
			"%q is not a customer id: it has 32 hexadecimal digits, a dash and 2 more", o.CID)
	case o.Image == "":
		return problem.New(problem.BadInput, "it is the image that you pushed to your own registry",
			"the sensor image is missing: give it with --image REGISTRY/NAME:TAG")
	}
	if _, err := reference.ParseNormalizedNamed(o.Image); err != nil {
		return problem.New(problem.BadInput, "write it as REGISTRY/NAME:TAG or REGISTRY/NAME@sha256:DIGEST",
			"%q is not an image: %w", o.Image, err)
	}
	return nil
}
