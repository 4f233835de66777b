package aid

import (
	"regexp"
	"strings"
)

// Match says whether a sensor belongs to the customer that the injector is configured for.
type Match string

// The values of Match.
const (
	Matches Match = "match"
	Differs Match = "differs"
	Unknown Match = "unknown"
)

// Details are what a sensor says of itself besides its id. What it did not say is empty.
type Details struct {
	Version string `json:"version,omitempty"`
	// CID is the customer id without its checksum, 32 lower-case hexadecimal digits.
	CID string `json:"cid,omitempty"`
	// CIDMatch compares it with the injector's.
	CIDMatch Match    `json:"cidMatch,omitempty"`
	Tags     []string `json:"tags,omitempty"`
	Proxy    Proxy    `json:"proxy,omitzero"`
	Trace    string   `json:"trace,omitempty"`
	RFM      RFM      `json:"rfm,omitzero"`
}

// Proxy is the way out that a sensor was told to take.
type Proxy struct {
	Host string `json:"host,omitempty"`
	Port string `json:"port,omitempty"`
	// Disabled is falconctl's apd: true or false, or empty if it is not set.
	Disabled string `json:"disabled,omitempty"`
}

// String is HOST:PORT, "disabled", or nothing.
func (p Proxy) String() string {
	switch {
	case p.Disabled == "true":
		return "disabled"
	case p.Host == "" || p.Port == "":
		return p.Host
	}
	return p.Host + ":" + p.Port
}

// RFM is the sensor's reduced functionality mode.
type RFM struct {
	// State is true or false, Reason falconctl's word for why, and Code its number.
	State  string `json:"state,omitempty"`
	Reason string `json:"reason,omitempty"`
	Code   string `json:"code,omitempty"`
}

// The options in the forms that were seen of them. Values may have full stops in them, and one may end the
// answer. Older versions print nothing at all between the version and tags.
var (
	cidForm     = regexp.MustCompile(`(?i)\bcid[ \t]*=[ \t]*"?([0-9a-f]{32})(?:[^0-9a-f]|$)`)
	versionForm = regexp.MustCompile(`(?i)\bversion[ \t]*=[ \t]*"?(\d+(?:\.\d+){2,3})`)
	tagsForm    = regexp.MustCompile(`(?i)(?:^|[^a-z])tags[ \t]*=[ \t]*"?([a-z0-9/_,-]+)`)
	apdForm     = regexp.MustCompile(`(?i)\bapd[ \t]*=[ \t]*"?(true|false)\b`)
	aphForm     = regexp.MustCompile(`(?i)\baph[ \t]*=[ \t]*"?([^\s",]+)`)
	appForm     = regexp.MustCompile(`(?i)\bapp[ \t]*=[ \t]*"?(\d{1,5})\b`)
	traceForm   = regexp.MustCompile(`(?i)\btrace[ \t]*=[ \t]*"?([a-z]+)`)
	rfmForm     = regexp.MustCompile(`(?i)\brfm-state[ \t]*=[ \t]*"?(true|false)\b`)
	rfmWhyForm  = regexp.MustCompile(`(?i)\brfm-reason[ \t]*=[ \t]*"?([^,"\n.]+)(?:,[ \t]*code[ \t]*=[ \t]*(0x[0-9a-f]+))?`)
)

// ParseDetails returns what is in falconctl's output of several options, or of one, whatever their order is.
func ParseDetails(output string) Details {
	var d Details
	for line := range strings.Lines(output) {
		if complaint.MatchString(line) {
			continue
		}
		for _, one := range []struct {
			form  *regexp.Regexp
			value *string
			loud  bool
		}{
			{cidForm, &d.CID, false}, {versionForm, &d.Version, true}, {apdForm, &d.Proxy.Disabled, false},
			{aphForm, &d.Proxy.Host, true}, {appForm, &d.Proxy.Port, true}, {traceForm, &d.Trace, false},
			{rfmForm, &d.RFM.State, false},
		} {
			if m := one.form.FindStringSubmatch(line); m != nil {
				// Letter case differs by version where it means nothing.
				if *one.value = m[1]; !one.loud {
					*one.value = strings.ToLower(m[1])
				}
			}
		}
		if m := rfmWhyForm.FindStringSubmatch(line); m != nil {
			d.RFM.Reason, d.RFM.Code = strings.TrimSpace(m[1]), m[2]
		}
		if m := tagsForm.FindStringSubmatch(line); m != nil {
			d.Tags = nil
			for tag := range strings.SplitSeq(m[1], ",") {
				if tag != "" {
					d.Tags = append(d.Tags, tag)
				}
			}
		}
	}
	d.Proxy.Host = strings.TrimSuffix(d.Proxy.Host, ".")
	return d
}

// Compare says whether a sensor's customer id is the configured one, with or without its checksum.
func Compare(sensor, configured string) Match {
	configured, _, _ = strings.Cut(configured, "-")
	switch {
	case sensor == "" || configured == "":
		return Unknown
	case strings.EqualFold(sensor, configured):
		return Matches
	}
	return Differs
}
