package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRaiseLimits(t *testing.T) {
	tests := map[string]struct{ before, after, says string }{
		"the usual":  {"128\n", "1024", "raised from 128 to 1024"},
		"enough":     {"8192\n", "8192\n", ""},
		"just right": {"1024\n", "1024\n", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "max_user_instances")
			if err := os.WriteFile(path, []byte(test.before), 0o600); err != nil {
				t.Fatal(err)
			}
			var said bytes.Buffer
			if err := raiseLimits(path, &said); err != nil {
				t.Fatal(err)
			}
			after, err := os.ReadFile(path)
			if err != nil || string(after) != test.after {
				t.Errorf("it is %q, want %q (%v)", after, test.after, err)
			}
			if !strings.Contains(said.String(), test.says) || (test.says == "") != (said.Len() == 0) {
				t.Errorf("it says %q, want %q", said.String(), test.says)
			}
		})
	}
	if err := raiseLimits(filepath.Join(t.TempDir(), "none"), &bytes.Buffer{}); err == nil {
		t.Error("a limit that cannot be read is no error")
	}
}
