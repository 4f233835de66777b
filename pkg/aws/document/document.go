// Package document reads and writes the policy documents of IAM, and says what they let happen.
//
// It decides less than IAM does: a condition that it does not know is never met, and that is said. The language
// is from the IAM user guide, "IAM JSON policy element reference".
package document

import (
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"strings"
)

// Version is the language's only current version.
const Version = "2012-10-17"

// Words is a text or a list of texts, which mean the same.
type Words []string

// UnmarshalJSON takes both forms.
func (w *Words) UnmarshalJSON(raw []byte) error {
	return oneOrMore(raw, (*[]string)(w))
}

// MarshalJSON writes a single text without a list.
func (w Words) MarshalJSON() ([]byte, error) {
	if len(w) == 1 {
		return json.Marshal(w[0])
	}
	return json.Marshal([]string(w))
}

// Principal is who a statement is about, by kind: AWS, Service or Federated. "*" is anybody of AWS.
type Principal map[string]Words

// UnmarshalJSON takes "*" as well.
func (p *Principal) UnmarshalJSON(raw []byte) error {
	var anybody string
	if json.Unmarshal(raw, &anybody) == nil {
		*p = Principal{"AWS": Words{anybody}}
		return nil
	}
	var kinds map[string]Words
	if err := json.Unmarshal(raw, &kinds); err != nil {
		return err
	}
	*p = kinds
	return nil
}

// Statement lets something happen, or forbids it.
type Statement struct {
	Sid       string                      `json:"Sid,omitempty"`
	Effect    string                      `json:"Effect"`
	Principal Principal                   `json:"Principal,omitempty"`
	Action    Words                       `json:"Action,omitempty"`
	NotAction Words                       `json:"NotAction,omitempty"`
	Resource  Words                       `json:"Resource,omitempty"`
	Condition map[string]map[string]Words `json:"Condition,omitempty"`
}

// Statements are a list of them, or one.
type Statements []Statement

// UnmarshalJSON takes both forms.
func (s *Statements) UnmarshalJSON(raw []byte) error {
	return oneOrMore(raw, (*[]Statement)(s))
}

func oneOrMore[T any](raw []byte, to *[]T) error {
	if strings.HasPrefix(strings.TrimSpace(string(raw)), "[") {
		return json.Unmarshal(raw, to)
	}
	var one T
	if err := json.Unmarshal(raw, &one); err != nil {
		return err
	}
	*to = []T{one}
	return nil
}

// Document is a policy.
type Document struct {
	Version   string     `json:"Version"`
	Statement Statements `json:"Statement"`
}

// The effects of a statement.
const (
	Allow = "Allow"
	Deny  = "Deny"
)

// New is a document of the current version.
func New(statements ...Statement) Document {
	return Document{Version: Version, Statement: statements}
}

// Parse reads a document as IAM gives it: percent-encoded, or as it was put in.
func Parse(text string) (Document, error) {
	if strings.HasPrefix(text, "%") {
		plain, err := url.QueryUnescape(text)
		if err != nil {
			return Document{}, fmt.Errorf("the policy document cannot be read: %w", err)
		}
		text = plain
	}
	var d Document
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		return Document{}, fmt.Errorf("the policy document cannot be read: %w", err)
	}
	return d, nil
}

// String is the document as IAM takes it.
func (d Document) String() string {
	text, err := json.Marshal(d)
	if err != nil {
		// There is nothing in it that cannot be written.
		panic(err)
	}
	return string(text)
}

// Indented is the document for people.
func (d Document) Indented() string {
	text, err := json.MarshalIndent(d, "", "  ")
	if err != nil {
		panic(err)
	}
	return string(text)
}

// Equal says whether two documents are the same but for how they are written.
func (d Document) Equal(other Document) bool {
	var a, b any
	return json.Unmarshal([]byte(d.String()), &a) == nil && json.Unmarshal([]byte(other.String()), &b) == nil && reflect.DeepEqual(a, b)
}
