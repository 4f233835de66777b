package main

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/falcon"
)

// What it prints is enough for a client, and any agent gets a host and, after the delay, an alert.
func TestPrintsWhatAClientNeeds(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	read, write := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, []string{"-delay", "10ms"}, write, io.Discard) }()
	buffer := make([]byte, 4096)
	n, err := read.Read(buffer)
	if err != nil {
		t.Fatal(err)
	}
	set := map[string]string{}
	for line := range strings.Lines(string(buffer[:n])) {
		name, value, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "export "), "=")
		set[name] = value
	}
	c, err := falcon.New(falcon.Options{ID: set["FALCON_CLIENT_ID"], Secret: set["FALCON_CLIENT_SECRET"],
		Cloud: set["FALCON_CLOUD"], Base: set["FALCON_API_BASE"]})
	if err != nil {
		t.Fatal(err)
	}
	aid, begin := strings.Repeat("ab", 16), time.Now().Add(-time.Second)
	if hosts, err := c.Hosts(ctx, []string{aid}); err != nil || hosts[aid].AID != aid {
		t.Errorf("the host is %+v (%v)", hosts, err)
	}
	time.Sleep(20 * time.Millisecond)
	if alerts, err := c.Alerts(ctx, aid, begin); err != nil || len(alerts) == 0 {
		t.Errorf("there is no alert after its time (%v)", err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
}
