package main

import (
	"reflect"
	"testing"

	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/standin"
)

func TestChoose(t *testing.T) {
	tests := []struct {
		argv []string
		name string
		args []string
	}{
		{[]string{"/usr/bin/falconctl", "-g", "--aid"}, "falconctl", []string{"-g", "--aid"}},
		{[]string{"injector"}, "injector", []string{}},
		{[]string{"/tmp/CrowdStrike/rootfs/bin/falcon-entrypoint", "sensor"}, "falcon-entrypoint", []string{"sensor"}},
		{[]string{"/usr/bin/falcon-standin", "sensor", "x"}, "sensor", []string{"x"}},
		{[]string{"/usr/bin/falcon-standin", "other"}, "", []string{}},
		{[]string{"/usr/bin/falcon-standin"}, "", nil},
		{nil, "", nil},
	}
	same := func(a, b standin.Program) bool { return reflect.ValueOf(a).Pointer() == reflect.ValueOf(b).Pointer() }
	for _, tt := range tests {
		program, args := choose(tt.argv)
		if !same(program, programs[tt.name]) || !reflect.DeepEqual(args, tt.args) {
			t.Errorf("choose(%q) takes %v with %q, want %q with %q", tt.argv, program != nil, args, tt.name, tt.args)
		}
	}
}
