package aid

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/test/farm"
)

const customer = "0123456789abcdef0123456789abcdef"

func TestParseDetails(t *testing.T) {
	none := Proxy{}
	for name, c := range map[string]struct {
		output string
		want   Details
	}{
		"cid":                {"cid=\"" + customer + "\".\n", Details{CID: customer}},
		"cid, loud":          {"CID=\"" + strings.ToUpper(customer) + "\".\n", Details{CID: customer}},
		"cid, unset":         {"cid is not set.\n", Details{}},
		"cid, cut":           {"cid=\"0123456789abcdef", Details{}},
		"version":            {"version = 7.14.16703.0\n", Details{Version: "7.14.16703.0"}},
		"version, three":     {"version = 7.14.16703", Details{Version: "7.14.16703"}},
		"apd":                {"apd=TRUE.\n", Details{Proxy: Proxy{Disabled: "true"}}},
		"apd, quiet":         {"apd=false.\n", Details{Proxy: Proxy{Disabled: "false"}}},
		"aph":                {"aph=proxy.example.com.\n", Details{Proxy: Proxy{Host: "proxy.example.com"}}},
		"app":                {"app=8080.\n", Details{Proxy: Proxy{Port: "8080"}}},
		"proxy, unset":       {"apd is not set.\naph is not set.\napp is not set.\n", Details{Proxy: none}},
		"tags":               {"tags=a,b.\n", Details{Tags: []string{"a", "b"}}},
		"tags, quoted":       {"tags=\"a,b\".\n", Details{Tags: []string{"a", "b"}}},
		"tags, combined":     {"tags=SensorGroupingTags/x,\n", Details{Tags: []string{"SensorGroupingTags/x"}}},
		"tags, unset":        {"Sensor grouping tags are not set.\n", Details{}},
		"system's tags":      {"systags=12,13.\n", Details{}},
		"trace":              {"trace=Debug.\n", Details{Trace: "debug"}},
		"rfm-state":          {"rfm-state=false.\n", Details{RFM: RFM{State: "false"}}},
		"rfm-state, unset":   {"rfm-state is not set\n", Details{}},
		"rfm-reason":         {"rfm-reason=None, code=0x0.\n", Details{RFM: RFM{Reason: "None", Code: "0x0"}}},
		"rfm-reason, a code": {"rfm-reason=Unspecified, code=0xC0000001.\n", Details{RFM: RFM{Reason: "Unspecified", Code: "0xC0000001"}}},
		"an error":           {"ERROR: cid=\"" + customer + "\" is not a valid CID\n", Details{}},
		"combined, older": {`aid="` + id + `", apd is not set, aph is not set, app is not set, rfm-state=false, rfm-reason=None, code=0x0, version = 6.24.12104.0tags=a,b,`,
			Details{Version: "6.24.12104.0", Tags: []string{"a", "b"}, RFM: RFM{"false", "None", "0x0"}}},
		"combined, newer": {`cid="` + customer + `", aid="` + id + "\", version = 7.29.18202.0\nrfm-state=true,\n",
			Details{CID: customer, Version: "7.29.18202.0", RFM: RFM{State: "true"}}},
		"combined, with a proxy": {`cid="` + customer + `", aid is not set, apd=FALSE, aph=proxy.example.com, app=3128, trace=none,` + "\n",
			Details{CID: customer, Proxy: Proxy{"proxy.example.com", "3128", "false"}, Trace: "none"}},
		"nothing": {"", Details{}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := ParseDetails(c.output); !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestCompare(t *testing.T) {
	for _, c := range []struct {
		sensor, configured string
		want               Match
	}{
		{customer, strings.ToUpper(customer) + "-12", Matches}, {customer, customer, Matches},
		{id, customer + "-12", Differs}, {"", customer, Unknown}, {customer, "", Unknown},
	} {
		if got := Compare(c.sensor, c.configured); got != c.want {
			t.Errorf("%q, %q: got %s, want %s", c.sensor, c.configured, got, c.want)
		}
	}
}

// TestDetailsNeverCostTheID asks sensors that know fewer and fewer options.
func TestDetailsNeverCostTheID(t *testing.T) {
	for name, c := range map[string]struct {
		knows   []string
		most    int
		version string
	}{
		"all":          {append(slices.Clone(further), "--tags"), 2, "7.40.18000.0"},
		"no rfm":       {[]string{"--aid", "--cid", "--version", "--apd", "--aph", "--app", "--trace", "--tags"}, 4, "7.40.18000.0"},
		"the id alone": {[]string{"--aid"}, 2 + len(further), ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := &farm.Farm{Pods: []*corev1.Pod{farm.Pod("team-a", "web", "node", "web")}, Run: func(e farm.Exec) metav1.Status {
				for _, option := range e.Argv[2:] {
					if !slices.Contains(c.knows, option) {
						fmt.Fprintf(e.Stderr, "falconctl: unrecognized option '%s'\nusage: falconctl -g [--aid] ...\n", option)
						return farm.Exit(1)
					}
				}
				if slices.Contains(e.Argv, "--tags") {
					fmt.Fprintln(e.Stdout, "tags=a,b.")
					return farm.Succeed()
				}
				fmt.Fprintf(e.Stdout, "aid=%q, cid=%q, version = %s\n", id, customer, c.version)
				return farm.Succeed()
			}}
			cluster := onFarm(t, f)
			pods, _, err := Find(t.Context(), cluster, Selection{Namespace: "team-a"})
			if err != nil {
				t.Fatal(err)
			}
			r := Run(t.Context(), cluster, pods, Options{Details: true, CID: customer + "-12"}).Pods[0]
			if r.AID != id || r.Details == nil || r.Details.CIDMatch != Matches || r.Details.Version != c.version {
				t.Errorf("got %+v with %+v", r, r.Details)
			}
			if asked := f.Execs("web"); asked > c.most {
				t.Errorf("it was asked %d times, want at most %d", asked, c.most)
			}
		})
	}
}
