package mutate

import (
	"reflect"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/standin"
)

func TestCommandRules(t *testing.T) {
	both := ImageCommand{Entrypoint: []string{"/entry"}, Cmd: []string{"cmd", "$(HOME)"}}
	tests := []struct {
		name          string
		command, args []string
		image         ImageCommand
		want          []string
	}{
		{"command and args", []string{"/own"}, []string{"-a"}, both, []string{"/own"}},
		{"command alone puts the image's cmd aside", []string{"/own", "$(X)"}, nil, both, []string{"/own", "$(X)"}},
		{"args alone replace the image's cmd", nil, []string{"-a"}, both, []string{"/entry"}},
		{"neither", nil, nil, both, []string{"/entry", "cmd", "$$(HOME)"}},
		{"image with a cmd alone", nil, nil, ImageCommand{Cmd: []string{"/cmd"}}, []string{"/cmd"}},
		{"args and an image with a cmd alone", nil, []string{"-a"}, ImageCommand{Cmd: []string{"/cmd"}}, nil},
		{"image with nothing", nil, nil, ImageCommand{}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			container := corev1.Container{Name: "app", Image: "app:1", Command: tt.command, Args: tt.args}
			got := apply(t, podOf(container), base(), images(map[string]ImageCommand{"app:1": tt.image})).Spec.Containers[0]
			want := append([]string{"/tmp/CrowdStrike/rootfs/bin/falcon-entrypoint"}, tt.want...)
			if !reflect.DeepEqual(got.Command, want) || !reflect.DeepEqual(got.Args, tt.args) {
				t.Errorf("command %q args %q, want %q %q", got.Command, got.Args, want, tt.args)
			}
		})
	}
}

func TestOptInAndOut(t *testing.T) {
	tests := []struct {
		annotation      string
		defaultDisabled bool
		want            bool
	}{
		{"", false, true},
		{"enabled", false, true},
		{"disabled", false, false},
		{"maybe", false, true},
		{"", true, false},
		{"enabled", true, true},
		{"disabled", true, false},
		{"maybe", true, false},
	}
	for _, tt := range tests {
		pod, s := podOf(app()), base()
		s.DefaultDisabled = tt.defaultDisabled
		if tt.annotation != "" {
			pod.Annotations = map[string]string{standin.InjectionKey: tt.annotation}
		}
		patch, err := Pod(t.Context(), pod, "default", s, nil)
		if err != nil || (len(patch) > 0) != tt.want {
			t.Errorf("annotation %q, default disabled %v: %d operations (%v), want injection %v",
				tt.annotation, tt.defaultDisabled, len(patch), err, tt.want)
		}
	}
}

func TestNeverTwice(t *testing.T) {
	tests := []struct{ there, configured string }{
		{SidecarName, ""}, {OldSidecarName, ""}, {SidecarName, OldSidecarName}, {"sensor", "sensor"},
	}
	for _, tt := range tests {
		s := base()
		s.Env[standin.EnvSidecarName] = tt.configured
		patch, err := Pod(t.Context(), podOf(app(), corev1.Container{Name: tt.there}), "default", s, nil)
		if err != nil || patch != nil {
			t.Errorf("pod with %s, configured %q: %v, %v", tt.there, tt.configured, patch, err)
		}
	}
	again := apply(t, podOf(app()), base(), nil)
	if patch, err := Pod(t.Context(), again, "default", base(), nil); err != nil || patch != nil {
		t.Errorf("second run: %v, %v", patch, err)
	}
}

func TestDenials(t *testing.T) {
	tests := []struct {
		name, annotation, pod, want string
	}{
		{
			"image", "", "web",
			`Failed to retrieve image details for "gone:1" in container "app" in pod "default/web": no such image`,
		},
		{
			"image of a pod without a name", "", "",
			`Failed to retrieve image details for "gone:1" in container "app" in pod "default/": no such image`,
		},
		{"foreign key", "PATH=/bin", "web", `annotation standin.kubectl-falcon/env: "PATH=/bin"`},
		{"no value", "FALCON_STANDIN_AID", "web", `"FALCON_STANDIN_AID" is not`},
		{"bad position", "FALCON_STANDIN_SIDECAR_POSITION=top", "web", "want first or last"},
		{"bad name", "FALCON_STANDIN_SIDECAR_NAME=A_B", "web", "FALCON_STANDIN_SIDECAR_NAME"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			pod := podOf(corev1.Container{Name: "app", Image: "gone:1"})
			pod.Name = tt.pod
			pod.Annotations = map[string]string{EnvAnnotation: tt.annotation}
			patch, err := Pod(t.Context(), pod, "default", base(), images(nil))
			if err == nil || patch != nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("patch %v, error %v, want %s", patch, err, tt.want)
			}
		})
	}
}
