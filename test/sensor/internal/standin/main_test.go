package standin

import (
	"context"
	"reflect"
	"testing"
)

func TestChoose(t *testing.T) {
	programs := map[string]Program{
		"falconctl":         func(context.Context, Process) int { return 1 },
		"sensor":            func(context.Context, Process) int { return 2 },
		"falcon-entrypoint": func(context.Context, Process) int { return 3 },
	}
	tests := []struct {
		argv []string
		name string
		args []string
	}{
		{[]string{"/usr/bin/falconctl", "-g", "--aid"}, "falconctl", []string{"-g", "--aid"}},
		{[]string{"sensor"}, "sensor", []string{}},
		{[]string{"/tmp/CrowdStrike/rootfs/bin/falcon-entrypoint", "sensor"}, "falcon-entrypoint", []string{"sensor"}},
		{[]string{"/usr/bin/falcon-pod", "sensor", "x"}, "sensor", []string{"x"}},
		{[]string{"/usr/bin/falcon-pod", "other"}, "", []string{}},
		{[]string{"/usr/bin/falcon-pod"}, "", nil},
		{nil, "", nil},
	}
	same := func(a, b Program) bool { return reflect.ValueOf(a).Pointer() == reflect.ValueOf(b).Pointer() }
	for _, tt := range tests {
		program, args := Choose(programs, tt.argv)
		if !same(program, programs[tt.name]) || !reflect.DeepEqual(args, tt.args) {
			t.Errorf("Choose(%q) takes %v with %q, want %q with %q", tt.argv, program != nil, args, tt.name, tt.args)
		}
	}
}
