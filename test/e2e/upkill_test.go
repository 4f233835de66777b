//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/test/fakes/aws"
	"github.com/kubectl-falcon/kubectl-falcon/test/fakes/falconapi"
)

// askedAPI is before the stand-in of the Falcon API, counts what it is asked, and may have the asker killed.
type askedAPI struct {
	api *falconapi.Server

	mu    sync.Mutex
	paths []string
	// at is the number of the request, from 1, at which kill is called.
	at   int
	kill func()
}

// ServeHTTP passes a request on, or has its sender killed.
func (a *askedAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	a.paths = append(a.paths, r.Method+" "+r.URL.Path)
	kill := a.kill
	if len(a.paths) != a.at {
		kill = nil
	}
	a.mu.Unlock()
	if kill != nil {
		kill()
		panic(http.ErrAbortHandler)
	}
	a.api.ServeHTTP(w, r)
}

// end kills nobody any more.
func (a *askedAPI) end() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.kill = nil
}

// begin forgets what was asked so far.
func (a *askedAPI) begin(at int, kill func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.paths, a.at, a.kill = nil, at, kill
}

// place is one at which up is killed.
type place struct {
	name string
	// call is a call of AWS, and what is done to its connection.
	call aws.Fault
	// step is a request to the cluster, api the number of one to the Falcon API.
	step step
	api  int
}

// few are the places at which up is killed in every run of the suite; make crash has all.
var few = []string{"after ecr:PutImage", "after eks:CreateFargateProfile", "killed after at PATCH /apis/apps/v1/namespaces/falcon-system/deployments",
	"in the demo killed after at PATCH /apis/apps"}

func (p place) chosen() bool {
	return full() || slices.ContainsFunc(few, func(name string) bool { return strings.HasPrefix(p.name, name) })
}

// killer kills up at places, and holds that another up reaches the same end.
type killer struct {
	*guideRig
	args []string
	// image, wanted and created are of a run that nobody disturbed.
	image   string
	wanted  map[string]string
	created map[string]int
	tried   int
	failed  []string
}

// start runs up through the proxy, and kills it at a place if it comes there. It returns whether it did.
func (k *killer) start(t *testing.T, at place) (killed bool, code int) {
	t.Helper()
	through := *k.lab
	through.kubeconfig = k.chaos.kubeconfig
	cmd := through.withEnv(k.env, k.args...)
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	started, ended := make(chan struct{}), make(chan struct{})
	var once sync.Once
	kill := func() {
		<-started
		once.Do(func() { _ = cmd.Process.Kill() })
		<-ended
	}
	k.cloud.ClearLog()
	if at.call.Kind != "" {
		at.call.Met = kill
		k.cloud.Break(at.call)
	}
	defer k.cloud.Mend()
	k.asked.begin(at.api, kill)
	defer k.asked.end()
	what := disturbance{}
	if at.step.fault != "" {
		what.steps = []step{at.step}
	}
	if err := k.chaos.begin(what, kill, cmd.Start); err != nil {
		t.Fatal(err)
	}
	close(started)
	go func() {
		// How it ended is in ProcessState.
		_ = cmd.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(2 * runLimit):
		t.Errorf("up did not end by itself:\n%s", said.String())
		kill()
	}
	keepsSecrets(t, cmd.String(), said.String())
	status, _ := cmd.ProcessState.Sys().(syscall.WaitStatus)
	killed = status.Signaled() && status.Signal() == syscall.SIGKILL
	if !killed && at.name != "" {
		t.Errorf("up never came to the place:\n%s", said.String())
	}
	return killed, cmd.ProcessState.ExitCode()
}

// creations count what was created in AWS, by action and object. after says that a call whose connection was
// cut was done.
func creations(calls []aws.Call, after bool) map[string]int {
	count := map[string]int{}
	for _, call := range calls {
		_, what, _ := strings.Cut(call.Action, ":")
		done := call.Status/100 == 2 || call.Cut && after
		if done && (strings.HasPrefix(what, "Create") || what == "PutImage") {
			count[call.Action+" "+call.Resource]++
		}
	}
	return count
}

// undisturbed runs up without a kill, and notes its end and the places on its way.
func (k *killer) undisturbed(t *testing.T) (inAWS, inCluster, inAPI []place) {
	t.Helper()
	if _, code := k.start(t, place{}); code != 0 {
		t.Fatalf("up without a kill ends with %d", code)
	}
	calls := k.cloud.Calls()
	points, _ := k.chaos.seen()
	k.asked.mu.Lock()
	paths := k.asked.paths
	k.asked.mu.Unlock()
	k.created = creations(calls, false)
	nth := map[string]int{}
	for _, call := range calls {
		n := nth[call.Action]
		nth[call.Action]++
		// What only reads leaves what the change before it left; but while a profile is made, time passes.
		waits := call.Action == "eks:DescribeFargateProfile" && nth["eks:CreateFargateProfile"] == 1
		if waits {
			nth["eks:CreateFargateProfile"]++
		}
		for _, kind := range []aws.Kind{aws.Cut, aws.CutAfter} {
			if !changesAWS(call.Action) && !(waits && kind == aws.Cut) {
				continue
			}
			when := map[aws.Kind]string{aws.Cut: "before", aws.CutAfter: "after"}[kind]
			inAWS = append(inAWS, place{name: fmt.Sprintf("%s %s, number %d", when, call.Action, n+1),
				call: aws.Fault{Action: call.Action, Kind: kind, After: n, Times: 1}})
		}
	}
	inAWS = append(inAWS, place{name: "in the middle of a blob", call: aws.Fault{Kind: aws.Cut, Bytes: 1000, Times: 1}})
	for _, p := range points {
		for _, f := range kills {
			inCluster = append(inCluster, place{name: step{f, p}.String(), step: step{f, p}})
		}
	}
	for n := range paths {
		inAPI = append(inAPI, place{name: "at the Falcon API's " + paths[n], api: n + 1})
	}
	return inAWS, inCluster, inAPI
}

// inDemo are the places in the last stage, when all before it is there: where it changes the cluster, and where it
// asks the Falcon API something for the first time, since it asks for detections until there is one.
func (k *killer) inDemo(t *testing.T) (places []place) {
	t.Helper()
	_, inCluster, inAPI := k.undisturbed(t)
	asked := map[string]bool{}
	for _, p := range inAPI {
		if !asked[p.name] {
			places = append(places, p)
		}
		asked[p.name] = true
	}
	places = append(places, inCluster...)
	for n := range places {
		places[n].name = "in the demo " + places[n].name
	}
	if len(places) < 10 {
		t.Fatalf("the demo has only these places: %v", places)
	}
	return places
}

// changesAWS says whether an action of AWS changes something.
func changesAWS(action string) bool {
	_, what, _ := strings.Cut(action, ":")
	for _, word := range []string{"Get", "List", "Describe", "Batch"} {
		if strings.HasPrefix(what, word) {
			return false
		}
	}
	return true
}

// end notes where an undisturbed run has led.
func (k *killer) end(t *testing.T) {
	t.Helper()
	r := k.run(t, append(slices.Clone(k.args), "-o", "json")...)
	wantCode(t, r, 0)
	k.image = read[shownStages](t, r.stdout).Image
	var err error
	if k.wanted, err = k.made(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// at kills up at each of the places, runs it again, compares, and goes back to where it began.
func (k *killer) at(t *testing.T, places []place, back func(t *testing.T)) {
	t.Helper()
	for _, p := range places {
		if !p.chosen() {
			continue
		}
		ok := t.Run(strings.ReplaceAll(p.name, "/", "|"), func(t *testing.T) {
			began := time.Now()
			k.tried++
			if killed, _ := k.start(t, p); !killed {
				return
			}
			cut := k.cloud.Calls()
			k.cloud.ClearLog()
			r := k.run(t, append(slices.Clone(k.args), "-o", "json")...)
			wantCode(t, r, 0)
			if got := read[shownStages](t, r.stdout).Image; got != k.image {
				t.Errorf("the image is %s, and was %s", got, k.image)
			}
			twice := creations(append(cut, k.cloud.Calls()...), p.call.Kind == aws.CutAfter)
			for what, times := range twice {
				if times > k.created[what] {
					t.Errorf("%s was done %d times, and %d times without a kill", what, times, k.created[what])
				}
			}
			now, err := k.made(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range changed(k.wanted, now) {
				t.Error("not as without a kill: " + line)
			}
			back(t)
			t.Logf("it took %s", time.Since(began).Round(100*time.Millisecond))
		})
		if !ok {
			k.failed = append(k.failed, p.name)
		}
	}
}

// killedAnywhere kills up at each of its changes, before it is done and before its answer comes; the same command
// again reaches the same end, and makes nothing twice.
//
// The injector's stage begins when all in AWS is done, and the demo when the injector is there, and so each place
// starts from the state in which up comes there: those in AWS with an injector that is there and AWS empty, those
// in the cluster with all of AWS there, those in the demo with everything.
func (g *guideRig) killedAnywhere(t *testing.T, before map[string]string) {
	g.chaos = newChaos(t, g.kubeconfig)
	nothing, err := g.cloud.Inventory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	g.cloud.SetTimes(aws.Times{ProfileCreate: 700 * time.Millisecond, ProfileDelete: 100 * time.Millisecond})
	k := &killer{guideRig: g, args: upArgs("--no-demo")}
	inAWS, inCluster, inAPI := k.undisturbed(t)
	if len(inAWS) < 20 || len(inCluster) < 10 || len(inAPI) < 3 {
		t.Fatalf("up has only these places: %v, %v, %v", inAWS, inCluster, inAPI)
	}
	k.end(t)
	emptyAWS := func(t *testing.T) {
		t.Helper()
		for _, args := range [][]string{{"fargate", "delete", "--cluster", cloudCluster}, {"irsa", "delete", "--cluster", cloudCluster},
			{"ecr", "delete", "falcon-sensor", "--force"}} {
			wantCode(t, g.run(t, append(append([]string{"aws"}, args...), "--yes")...), 0)
		}
		left, err := g.cloud.Inventory(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range changed(nothing, left) {
			t.Error("left in AWS: " + line)
		}
	}
	g.held.Store(true)
	emptyAWS(t)
	k.at(t, append(inAPI, inAWS...), emptyAWS)
	wantCode(t, g.run(t, k.args...), 0)
	g.held.Store(false)
	g.mustFalcon(t, "uninstall")
	k.at(t, inCluster, func(t *testing.T) { g.mustFalcon(t, "uninstall") })
	// The demo comes last, since it has a Fargate profile of its own.
	wantCode(t, g.run(t, k.args...), 0)
	demo := &killer{guideRig: g, args: upArgs()}
	inDemo := demo.inDemo(t)
	demo.end(t)
	demo.at(t, inDemo, func(*testing.T) {})
	wantCode(t, g.run(t, downArgs()...), 0)
	g.nothingLeft(t, before)
	all, failed := len(inAWS)+len(inCluster)+len(inAPI)+len(inDemo), append(k.failed, demo.failed...)
	t.Logf("up was killed at %d places of %d; %d failed: %s", k.tried+demo.tried, all, len(failed), strings.Join(failed, "; "))
}
