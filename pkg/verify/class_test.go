package verify

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// classes are all that Classify may answer.
var classes = []Class{None, UnknownCA, Expired, WrongName, Refused, TimedOut, NoService, NoEndpoints, HostAddress, ServerError,
	NotInjector, BadPatch, Denies, PodSecurity, QuotaFull, LimitBroken, NotPermitted, Ending, OtherWebhook, Unclassified}

const (
	ourWebhook = "falcon-sensor-injector.falcon-system.svc"
	calling    = `Internal error occurred: failed calling webhook "` + ourWebhook + `": failed to call webhook: `
	denied     = `admission webhook "` + ourWebhook + `" denied the request: `
)

// Every answer that was recorded of a real server has its class, by the first word of its line.
func TestClassifyTheServersAnswers(t *testing.T) {
	content, err := os.ReadFile("testdata/admission-errors.txt")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]Class{
		"ok": None, "ignore-refused": None, "psa-warn": None,
		"wrong-ca": UnknownCA, "expired": Expired, "bad-san": WrongName, "refused": Refused, "slow": TimedOut,
		"http500": ServerError, "html": NotInjector, "deny": Denies, "badpatch": BadPatch, "svc-missing": NoService,
		"svc-noendpoints": NoEndpoints, "svc-port": Refused, "psa-baseline": PodSecurity, "quota": QuotaFull,
	}
	for _, line := range strings.Split(strings.TrimSpace(string(content)), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		word, answer, _ := strings.Cut(line, " ")
		class, expected := want[word]
		if !expected {
			t.Errorf("%q is not expected, or not so often", word)
			continue
		}
		delete(want, word)
		if strings.HasPrefix(answer, "OK ") {
			if class != None {
				t.Errorf("%s: admitted, so it cannot be %s", word, class)
			}
			continue
		}
		code, message := parsed(t, answer)
		if got := Classify(code, message, ourWebhook); got != class {
			t.Errorf("%s: %s, want %s: %s", word, got, class, message)
		}
		if got := Classify(code, message); got != class {
			t.Errorf("%s, with no webhook known: %s, want %s", word, got, class)
		}
		other := class
		if strings.Contains(message, "webhook") {
			other = OtherWebhook
		}
		if got := Classify(code, message, "somebody.else.svc"); got != other {
			t.Errorf("%s, with another injector: %s, want %s", word, got, other)
		}
	}
	for word := range want {
		t.Errorf("%s did not come", word)
	}
}

// parsed takes apart "ERR code=500 reason=InternalError msg=...".
func parsed(t *testing.T, answer string) (code int32, message string) {
	t.Helper()
	head, message, found := strings.Cut(answer, " msg=")
	_, number, coded := strings.Cut(head, "code=")
	number, _, _ = strings.Cut(number, " ")
	n, err := strconv.ParseInt(number, 10, 32)
	if !found || !coded || err != nil {
		t.Fatalf("not an answer: %s", answer)
	}
	return int32(n), message
}

// What was not recorded but is known of Kubernetes, of Go and of the injector.
func TestClassify(t *testing.T) {
	tests := map[string]struct {
		code    int32
		message string
		want    Class
	}{
		"no right": {403, `pods is forbidden: User "jane" cannot create resource "pods" in API group "" in the namespace "team-a"`, NotPermitted},
		"ending":   {403, `pods "x" is forbidden: unable to create new content in namespace team-a because it is being terminated`, Ending},
		"exceeded": {403, `pods "x" is forbidden: exceeded quota: q, requested: limits.memory=264Mi, used: limits.memory=900Mi, limited: limits.memory=1Gi`, QuotaFull},
		"limit":    {403, `pods "x" is forbidden: maximum memory usage per Container is 100Mi, but limit is 128Mi`, LimitBroken},
		"ratio":    {403, `pods "x" is forbidden: cpu max limit to request ratio per Container is 2, but provided ratio is 10.000000`, LimitBroken},
		// What an injector says of an image's registry is not about the way to the injector.
		"image look-up timed out":   {400, denied + `Failed to retrieve image details for "nginx" in container "web" in pod "team-a/": Failed to get the image config/digest for "nginx" on "docker.io": context deadline exceeded`, Denies},
		"image look-up refused":     {400, denied + `Failed to get the image config/digest for "nginx" on "r": dial tcp 10.0.0.1:443: connect: connection refused`, Denies},
		"image look-up, unknown CA": {400, denied + `x509: certificate signed by unknown authority`, Denies},
		"denied, in words of quota": {400, denied + `exceeded quota`, Denies},
		"common name":               {500, calling + `tls: failed to verify certificate: x509: certificate relies on legacy Common Name field, use SANs instead`, WrongName},
		"foreign server":            {500, calling + `tls: failed to verify certificate: x509: certificate is valid for other.example, another.example, not falcon-sensor-injector.svc-noendpoints.svc`, WrongName},
		"dial timeout":              {500, calling + `Post "https://injector.falcon-system.svc:443/mutate?timeout=10s": dial tcp 10.96.0.1:443: i/o timeout`, TimedOut},
		"no route":                  {500, calling + `dial tcp 10.96.0.1:443: connect: no route to host`, Refused},
		"host network":              {500, calling + `Address is not allowed`, HostAddress},
		"plain HTTP":                {500, calling + `http: server gave HTTP response to HTTPS client`, NotInjector},
		"another denies":            {400, `admission webhook "policy.example.com" denied the request: no label`, OtherWebhook},
		"another fails":             {500, `Internal error occurred: failed calling webhook "policy.example.com": context deadline exceeded`, OtherWebhook},
		// Ours is only mentioned, the refusal is the other's.
		"another, of ours":           {400, `admission webhook "policy.example.com" denied the request: the webhook "` + ourWebhook + `" must not be used`, OtherWebhook},
		"another, of a call of ours": {400, `admission webhook "policy.example.com" denied the request: failed calling webhook "` + ourWebhook + `"`, OtherWebhook},
		"a policy":                   {422, `pods "x" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no label`, Unclassified},
		"nothing known":              {500, "something else", Unclassified},
		"nothing":                    {500, "", Unclassified},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := Classify(test.code, test.message, "x.other.svc", ourWebhook); got != test.want {
				t.Errorf("%s, want %s: %s", got, test.want, test.message)
			}
		})
	}
}

func FuzzClassify(f *testing.F) {
	f.Add(int32(500), calling+"context deadline exceeded", ourWebhook)
	f.Add(int32(403), "exceeded quota", "")
	f.Add(int32(0), "admission webhook", `"`)
	f.Add(int32(400), `failed calling webhook "`, "x")
	f.Fuzz(func(t *testing.T, code int32, message, webhook string) {
		got := Classify(code, message, webhook)
		if got == None || !slices.Contains(classes, got) {
			t.Errorf("a refusal is %q: %q", got, message)
		}
		// Digits alone can be no words that mean anything.
		digits := strings.Map(func(r rune) rune { return '0' + r%10 }, message)
		if got := Classify(code, digits, webhook); got != Unclassified {
			t.Errorf("%q is %s", digits, got)
		}
	})
}
