package verify

import (
	"bytes"
	"regexp"
)

// Redacted stands for what is left out of a text.
const Redacted = "[redacted]"

// named are the words that name a credential.
const named = `token|password|passwd|secret|authorization|api[-_]?key|bearer`

var (
	// wholeCID is a customer id with its checksum; an agent id has none.
	wholeCID = regexp.MustCompile(`(?i)\b[0-9a-f]{32}-[0-9a-f]{2}\b`)
	// credential is a word that names one, and what follows it up to the next space or quote. Behind a name in
	// quotes only a value in quotes is one: in JSON that is an object, or a number or a truth, else.
	credential = regexp.MustCompile(`(?i)((?:` + named + `)(?:["']\s*[=:]\s*["']|[ \t]*[=:][ \t]*["']?)(?:bearer\s+|basic\s+)?)(?:\\.|[{\[]+[^\s"',{}\[\]\\]|[^\s"',{}\[\\])(?:\\.|[^\s"',}\\])*`)
)

// Redact returns a text that comes from the cluster, such as a log, without customer ids, tokens and
// passwords, as far as their form or the word before them shows them. It also knows the customer id that
// the injector is configured with, however it is written.
func (s *Snapshot) Redact(text []byte) []byte {
	text = wholeCID.ReplaceAll(text, []byte(Redacted))
	text = credential.ReplaceAll(text, []byte("${1}"+Redacted))
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
