package verify

import (
	"bytes"
	"regexp"
)

// Redacted stands for what is left out of a text.
const Redacted = "[redacted]"

// named is a word that names a credential, and what stands between it and that.
const named = `(?:token|password|passwd|secret|authorization|api[-_]?key|bearer)["']?\s*[=:]\s*`

var (
	// wholeCID is a customer id with its checksum; an agent id has none.
	wholeCID = regexp.MustCompile(`(?i)\b[0-9a-f]{32}-[0-9a-f]{2}\b`)
	// quoted and bare are such a word and what follows it, up to the next space or quote. The brace or bracket of
	// an object or a list in JSON, which has a quote or a space after it, is no credential.
	quoted = regexp.MustCompile(`(?i)(` + named + `["'](?:bearer\s+|basic\s+)?)[^\s"',}]+`)
	bare   = regexp.MustCompile(`(?i)(` + named + `(?:bearer\s+|basic\s+)?)(?:[{\[]+[^\s"',}{\[\]]|[^\s"',}{\[])[^\s"',}]*`)
)

// Redact returns a text that comes from the cluster, such as a log, without customer ids, tokens and
// passwords, as far as their form or the word before them shows them. It also knows the customer id that
// the injector is configured with, however it is written.
func (s *Snapshot) Redact(text []byte) []byte {
	text = wholeCID.ReplaceAll(text, []byte(Redacted))
	text = quoted.ReplaceAll(text, []byte("${1}"+Redacted))
	text = bare.ReplaceAll(text, []byte("${1}"+Redacted))
	for n := range s.Injectors {
		c := s.Injectors[n].Config
		if c == nil || c.whole == "" {
			continue
		}
		for _, written := range [][]byte{[]byte(c.whole), bytes.ToUpper([]byte(c.whole))} {
			text = bytes.ReplaceAll(text, written, []byte(Redacted))
		}
	}
	return text
}
