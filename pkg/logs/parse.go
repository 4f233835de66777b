package logs

import (
	"regexp"
	"strconv"
	"strings"
)

// Fields are what a line of the injector says.
type Fields struct {
	Level string `json:"level,omitempty"`
	// Text is the message proper, without time and fields.
	Text string `json:"text"`
	// Request is the id of the admission request, Namespace and Pod whose pod it is about. A pod that is made
	// from a template has no name yet when the injector sees it.
	Request   string `json:"request,omitempty"`
	Namespace string `json:"namespace,omitempty"`
	Pod       string `json:"pod,omitempty"`
	// Image is the one that the injector looked up.
	Image string `json:"image,omitempty"`
	Error string `json:"error,omitempty"`
}

// The words of the vendor's injectors. The plain form begins with a date, except on the first line; the later
// form is that of logrus, pairs of key and value.
var (
	plainDate = regexp.MustCompile(`^\d{4}/\d{2}/\d{2} \d{2}:\d{2}:\d{2}(?:\.\d+)? `)
	handling  = regexp.MustCompile(`(?i)\brequest with id (\S+) in namespace (\S+)`)
	denied    = regexp.MustCompile(`in pod "([^"/]*)/([^"]*)"`)
	lookedUp  = regexp.MustCompile(`image details for "([^"]+)"`)
	failure   = regexp.MustCompile(`^Failed to handle webhook request: (.*)$`)
)

// Parse reads a line in either form of the injector's log, and returns nil of one that has neither.
func Parse(message string) *Fields {
	if f := parsePairs(message); f != nil {
		f.find()
		return f
	}
	date := plainDate.FindString(message)
	f := &Fields{Text: message[len(date):]}
	f.find()
	if date == "" && f.Namespace == "" && !strings.HasPrefix(f.Text, "injector server starting") {
		return nil
	}
	return f
}

// find takes out of the words what no field says.
func (f *Fields) find() {
	if m := handling.FindStringSubmatch(f.Text); m != nil {
		set(&f.Request, m[1])
		set(&f.Namespace, m[2])
	}
	if m := failure.FindStringSubmatch(f.Text); m != nil {
		set(&f.Error, m[1])
		set(&f.Level, "error")
	}
	if m := denied.FindStringSubmatch(f.Error); m != nil {
		set(&f.Namespace, m[1])
		set(&f.Pod, m[2])
	}
	if m := lookedUp.FindStringSubmatch(f.Error); m != nil {
		set(&f.Image, m[1])
	}
}

func set(field *string, value string) {
	if *field == "" {
		*field = value
	}
}

// parsePairs reads key=value key="quoted value" ..., which must have a level and a message.
func parsePairs(line string) *Fields {
	if !strings.HasPrefix(line, "time=") && !strings.HasPrefix(line, "level=") {
		return nil
	}
	f := &Fields{}
	text := false
	for rest := line; rest != ""; {
		key, after, ok := strings.Cut(rest, "=")
		if !ok {
			break
		}
		value, left := pairValue(after)
		rest = strings.TrimLeft(left, " ")
		switch strings.TrimSpace(key) {
		case "level":
			f.Level = value
		case "msg":
			f.Text, text = value, true
		case "namespace":
			f.Namespace = value
		case "podName":
			f.Pod = value
		case "image":
			f.Image = value
		case "error":
			f.Error = value
		}
	}
	if !text {
		return nil
	}
	return f
}

// pairValue takes a value from the beginning of a text, and returns what follows it. One whose quotes do not
// end, since the line was cut, is taken as it is.
func pairValue(text string) (value, rest string) {
	if quoted, err := strconv.QuotedPrefix(text); err == nil {
		value, _ = strconv.Unquote(quoted)
		return value, text[len(quoted):]
	}
	value, rest, _ = strings.Cut(text, " ")
	if strings.HasPrefix(value, `"`) {
		return strings.TrimPrefix(text, `"`), ""
	}
	return value, rest
}
