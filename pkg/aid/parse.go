// Package aid asks the sensor in a pod for its agent id.
//
// It runs falconctl in the sidecar and believes nothing but a well-formed answer: an error of the
// transport or a cut line must never be taken for an id.
package aid

import (
	"errors"
	"regexp"
	"strings"
)

// answer is falconctl's line in all the forms that were seen of it: with and without quotes, upper and
// lower case, alone or in a line with other options. What follows the id must not be one more digit,
// which would mean that something else was matched.
var answer = regexp.MustCompile(`(?i)\baid\s*=\s*"?([0-9a-f]{32})(?:[^0-9a-f]|$)`)

var unset = regexp.MustCompile(`(?i)\baid is not set\b`)

// ErrUnset means that the sensor has no agent id yet: it has not registered with the cloud.
var ErrUnset = errors.New("the sensor has no agent id yet")

// errNoAnswer means that the output has neither an id nor says that there is none.
var errNoAnswer = errors.New("falconctl did not print an agent id")

// Parse returns the agent id in falconctl's output, as 32 lower-case hexadecimal digits. The error is
// ErrUnset when the output says so.
func Parse(output string) (string, error) {
	if m := answer.FindStringSubmatch(output); m != nil {
		return strings.ToLower(m[1]), nil
	}
	if unset.MatchString(output) {
		return "", ErrUnset
	}
	return "", errNoAnswer
}
