package aid

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/falcon"
	"github.com/kubectl-falcon/kubectl-falcon/test/farm"
)

func TestOddIDsAreFlagged(t *testing.T) {
	f := &farm.Farm{Pods: farm.Pods(4, 4), Run: func(e farm.Exec) metav1.Status {
		own := farm.ID(e.Pod)
		switch {
		case strings.HasSuffix(e.Pod, "0"):
			own = zeros
		case !strings.HasSuffix(e.Pod, "3"):
			own = id
		}
		fmt.Fprintf(e.Stdout, "aid=%q.\n", own)
		return farm.Succeed()
	}}
	c := onFarm(t, f)
	pods, _, err := Find(t.Context(), c, Selection{})
	if err != nil {
		t.Fatal(err)
	}
	report := Run(t.Context(), c, pods, Options{})
	var got []string
	for n := range report.Pods {
		got = append(got, fmt.Sprint(report.Pods[n].Flags))
	}
	if strings.Join(got, "") != "[AllZero][Duplicate][Duplicate][]" || report.Summary.Flagged != 3 || report.Summary.Failed != 0 {
		t.Errorf("got %v, %+v", got, report.Summary)
	}
}

// TestWaitOfMany waits for sensors that register one after the other, and one that never does.
func TestWaitOfMany(t *testing.T) {
	var runs atomic.Int32
	f := &farm.Farm{Pods: farm.Pods(5, 5), Run: func(e farm.Exec) metav1.Status {
		if strings.HasSuffix(e.Pod, "4") || runs.Add(1) < 4 {
			if len(e.Argv) > 3 {
				fmt.Fprintf(e.Stdout, "aid is not set, cid=%q, aph=proxy.example.com, app=8080,\n", customer)
				return farm.Succeed()
			}
			fmt.Fprintln(e.Stdout, "aid is not set.")
			return farm.Succeed()
		}
		return answersID(e)
	}}
	c := onFarm(t, f)
	pods, _, err := Find(t.Context(), c, Selection{})
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	report := Run(t.Context(), c, pods, Options{Wait: 2500 * time.Millisecond, Tell: func(Result) { told++ }})
	last := &report.Pods[4]
	if len(report.Pods) != 5 || told != 5 || report.Summary.Known != 4 || last.Reason != NotRegistered || !last.TimedOut() {
		t.Fatalf("%d told, %+v, the last %+v", told, report.Summary, last)
	}
	if !strings.Contains(last.Message, "has no agent id after 2.5s: its CID is set; whether its proxy proxy.example.com:8080 lets it out") {
		t.Errorf("it says %q", last.Message)
	}
}

func TestSuspicions(t *testing.T) {
	for _, c := range []struct {
		d    Details
		cid  Match
		says string
	}{
		{Details{}, Unknown, "its CID is not set"},
		{Details{CID: customer}, Differs, "another than the injector's"},
		{Details{CID: customer, Proxy: Proxy{Disabled: "true", Host: "p"}}, Matches, "direct way out on port 443"},
		{Details{CID: customer, Proxy: Proxy{Host: "p", Port: "1"}}, Matches, "whether its proxy p:1"},
		{Details{CID: customer}, Unknown, "port 443, or the proxy"},
	} {
		if got := c.d.suspicion(c.cid); !strings.Contains(got, c.says) {
			t.Errorf("%+v: %q", c.d, got)
		}
	}
}

// console is what it knows, by id.
type console map[string]falcon.Host

func (c console) Hosts(_ context.Context, aids []string) (map[string]falcon.Host, error) {
	if c == nil {
		return nil, errors.New("no answer")
	}
	known := map[string]falcon.Host{}
	for _, aid := range aids {
		if h, ok := c[aid]; ok {
			known[aid] = h
		}
	}
	return known, nil
}

func TestJoin(t *testing.T) {
	r := &Report{Pods: []Result{{Pod: "a", AID: id}, {Pod: "b", AID: customer}, {Pod: "c", Reason: NoSensor}}}
	h := falcon.Host{AID: id, Name: "web-1", Version: "7", Online: "online", LastSeen: time.Unix(1, 0)}
	h.Policies.Prevention.ID = "p"
	link := func(aid string) string { return "https://console/" + aid }
	if err := r.Join(t.Context(), console{id: h}, link); err != nil {
		t.Fatal(err)
	}
	got := r.Pods[0].Host
	if got == nil || got.Name != "web-1" || got.Online != "online" || got.Policy != "p" || got.Link != "https://console/"+id {
		t.Errorf("got %+v", got)
	}
	if b, c := r.Pods[1], r.Pods[2]; b.Host != nil || len(b.Flags) != 1 || b.Flags[0] != NotInConsole || len(c.Flags) != 0 || r.Summary.Flagged != 1 {
		t.Errorf("got %+v and %+v, %+v", b, c, r.Summary)
	}
	if err := r.Join(t.Context(), console(nil), nil); err == nil {
		t.Error("the error is gone")
	}
}

// TestTheContainerCanBeNamed asks another container than the sensor's, and one that is not there.
func TestTheContainerCanBeNamed(t *testing.T) {
	f := &farm.Farm{Pods: []*corev1.Pod{farm.Pod("team-a", "web", "node", "web")}, Run: func(e farm.Exec) metav1.Status {
		if e.Container != "app" {
			return farm.Exit(1)
		}
		return answersID(e)
	}}
	c := onFarm(t, f)
	if got, err := One(t.Context(), c, "team-a", "web", Options{Container: "app"}); got != farm.ID("web") || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := One(t.Context(), c, "team-a", "web", Options{Container: "db"}); err == nil || !strings.Contains(err.Error(), "has no container db") {
		t.Errorf("got %v", err)
	}
}
