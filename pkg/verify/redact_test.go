package verify

import (
	"encoding/json"
	"testing"
)

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
