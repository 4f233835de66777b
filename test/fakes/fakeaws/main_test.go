package main

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
)

// What it prints is enough for a client to reach the cluster that it was told to have.
func TestPrintsWhatAClientNeeds(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	read, write := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		ended <- run(ctx, []string{"-cluster", "demo"}, write, io.Discard)
		_ = write.Close()
	}()
	buffer := make([]byte, 4096)
	n, err := read.Read(buffer)
	if err != nil {
		t.Fatal(err, <-ended)
	}
	set := map[string]string{}
	for line := range strings.Lines(string(buffer[:n])) {
		name, value, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "export "), "=")
		set[name] = value
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, set["AWS_ENDPOINT_URL"]+"/clusters/demo", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+set["AWS_ACCESS_KEY_ID"]+"/20261101/"+set["AWS_REGION"]+"/eks/aws4_request")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(answer.Body)
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK || !strings.Contains(string(body), `"status":"ACTIVE"`) {
		t.Errorf("the cluster is %s %s", answer.Status, body)
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("it ended with %v", err)
	}
}
