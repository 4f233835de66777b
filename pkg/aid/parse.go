// Package aid asks the sensors in pods for their agent ids: in one, or in ten thousand at the pace that the
// cluster can bear.
//
// It runs falconctl in the sidecar and believes nothing but a well-formed answer: an error of the
// transport or a cut line must never be taken for an id. It prints nothing and knows no flags, no terminal,
// no file's place and no environment.
package aid

import (
	"errors"
	"regexp"
	"strings"
)

// answer is falconctl's line in all the forms that were seen of it: with and without quotes, upper and
// lower case, alone or in a line with other options. What follows the id must not be one more digit,
// which would mean that something else was matched.
var answer = regexp.MustCompile(`(?i)\baid[ \t]*=[ \t]*"?([0-9a-f]{32})(?:[^0-9a-f]|$)`)

var unset = regexp.MustCompile(`(?i)\baid is not set\b`)

// complaint is in falconctl's errors, which may repeat what they are about.
var complaint = regexp.MustCompile(`\bERROR\b|not a valid`)

// ErrUnset means that the sensor has no agent id yet: it has not registered with the cloud.
var ErrUnset = errors.New("the sensor has no agent id yet")

// errNoAnswer means that the output has neither an id nor says that there is none.
var errNoAnswer = errors.New("falconctl did not print an agent id")

// Parse returns the agent id in falconctl's output, as 32 lower-case hexadecimal digits. The error is
// ErrUnset when the output says so.
func Parse(output string) (string, error) {
	missing := false
	for line := range strings.Lines(output) {
		if complaint.MatchString(line) {
			continue
		}
		if m := answer.FindStringSubmatch(line); m != nil {
			return strings.ToLower(m[1]), nil
		}
		missing = missing || unset.MatchString(line)
	}
	if missing {
		return "", ErrUnset
	}
	return "", errNoAnswer
}

// zeros is no id that the cloud gives: a sensor that prints it has lost its own.
var zeros = strings.Repeat("0", 32)
