package standin

import "testing"

func TestOption(t *testing.T) {
	tests := []struct {
		name string
		env  Env
		want string
	}{
		{"unset", Env{}, ""},
		{"own variable", Env{"FALCONCTL_OPT_TAGS": "a,b"}, "a,b"},
		{"option string", Env{"FALCONCTL_OPTS": "--apd=true --tags=c"}, "c"},
		{"own variable wins", Env{"FALCONCTL_OPT_TAGS": "a", "FALCONCTL_OPTS": "--tags=c"}, "a"},
		{"another option", Env{"FALCONCTL_OPTS": "--apd=true"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.env.Option("TAGS"); got != tt.want {
				t.Errorf("Option(TAGS) = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestParseEnv(t *testing.T) {
	env := ParseEnv([]string{"A=1=2", "B=", "noequals"})
	if env["A"] != "1=2" || env.Get("B", "x") != "x" || len(env) != 2 {
		t.Errorf("ParseEnv = %v", env)
	}
}

func TestIDs(t *testing.T) {
	const id = "0123456789ABCDEF0123456789abcdef"
	tests := []struct {
		in    string
		valid bool
		short string
	}{
		{id + "-1F", true, "0123456789abcdef0123456789abcdef"},
		{id, false, "0123456789abcdef0123456789abcdef"},
		{id + "-1", false, "0123456789abcdef0123456789abcdef"},
		{" " + id + "-1F", false, " 0123456789abcdef0123456789abcdef"},
		{"", false, ""},
	}
	for _, tt := range tests {
		if got := ValidCID(tt.in); got != tt.valid {
			t.Errorf("ValidCID(%q) = %v", tt.in, got)
		}
		if got := ShortCID(tt.in); got != tt.short {
			t.Errorf("ShortCID(%q) = %q, want %q", tt.in, got, tt.short)
		}
	}
	if !ValidAID(id) || ValidAID(id+"0") {
		t.Error("ValidAID wants exactly 32 hex digits")
	}
}
