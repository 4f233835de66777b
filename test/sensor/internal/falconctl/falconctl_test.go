package falconctl

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/standin"
)

const (
	aid = "d49dc4fd4b6347e3981fb67a2bf8e6c8"
	cid = "0123456789abcdef0123456789abcdef"
)

// sidecar is the environment of a registered sidecar.
func sidecar(t *testing.T, extra standin.Env) standin.Env {
	t.Helper()
	env := unregistered(t, extra)
	file := filepath.Join(env[standin.EnvStateDir], "aid")
	if err := os.WriteFile(file, []byte(aid+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return env
}

func unregistered(t *testing.T, extra standin.Env) standin.Env {
	t.Helper()
	env := standin.Env{standin.EnvCID: strings.ToUpper(cid) + "-1F", standin.EnvStateDir: t.TempDir()}
	for key, value := range extra {
		env[key] = value
	}
	return env
}

func run(ctx context.Context, env standin.Env, args string) (code int, out, errOut string) {
	var o, e bytes.Buffer
	code = Run(ctx, standin.Process{Args: strings.Fields(args), Env: env, Out: &o, Err: &e})
	return code, o.String(), e.String()
}

func TestOptions(t *testing.T) {
	set := standin.Env{
		"FALCONCTL_OPT_TAGS": "a,b", "FALCONCTL_OPT_APD": "false", "FALCONCTL_OPT_APH": "proxy.example.com",
		"FALCONCTL_OPT_APP": "8080", "FALCONCTL_OPT_TRACE": "none",
	}
	tests := []struct {
		option, set, unset string
	}{
		{"--aid", `aid="` + aid + "\".\n", "aid is not set.\n"},
		{"--cid", `cid="` + cid + "\".\n", `cid="` + cid + "\".\n"},
		{"--tags", "tags=a,b.\n", "Sensor grouping tags are not set.\n"},
		{"--apd", "apd=FALSE.\n", "apd is not set.\n"},
		{"--aph", "aph=proxy.example.com.\n", "aph is not set.\n"},
		{"--app", "app=8080.\n", "app is not set.\n"},
		{"--trace", "trace=none.\n", "trace is not set.\n"},
		{"--rfm-state", "rfm-state=false.\n", "rfm-state=false.\n"},
		{"--rfm-reason", "rfm-reason=None, code=0x0.\n", "rfm-reason=None, code=0x0.\n"},
		{"--version", "version = 7.40.18000.0\n", "version = 7.40.18000.0\n"},
	}
	for _, tt := range tests {
		t.Run(tt.option, func(t *testing.T) {
			for _, get := range []string{"-g ", "--get "} {
				if code, out, _ := run(t.Context(), sidecar(t, set), get+tt.option); code != 0 || out != tt.set {
					t.Errorf("set: exit code %d, %q, want %q", code, out, tt.set)
				}
			}
			if code, out, _ := run(t.Context(), unregistered(t, nil), "-g "+tt.option); code != 0 || out != tt.unset {
				t.Errorf("unset: exit code %d, %q, want %q", code, out, tt.unset)
			}
		})
	}
}

func TestCIDNotSet(t *testing.T) {
	if _, out, _ := run(t.Context(), standin.Env{}, "-g --cid"); out != "cid is not set.\n" {
		t.Errorf("prints %q", out)
	}
}

func TestForms(t *testing.T) {
	const several = "-g --cid --aid --version --rfm-state"
	const newer = `cid="` + cid + `", aid="` + aid + "\", version = 7.40.18000.0\nrfm-state=false,\n"
	tests := []struct {
		form Form
		args string
		want string
		code int
	}{
		{"", "-g --aid", `aid="` + aid + "\".\n", 0},
		{FormGuide, "-g --aid", `aid="` + aid + "\".\n", 0},
		{FormNoNewline, "-g --aid", `aid="` + aid + `".`, 0},
		{FormUnquoted, "-g --aid", "aid=" + aid + ".\n", 0},
		{FormUpper, "-g --aid", `aid="` + strings.ToUpper(aid) + "\".\n", 0},
		{FormCombinedOld, "-g --aid", `aid="` + aid + "\".\n", 0},
		{"", several, newer, 0},
		{FormCombinedNew, several, newer, 0},
		{FormNoNewline, several, strings.TrimSuffix(newer, "\n"), 0},
		{FormCombinedNew, "-g --aid --version", `aid="` + aid + "\", version = 7.40.18000.0\n", 0},
		{FormCombinedOld, "-g --aid --apd --aph --app --rfm-state --rfm-reason --version --tags",
			`aid="` + aid + `", apd is not set, aph is not set, app is not set, rfm-state=false, ` +
				"rfm-reason=None, code=0x0, version = 7.40.18000.0tags=SensorGroupingTags/x,\n", 0},
		{FormEmpty, "-g --aid", "", 0},
		{FormNonzero, "-g --aid", "aid is not set.\n", 1},
		{FormNonzero, "-g --rfm-state", "rfm-state is not set\n", 1},
		{FormHalf, "-g --aid", `aid="d49dc4fd4b6347e`, 0},
	}
	for _, tt := range tests {
		t.Run(string(tt.form)+" "+tt.args, func(t *testing.T) {
			env := sidecar(t, standin.Env{standin.EnvForm: string(tt.form), "FALCONCTL_OPT_TAGS": "SensorGroupingTags/x"})
			code, out, errOut := run(t.Context(), env, tt.args)
			if code != tt.code || out != tt.want || errOut != "" {
				t.Errorf("exit code %d, stderr %q, stdout\n%q, want\n%q", code, errOut, out, tt.want)
			}
		})
	}
}

func TestHuge(t *testing.T) {
	env := sidecar(t, standin.Env{standin.EnvForm: "huge"})
	code, out, _ := run(t.Context(), env, "-g --aid")
	line := `aid="` + aid + "\".\n"
	if code != 0 || !strings.HasSuffix(out, "\n"+line) || len(out) < 1<<20 {
		t.Errorf("exit code %d, %d bytes, ends in %q", code, len(out), out[max(0, len(out)-60):])
	}
}

func TestHangsUntilKilled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	env := sidecar(t, standin.Env{standin.EnvForm: "hang"})
	done := make(chan int, 1)
	go func() {
		code, _, _ := run(ctx, env, "-g --aid")
		done <- code
	}()
	select {
	case code := <-done:
		t.Fatalf("ended by itself with %d", code)
	default:
	}
	cancel()
	if code := <-done; code != exitKilled {
		t.Errorf("exit code %d", code)
	}
}

func TestRefusals(t *testing.T) {
	tests := []struct {
		name, args, form string
		code             int
		want             string
	}{
		{"unknown long option", "-g --x", "", 1, "falconctl: unrecognized option '--x'\nusage: falconctl"},
		{"unknown short option", "-s --aid", "", 1, "invalid option -- 's'"},
		{"no -g", "--aid", "", 1, "ERROR: -g is missing"},
		{"nothing to get", "-g", "", 1, "ERROR: no option to get"},
		{"an argument", "-g aid", "", 1, "'aid' is not a valid argument"},
		{"error form", "-g --aid", "error", 255, "ERROR"},
		{"unknown form", "-g --aid", "fancy", 255, `ERROR: FALCON_STANDIN_FALCONCTL_FORM="fancy" is not a valid form`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			code, out, errOut := run(t.Context(), sidecar(t, standin.Env{standin.EnvForm: tt.form}), tt.args)
			if code != tt.code || out != "" || !strings.Contains(errOut, tt.want) {
				t.Errorf("exit code %d, stdout %q, stderr %q", code, out, errOut)
			}
		})
	}
}

func TestUnreadableState(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "aid"), 0o755); err != nil {
		t.Fatal(err)
	}
	code, _, errOut := run(t.Context(), standin.Env{standin.EnvStateDir: dir}, "-g --aid")
	if code != exitError || !strings.Contains(errOut, "ERROR") {
		t.Errorf("exit code %d, stderr %q", code, errOut)
	}
}

func TestHelpSaysWhatItIs(t *testing.T) {
	code, out, _ := run(t.Context(), standin.Env{}, "--help")
	if code != 0 || !strings.Contains(out, standin.Notice) {
		t.Errorf("exit code %d, %q", code, out)
	}
}
