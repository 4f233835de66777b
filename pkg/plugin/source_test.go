package plugin

import (
	"encoding/binary"
	"strings"
	"testing"
	"unicode/utf16"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	fake "github.com/kubectl-falcon/kubectl-falcon/test/fakes/clientset"
)

// widened is a text in UTF-16 with its mark.
func widened(order binary.AppendByteOrder, text string) string {
	all := order.AppendUint16(nil, 0xfeff)
	for _, unit := range utf16.Encode([]rune(text)) {
		all = order.AppendUint16(all, unit)
	}
	return string(all)
}

func TestDecoded(t *testing.T) {
	const text = "größe: 𝄞\r\n"
	for name, content := range map[string]string{"as it is": text, "with a mark": "\ufeff" + text,
		"UTF-16": widened(binary.LittleEndian, text), "UTF-16, the other way": widened(binary.BigEndian, text),
		"UTF-16, cut": widened(binary.LittleEndian, text) + "x"} {
		if got := string(decoded([]byte(content))); got != text {
			t.Errorf("%s: %q", name, got)
		}
	}
	for _, short := range []string{"", "\xff", "\xff\xfe", "\xff\xfex", "\xef\xbb\xbf"} {
		if got := decoded([]byte(short)); len(got) > 1 {
			t.Errorf("%q becomes %q", short, got)
		}
	}
}

func TestCredentialSources(t *testing.T) {
	const token = "5e5a3e01"
	name := file(t, "\n"+cid+" \n")
	secret := file(t, token+"\n")
	marked, wide := file(t, "\ufeff"+cid+"\r\n"), file(t, widened(binary.LittleEndian, cid+"\r\n"))
	c := &kube.Cluster{Client: fake.NewClientset(&corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "s", Namespace: "falcon-system"},
		Data: map[string][]byte{"falcon-cid": []byte(cid + "\n"), "falcon-provisioning-token": []byte(token),
			"other": []byte(cid), "empty": nil, "bad": []byte("sesame")},
	})}
	tests := map[string]struct {
		args  []string
		in    string
		env   string
		token string
		fault string
	}{
		"itself":              {args: []string{"--cid= " + cid}},
		"a file":              {args: []string{"--cid=file:" + name}},
		"a file of Windows":   {args: []string{"--cid=file:" + marked}},
		"a file in UTF-16":    {args: []string{"--cid=file:" + wide}},
		"a variable":          {args: []string{"--cid=env:MINE"}},
		"stdin":               {args: []string{"--cid=-"}, in: cid + "\n"},
		"a Secret":            {args: []string{"--cid=secret:s"}},
		"a Secret's key":      {args: []string{"--cid=secret:s/other"}},
		"the environment":     {env: cid},
		"the flag wins":       {args: []string{"--cid=" + cid}, env: "sesame"},
		"a token's file":      {args: []string{"--cid=" + cid, "--provisioning-token=file:" + secret}, token: token},
		"a token's Secret":    {args: []string{"--cid=" + cid, "--provisioning-token=secret:s"}, token: token},
		"a token on stdin":    {args: []string{"--cid=" + cid, "--provisioning-token=-"}, in: token, token: token},
		"a token itself":      {args: []string{"--cid=" + cid, "--provisioning-token=sesame"}, fault: "--provisioning-token takes where the token is"},
		"stdin twice":         {args: []string{"--cid=-", "--provisioning-token=-"}, in: cid, fault: "stdin can be read only once: --cid - and --provisioning-token -"},
		"stdin, and a file":   {args: []string{"--cid=-", "-f-"}, in: "replicas: 3", fault: "stdin can be read only once: --filename - and --cid -"},
		"no file":             {args: []string{"--cid=file:/nowhere"}, fault: "--cid file:/nowhere: it cannot be read: no such file"},
		"no variable":         {args: []string{"--cid=env:NOTHING"}, fault: "--cid env:NOTHING: there is nothing in it"},
		"no name":             {args: []string{"--cid=env:"}, fault: "--cid: there is no name behind env:"},
		"no Secret":           {args: []string{"--cid=secret:x"}, fault: `--cid secret:x/falcon-cid: there is no secret "x" in namespace falcon-system`},
		"no key":              {args: []string{"--cid=secret:s/x"}, fault: `the secret has no key "x"`},
		"an empty key":        {args: []string{"--cid=secret:s/empty"}, fault: "there is nothing in it"},
		"no name of a key":    {args: []string{"--cid=secret:s/"}, fault: "does not name a Secret"},
		"a bad one in a file": {args: []string{"--cid=file:" + secret}, fault: "what it holds is not a customer id"},
		"a bad one in Secret": {args: []string{"--cid=secret:s/bad"}, fault: "what it holds is not a customer id"},
		"a bad environment":   {env: "sesame", fault: "without --cid env:FALCON_CID: what it holds is not a customer id"},
		"a bad token":         {args: []string{"--cid=" + cid, "--provisioning-token=secret:s/bad"}, fault: "it is not a token"},
		"nothing":             {fault: "the customer id is missing"},
		"empty":               {args: []string{"--cid="}, env: cid, fault: "the customer id is missing"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			noCredentials(t)
			t.Setenv("FALCON_CID", test.env)
			t.Setenv("MINE", cid)
			f, err := completed(t, test.in, append(test.args, "--image=falcon:7")...)
			if err == nil {
				err = f.fetch(t.Context(), c)
			}
			switch {
			case test.fault == "" && err != nil:
				t.Error(err)
			case test.fault == "" && (f.o.CID != cid || f.o.ProvisioningToken != test.token):
				t.Errorf("got %q and %q", f.o.CID, f.o.ProvisioningToken)
			case test.fault != "" && (err == nil || !strings.Contains(err.Error(), test.fault)):
				t.Errorf("got %v, want %q", err, test.fault)
			case err != nil && (strings.Contains(err.Error(), "sesame") || strings.Contains(err.Error(), token)):
				t.Errorf("it shows the secret: %v", err)
			}
		})
	}
}

// A literal token is on the command line already; saying it again would put it into logs, too.
func TestALiteralTokenIsNotEchoed(t *testing.T) {
	o := falcon(t, "install", "--cid", cid, "--image", "falcon:7", "--provisioning-token", "5e5a3e01")
	o.must(t, 2, "next: write --provisioning-token file:PATH", "or set FALCON_PROVISIONING_TOKEN")
	if strings.Contains(o.err, "5e5a3e01") {
		t.Errorf("it said\n%s", o.err)
	}
}
