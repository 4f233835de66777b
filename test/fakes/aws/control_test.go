package aws

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestControlByHTTP(t *testing.T) {
	c := shared
	c.forget()
	u := user(t, c)
	send := func(method, path, body string) string {
		t.Helper()
		r, _ := http.NewRequestWithContext(t.Context(), method, c.Endpoint+"/_front/"+path, strings.NewReader(body))
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		content, _ := io.ReadAll(response.Body)
		if response.StatusCode != http.StatusOK {
			t.Errorf("%s %s: %s %s", method, path, response.Status, content)
		}
		return string(content)
	}
	send("PUT", "faults", `[{"action":"ecr:DescribeRepositories","kind":"throttled","times":1,"latency":"20ms"}]`)
	began := time.Now()
	expect(t, u.ecr("DescribeRepositories", object{}), 400, "ThrottlingException", "Rate exceeded")
	if time.Since(began) < 20*time.Millisecond {
		t.Error("it came without its latency")
	}
	expect(t, u.ecr("DescribeRepositories", object{}), 200, "", "repositories")
	send("PUT", "policy", `{"Statement":[{"Effect":"Allow","Action":"sts:*"}]}`)
	expect(t, u.ecr("DescribeRepositories", object{}), 400, "AccessDeniedException", "no identity-based policy allows the ecr:DescribeRepositories action")
	send("DELETE", "policy", "")
	send("PUT", "times", `{"profileCreate":"1h"}`)
	equal(t, "time", c.timing().ProfileCreate, time.Hour)
	send("POST", "clusters/lab", `{"endpoint":"https://127.0.0.1:6443","certificateAuthority":"PEM"}`)
	a := u.eks("GET", "/clusters/lab", nil)
	equal(t, "endpoint", text(child(a.json, "cluster"), "endpoint"), "https://127.0.0.1:6443")
	var log struct{ Calls []Call }
	if err := json.Unmarshal([]byte(send("GET", "log", "")), &log); err != nil || len(log.Calls) != 4 || log.Calls[0].Status != 400 {
		t.Errorf("the log is %+v (%v)", log, err)
	}
	send("DELETE", "log", "")
	if !slices.Equal(c.Log(), nil) {
		t.Errorf("the log is %v", c.Log())
	}
	send("POST", "reset", "")
	expect(t, u.eks("GET", "/clusters/lab", nil), 404, "ResourceNotFoundException", "")
}
