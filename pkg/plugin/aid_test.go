package plugin

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aid"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
	"github.com/kubectl-falcon/kubectl-falcon/test/farm"
	"github.com/kubectl-falcon/kubectl-falcon/test/golden"
)

// sensors is a farm with pods that answer, one without a sensor, one that has not registered and one whose
// falconctl fails.
func sensors(t *testing.T) string {
	t.Helper()
	f := &farm.Farm{Run: func(e farm.Exec) metav1.Status {
		switch {
		case e.Pod == "web-3":
			fmt.Fprintln(e.Stdout, "aid is not set.")
			return farm.Exit(1)
		case e.Pod == "web-4":
			fmt.Fprintln(e.Stderr, "ERROR: no sensor")
			return farm.Exit(255)
		}
		fmt.Fprintf(e.Stdout, "aid=%q, version = 7.40.18000.0\n", farm.ID(e.Pod))
		return farm.Succeed()
	}}
	for n := range 5 {
		f.Pods = append(f.Pods, farm.Pod("team-a", fmt.Sprint("web-", n), fmt.Sprint("node-", n), "web"))
	}
	f.Pods[0].Spec.Containers = f.Pods[0].Spec.Containers[:1]
	f.Pods = append(f.Pods, farm.Pod("team-b", "db-0", "node-0", "db"))
	address, end := f.Start()
	t.Cleanup(end)
	return address
}

func TestAIDOfOnePodIsItsIDAlone(t *testing.T) {
	host := sensors(t)
	for _, name := range []string{"web-1", "pod/web-1"} {
		o := falcon(t, "aid", name, "-n", "team-a", "--server", host)
		o.must(t, 0)
		if o.out != farm.ID("web-1")+"\n" || o.err != "" {
			t.Errorf("it printed %q and said %q", o.out, o.err)
		}
	}
	falcon(t, "aid", "web-0", "-n", "team-a", "--server", host).must(t, 1, "pod team-a/web-0 has no Falcon sensor", "next: kubectl falcon verify -n team-a")
	falcon(t, "aid", "web-3", "-n", "team-a", "--server", host).must(t, 1, "pod team-a/web-3: the sensor has no agent id yet", "use --wait")
	falcon(t, "aid", "web-9", "-n", "team-a", "--server", host).must(t, 2, `there is no pod "web-9" in namespace team-a`)
	falcon(t, "aid", "web-9", "-n", "team-a", "-o", "json", "--server", host).must(t, 2, "there is no pod/web-9 in namespace team-a")
	falcon(t, "aid", "deploy/web", "-n", "team-a", "--server", host).must(t, 2, "there is no deployment/web in namespace team-a")
}

func TestAIDOfManyPrintsATableAndSumsUp(t *testing.T) {
	o := falcon(t, "aid", "-A", "--concurrency", "1", "--server", sensors(t))
	if o.code != 1 {
		t.Errorf("exit code %d", o.code)
	}
	golden.Check(t, "aid.txt", []byte(o.out+"---\n"+o.err))
	o = falcon(t, "aid", "-n", "team-b", "-o", "wide", "--details", "--server", sensors(t))
	golden.Check(t, "aid-wide.txt", []byte(o.out+"---\n"+o.err))
}

func TestAIDOfManyAsData(t *testing.T) {
	host := sensors(t)
	o := falcon(t, "aid", "-n", "team-a", "-o", "json", "--server", host)
	golden.Check(t, "aid.json", []byte(o.out))
	var r aid.Report
	if err := json.Unmarshal([]byte(o.out), &r); err != nil || o.code != 1 || r.Schema != aid.Schema || r.Summary.Known != 2 {
		t.Errorf("exit code %d, %v, %+v", o.code, err, r.Summary)
	}
	o = falcon(t, "aid", "-n", "team-a", "-o", "csv", "--server", host)
	if rows, err := csv.NewReader(strings.NewReader(o.out)).ReadAll(); err != nil || len(rows) != 6 || rows[2][2] != farm.ID("web-1") || rows[1][3] != "NoSensor" {
		t.Errorf("%v in\n%s", err, o.out)
	}
	for format, want := range map[string]string{
		"name":                       "pod/web-1\npod/web-2\n",
		"jsonpath={.summary.known}":  "2\n",
		"jsonpath={.pods[0].reason}": "NoSensor\n",
	} {
		if o := falcon(t, "aid", "-n", "team-a", "-o", format, "--server", host); o.out != want || o.code != 1 {
			t.Errorf("-o %s: exit code %d\n%s", format, o.code, o.out)
		}
	}
	if o := falcon(t, "aid", "-A", "-l", "app=db", "-o", "name", "--server", host); o.out != "team-b/pod/db-0\n" || o.code != 0 || o.err != "" {
		t.Errorf("got %+v", o)
	}
	o = falcon(t, "aid", "-l", "app=none", "-o", "json", "--server", host)
	if o.code != 0 || !strings.Contains(o.out, `"pods": []`) || !strings.Contains(o.err, "there are no such pods in namespace default") {
		t.Errorf("got %+v", o)
	}
}

func TestAIDOfNamesOnStdin(t *testing.T) {
	hideKubeconfig(t)
	var out, errs strings.Builder
	code := Run(t.Context(), []string{"aid", "-", "-n", "team-a", "-o", "csv", "--server", sensors(t)},
		term.Streams{In: strings.NewReader("web-1\nteam-b/pod/db-0\nweb-1\nno-such\n"), Out: &out, Err: &errs})
	if code != 1 || strings.Count(out.String(), "\n") != 4 || !strings.Contains(out.String(), "team-b,db-0,"+farm.ID("db-0")) ||
		!strings.Contains(errs.String(), "NotFound: 1 pod, such as team-a/no-such") {
		t.Errorf("exit code %d, stderr %s, stdout\n%s", code, &errs, &out)
	}
}

// What came before Ctrl-C is printed, and the rest says that it was not asked.
func TestAIDThatIsStopped(t *testing.T) {
	f := &farm.Farm{Pods: farm.Pods(20, 20)}
	ctx, cancel := context.WithCancelCause(t.Context())
	f.Run = func(e farm.Exec) metav1.Status {
		if e.Pod == f.Pods[0].Name {
			fmt.Fprintf(e.Stdout, "aid=%q.\n", farm.ID(e.Pod))
			time.AfterFunc(300*time.Millisecond, func() { cancel(Interrupted{Signal: syscall.SIGINT}) })
			return farm.Succeed()
		}
		<-e.Over
		return farm.Succeed()
	}
	address, end := f.Start()
	t.Cleanup(end)
	begin := time.Now()
	o := falconWith(t, ctx, "aid", "-A", "-o", "json", "--server", address)
	if o.code != 130 || strings.Count(o.out, `"reason": "Canceled"`) != 19 || !strings.Contains(o.out, farm.ID(f.Pods[0].Name)) {
		t.Errorf("exit code %d\n%s", o.code, o.out)
	}
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("it took %s", took)
	}
}

func TestAIDKeepsACache(t *testing.T) {
	f := &farm.Farm{Pods: []*corev1.Pod{farm.Pod("team-a", "web", "node", "web")}, Run: func(e farm.Exec) metav1.Status {
		fmt.Fprintf(e.Stdout, "aid=%q.\n", farm.ID(e.Pod))
		return farm.Succeed()
	}}
	address, end := f.Start()
	t.Cleanup(end)
	folder := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", folder)
	for range 2 {
		if o := falcon(t, "aid", "web", "-n", "team-a", "--cache", "--server", address); o.out != farm.ID("web")+"\n" || f.Execs("web") != 1 {
			t.Errorf("got %+v after %d commands", o, f.Execs("web"))
		}
	}
	files, err := filepath.Glob(filepath.Join(folder, "kubectl-falcon", "aid-*.json"))
	if err != nil || len(files) != 1 {
		t.Fatalf("there is %v, %v", files, err)
	}
	if err := os.WriteFile(files[0], []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	falcon(t, "aid", "web", "-n", "team-a", "--cache", "--server", address).must(t, 0, "is not used")
}

func TestPace(t *testing.T) {
	for _, c := range []struct {
		done, total int
		took        time.Duration
		want        string
	}{
		{0, 10, 0, "0 of 10 asked"},
		{5, 10, 500 * time.Millisecond, "5 of 10 asked"},
		{100, 1000, 10 * time.Second, "100 of 1000 asked, 10/s, 1m30s left"},
		{10, 10, 10 * time.Second, "10 of 10 asked"},
	} {
		if got := pace(c.done, c.total, c.took); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}
