package verify

import (
	"encoding/json"
	"testing"
)

// What is redacted must stay what it was: a bundle's JSON is read again, and names credentials as fields of
// objects, too.
func TestRedact(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`{"token": "abc", "x": 1}`, `{"token": "[redacted]", "x": 1}`},
		{`{"authorization": "Bearer abc"}`, `{"authorization": "Bearer [redacted]"}`},
		{"{\n \"secret\": {\n  \"secretName\": \"injector-tls\"\n }\n}", "{\n \"secret\": {\n  \"secretName\": \"injector-tls\"\n }\n}"},
		{`{"automountServiceAccountToken": false}`, `{"automountServiceAccountToken": false}`},
		{`{"password": "a\"b"}`, `{"password": "[redacted]"}`},
		{`{"log": "password=a\"b next"}`, `{"log": "password=[redacted] next"}`},
		{`{"id": "0123456789abcdef0123456789abcdef-12"}`, `{"id": "[redacted]"}`},
	} {
		got := (&Snapshot{}).Redact([]byte(c.text))
		if string(got) != c.want || !json.Valid(got) {
			t.Errorf("%s became %s, want %s", c.text, got, c.want)
		}
	}
	for _, c := range []struct{ text, want string }{
		{"secret:\n  secretName: injector-tls\n", "secret:\n  secretName: injector-tls\n"},
		{"secret: {}\n", "secret: {}\n"},
		{"api-key = abc, more", "api-key = [redacted], more"},
		{"Authorization: Bearer abc", "Authorization: Bearer [redacted]"},
		{"password='abc'", "password='[redacted]'"},
	} {
		if got := (&Snapshot{}).Redact([]byte(c.text)); string(got) != c.want {
			t.Errorf("%q became %q, want %q", c.text, got, c.want)
		}
	}
}
