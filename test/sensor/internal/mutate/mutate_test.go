package mutate

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/standin"
)

const sensorImage = "registry.example/falcon:1"

func base() Settings {
	return Settings{
		Image:      sensorImage,
		PullPolicy: corev1.PullIfNotPresent,
		Mount:      MountTmp,
		Env:        standin.Env{"FALCONCTL_OPT_CID": "cid", "FALCON_STANDIN_FALCONCTL_FORM": "upper"},
	}
}

// images stands in for a registry.
func images(known map[string]ImageCommand) LookUp {
	return func(_ context.Context, image string) (ImageCommand, error) {
		command, ok := known[image]
		if !ok {
			return ImageCommand{}, errors.New("no such image")
		}
		return command, nil
	}
}

func podOf(containers ...corev1.Container) *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec:       corev1.PodSpec{Containers: containers},
	}
}

func app() corev1.Container {
	return corev1.Container{Name: "app", Image: "app:1", Command: []string{"/serve"}, Args: []string{"-v"}}
}

// apply returns what the API server would make of pod.
func apply(t *testing.T, pod *corev1.Pod, s Settings, lookUp LookUp) *corev1.Pod {
	t.Helper()
	patch, err := Pod(t.Context(), pod, "default", s, lookUp)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(patch)
	if err != nil {
		t.Fatal(err)
	}
	before, err := json.Marshal(pod)
	if err != nil {
		t.Fatal(err)
	}
	decoded, err := jsonpatch.DecodePatch(text)
	if err != nil {
		t.Fatalf("patch %s: %v", text, err)
	}
	after, err := decoded.Apply(before)
	if err != nil {
		t.Fatalf("apply %s: %v", text, err)
	}
	changed := &corev1.Pod{}
	if err := json.Unmarshal(after, changed); err != nil {
		t.Fatal(err)
	}
	return changed
}

func names(pod *corev1.Pod) string {
	var list []string
	for _, c := range pod.Spec.InitContainers {
		list = append(list, "init:"+c.Name)
	}
	for _, c := range pod.Spec.Containers {
		list = append(list, c.Name)
	}
	for _, v := range pod.Spec.Volumes {
		list = append(list, "volume:"+v.Name)
	}
	for _, s := range pod.Spec.ImagePullSecrets {
		list = append(list, "secret:"+s.Name)
	}
	return strings.Join(list, " ")
}

// plain is what a simple pod holds after injection.
const plain = "init:crowdstrike-falcon-init-container app crowdstrike-falcon-container " +
	"volume:crowdstrike-falcon-volume volume:crowdstrike-falcon-private"

// shapes are pods and settings, and what the pods hold afterwards.
var shapes = []struct {
	name   string
	pod    func(*corev1.Pod)
	change func(*Settings)
	want   string
}{
	{"plain pod", nil, nil, plain},
	{
		"pod with everything there already",
		func(p *corev1.Pod) {
			p.Spec.InitContainers = []corev1.Container{{Name: "first"}}
			p.Spec.Volumes = []corev1.Volume{{Name: "data"}}
			p.Spec.ImagePullSecrets = []corev1.LocalObjectReference{{Name: "own"}}
		},
		func(s *Settings) { s.PullSecret = "pull"; s.LogVolume = &corev1.Volume{Name: "logs"} },
		"init:crowdstrike-falcon-init-container init:first app crowdstrike-falcon-container volume:data " +
			"volume:crowdstrike-falcon-volume volume:crowdstrike-falcon-private volume:logs secret:own secret:pull",
	},
	{"pull secret", nil, func(s *Settings) { s.PullSecret = "pull" }, plain + " secret:pull"},
	{
		"pull secret already there",
		func(p *corev1.Pod) { p.Spec.ImagePullSecrets = []corev1.LocalObjectReference{{Name: "pull"}} },
		func(s *Settings) { s.PullSecret = "pull" },
		plain + " secret:pull",
	},
	{
		"old name", nil,
		func(s *Settings) { s.Env[standin.EnvSidecarName] = OldSidecarName },
		strings.Replace(plain, "crowdstrike-falcon-container", "falcon-container", 1),
	},
	{
		"sidecar first", nil,
		func(s *Settings) { s.Env[standin.EnvSidecarPosition] = "first" },
		strings.Replace(plain, "app crowdstrike-falcon-container", "crowdstrike-falcon-container app", 1),
	},
	{
		"chosen by the pod",
		func(p *corev1.Pod) {
			p.Annotations = map[string]string{
				EnvAnnotation: "FALCON_STANDIN_SIDECAR_POSITION=first; FALCON_STANDIN_SIDECAR_NAME=falcon-container;",
			}
		},
		nil,
		strings.Replace(plain, "app crowdstrike-falcon-container", "falcon-container app", 1),
	},
}

func TestShape(t *testing.T) {
	for _, tt := range shapes {
		t.Run(tt.name, func(t *testing.T) {
			pod, s := podOf(app()), base()
			if tt.pod != nil {
				tt.pod(pod)
			}
			if tt.change != nil {
				tt.change(&s)
			}
			changed := apply(t, pod, s, nil)
			if got := names(changed); got != tt.want {
				t.Errorf("pod has\n%s, want\n%s", got, tt.want)
			}
			for _, c := range changed.Spec.Containers {
				if c.Name == "app" && !reflect.DeepEqual(c.Command, []string{"/tmp/CrowdStrike/rootfs/bin/falcon-entrypoint", "/serve"}) {
					t.Errorf("command %q", c.Command)
				}
			}
		})
	}
}

func TestSidecar(t *testing.T) {
	s := base()
	s.Resources = corev1.ResourceRequirements{Requests: corev1.ResourceList{"cpu": resource.MustParse("10m")}}
	s.LogVolume = &corev1.Volume{Name: "logs"}
	pod := podOf(app())
	pod.Annotations = map[string]string{EnvAnnotation: "FALCON_STANDIN_FALCONCTL_FORM=empty;FALCON_STANDIN_AID=never"}
	changed := apply(t, pod, s, nil)
	sidecar, init := changed.Spec.Containers[1], changed.Spec.InitContainers[0]

	if sidecar.Image != sensorImage || sidecar.ImagePullPolicy != corev1.PullIfNotPresent ||
		!reflect.DeepEqual(sidecar.Command, []string{"sensor"}) || sidecar.Resources.Requests.Cpu().String() != "10m" {
		t.Errorf("sidecar %+v", sidecar)
	}
	wantEnv := []corev1.EnvVar{
		{Name: "FALCONCTL_OPT_CID", Value: "cid"},
		{Name: "FALCON_STANDIN_AID", Value: "never"},
		{Name: "FALCON_STANDIN_FALCONCTL_FORM", Value: "empty"},
		{Name: "FALCON_STANDIN_MOUNT", Value: MountTmp},
	}
	if !reflect.DeepEqual(sidecar.Env, wantEnv) {
		t.Errorf("environment %v, want %v", sidecar.Env, wantEnv)
	}
	if s.Env["FALCON_STANDIN_FALCONCTL_FORM"] != "upper" || len(s.Env) != 2 {
		t.Errorf("one pod's annotation changed the settings of all: %v", s.Env)
	}
	wantMounts := []corev1.VolumeMount{
		{Name: VolumeName, MountPath: MountTmp},
		{Name: PrivateVolumeName, MountPath: "/var/lib/crowdstrike"},
		{Name: "logs", MountPath: "/var/log/falcon"},
	}
	if !reflect.DeepEqual(sidecar.VolumeMounts, wantMounts) {
		t.Errorf("sidecar mounts %v", sidecar.VolumeMounts)
	}
	if init.Image != sensorImage || !reflect.DeepEqual(init.Command, []string{"falcon-init"}) ||
		!reflect.DeepEqual(init.VolumeMounts, wantMounts[:1]) || !reflect.DeepEqual(init.Env, wantEnv[3:]) {
		t.Errorf("init container %+v", init)
	}
	for _, volume := range changed.Spec.Volumes[:2] {
		if volume.EmptyDir == nil {
			t.Errorf("volume %s is no emptyDir", volume.Name)
		}
	}
}

func TestSidecarSecurity(t *testing.T) {
	tests := []struct {
		scheduler string
		fargate   bool
	}{{"", false}, {"default-scheduler", false}, {"fargate-scheduler", true}}
	for _, tt := range tests {
		t.Run(tt.scheduler, func(t *testing.T) {
			pod := podOf(app())
			pod.Spec.SchedulerName = tt.scheduler
			security := apply(t, pod, base(), nil).Spec.Containers[1].SecurityContext
			want := &corev1.SecurityContext{Privileged: new(false)}
			if !tt.fargate {
				want.Capabilities = &corev1.Capabilities{Add: []corev1.Capability{"SYS_PTRACE"}}
				want.SeccompProfile = &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeUnconfined}
			}
			if !reflect.DeepEqual(security, want) {
				t.Errorf("security context %+v, want %+v", security, want)
			}
		})
	}
}

func TestApplicationMount(t *testing.T) {
	for _, mount := range []string{MountTmp, MountFalcon} {
		t.Run(mount, func(t *testing.T) {
			second := app()
			second.Name = "second"
			second.VolumeMounts = []corev1.VolumeMount{{Name: "data", MountPath: "/data"}}
			s := base()
			s.Mount = mount
			changed := apply(t, podOf(app(), second), s, nil)
			loader := corev1.VolumeMount{Name: VolumeName, MountPath: mount, ReadOnly: true}
			for i, want := range [][]corev1.VolumeMount{{loader}, {second.VolumeMounts[0], loader}} {
				c := changed.Spec.Containers[i]
				if !reflect.DeepEqual(c.VolumeMounts, want) || c.Command[0] != mount+"/rootfs/bin/falcon-entrypoint" {
					t.Errorf("container %s: command %q, mounts %v", c.Name, c.Command, c.VolumeMounts)
				}
			}
		})
	}
}
