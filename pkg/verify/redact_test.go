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

// A snapshot without its secrets is one still, whatever its fields are called.
func TestARedactedSnapshotIsOne(t *testing.T) {
	text, err := json.MarshalIndent(healthy(), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	var back Snapshot
	if err := json.Unmarshal(healthy().Redact(text), &back); err != nil {
		t.Fatal(err)
	}
	if back.Injectors[0].PullSecret == nil || len(back.Injectors[0].PullSecret.In) != 4 || len(back.AWS.Profiles) != 2 {
		t.Errorf("it lost something: %+v", back.Injectors[0].PullSecret)
	}
	for text, want := range map[string]string{
		`token=abc{def more`:                  `token=[redacted] more`,
		`token={abc`:                          `token=[redacted]`,
		`"password": "{a[b]c"`:                `"password": "[redacted]"`,
		`{"secret":"a","pullSecret": {"x":1}`: `{"secret":"[redacted]","pullSecret": {"x":1}`,
		`Authorization: Bearer abc.def`:       `Authorization: Bearer [redacted]`,
	} {
		if got := string(healthy().Redact([]byte(text))); got != want {
			t.Errorf("%s became %s", text, got)
		}
	}
}
