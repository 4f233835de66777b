package aid

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
)

// DefaultPodTimeout is how long one sensor may take, with all attempts.
const DefaultPodTimeout = 15 * time.Second

// retries is how often a pod is asked again when the connection broke, and backoff the first wait before it.
const retries = 2

var backoff = 200 * time.Millisecond

// asker asks sensors.
type asker struct {
	e       *kube.Executor
	timeout time.Duration
	// details says to ask for more than the id.
	details bool
	// cid is the configured customer id, for comparison.
	cid   string
	cache *Cache
}

func newAsker(c *kube.Cluster, o Options) *asker {
	a := &asker{e: kube.NewExecutor(c), timeout: o.PodTimeout, details: o.Details, cid: o.CID, cache: o.Cache}
	if a.timeout <= 0 {
		a.timeout = DefaultPodTimeout
	}
	return a
}

// ask returns the pod's id or why it has none. Of a pod that cannot answer nothing is asked.
func (a *asker) ask(ctx context.Context, p *Pod) Result {
	r := p.result()
	if r.Reason != "" {
		return r
	}
	if id, known := a.cache.get(p); known && !a.details {
		r.AID, r.Cached = id, true
		return r
	}
	within, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	var out kube.Output
	var err error
	if a.details {
		out, err = a.askMore(within, p, &r)
	} else {
		out, err = a.run(within, p, "--aid")
	}
	r.judge(ctx, out, err, a.timeout)
	if r.AID == zeros {
		r.flag(AllZero)
	}
	if r.AID != "" {
		a.cache.put(p, r.AID)
	}
	return r
}

// run runs falconctl for some options, again if the connection broke.
func (a *asker) run(ctx context.Context, p *Pod, options ...string) (out kube.Output, err error) {
	for attempt := 0; ; attempt++ {
		out, err = a.e.Run(ctx, kube.Command{Namespace: p.Namespace, Pod: p.Name, Container: p.container,
			Argv: append([]string{"falconctl", "-g"}, options...)})
		if err == nil || attempt == retries || classify(err) != Transport {
			return out, err
		}
		select {
		case <-ctx.Done():
			return out, err
		case <-time.After(backoff << attempt):
		}
	}
}

// further are the options asked for besides the id, all in one run.
var further = []string{"--aid", "--cid", "--version", "--apd", "--aph", "--app", "--trace", "--rfm-state", "--rfm-reason"}

// strange is how falconctl names an option that its version does not have.
var strange = regexp.MustCompile(`unrecognized option ['"‘]?(--[a-z-]+)`)

// askMore asks for the details along with the id. A sensor that does not know an option is asked for the
// rest, and at the last for the id alone: details must not cost it. The tags come by themselves, since older
// versions print nothing before them.
func (a *asker) askMore(ctx context.Context, p *Pod, r *Result) (kube.Output, error) {
	options := slices.Clone(further)
	var out kube.Output
	var err error
	for {
		if out, err = a.run(ctx, p, options...); err != nil {
			return out, err
		}
		m := strange.FindStringSubmatch(out.Stderr + out.Stdout)
		if m == nil || m[1] == "--aid" || !slices.Contains(options, m[1]) {
			break
		}
		options = slices.DeleteFunc(options, func(o string) bool { return o == m[1] })
	}
	d := ParseDetails(out.Stdout)
	if _, parseErr := Parse(out.Stdout); errors.Is(parseErr, errNoAnswer) && len(options) > 1 {
		if out, err = a.run(ctx, p, "--aid"); err != nil {
			return out, err
		}
	}
	if tags, err := a.run(ctx, p, "--tags"); err == nil {
		d.Tags = ParseDetails(tags.Stdout).Tags
	}
	d.CIDMatch = Compare(d.CID, a.cid)
	r.Details = &d
	return out, nil
}

// judge makes a result of what an attempt came to.
func (r *Result) judge(ctx context.Context, out kube.Output, err error, timeout time.Duration) {
	if err != nil {
		r.fail(ctx, err, timeout)
		return
	}
	id, err := Parse(out.Stdout)
	if err == nil {
		r.AID = id
		return
	}
	if errors.Is(err, ErrUnset) {
		r.Reason, r.Message = NotRegistered, "has a sensor without an agent id yet"
		return
	}
	said := strings.TrimSpace(out.Stderr)
	if said == "" {
		said = strings.TrimSpace(out.Stdout)
	}
	what := fmt.Sprintf("has a sensor that gives no answer: %v (exit code %d, it said %.120q)", err, out.ExitCode, said)
	switch {
	case out.ExitCode == 126 || out.ExitCode == 127:
		r.Reason = NoFalconctl
	case out.ExitCode != 0:
		r.Reason = ExitCode
	case len(out.Stdout) == kube.MaxOutput:
		r.Reason = TooMuchOutput
		what = fmt.Sprintf("has a sensor that gives no answer: %v in its first %d KiB of output", err, kube.MaxOutput>>10)
	case said == "":
		r.Reason = NoAnswer
	default:
		r.Reason = NotUnderstood
	}
	r.Message = what
}

// fail makes a result of an error of the cluster. ctx is the run's own: its end is not the sensor's fault.
func (r *Result) fail(ctx context.Context, err error, timeout time.Duration) {
	r.cause, r.Reason = err, classify(err)
	if ctx.Err() != nil {
		r.Reason, r.cause = Canceled, ctx.Err()
	}
	switch r.Reason {
	case Canceled:
		r.Message = "was not asked to the end"
	case Timeout:
		r.Message = fmt.Sprintf("did not answer within %s", timeout)
	case Gone:
		r.Message = "is gone"
	case SensorRestarting:
		r.Message = "has a sensor that is being started again: " + err.Error()
	case Forbidden:
		r.Message = "may not be asked by you: " + err.Error()
	case NoFalconctl:
		r.Message = "has no falconctl in its sensor: " + err.Error()
	default:
		r.Message = "could not be asked: " + err.Error()
	}
}

// The kubelet's words, which come as text. It has several for a container that is not there just now, by the
// runtime and the moment.
var (
	restarting = regexp.MustCompile(`(?i)container not found|container .*is not (running|created|valid)|not in running state|` +
		`task .* not found|container is in CONTAINER_EXITED|cannot exec in a (stopped|deleted)|container .*not running`)
	noProgram = regexp.MustCompile(`(?i)executable file not found|no such file or directory`)
	// runtimeSays is before what only the container's runtime can have said, not the way to it.
	runtimeSays = regexp.MustCompile(`(?i)exec failed|failed to exec|failed to start exec`)
	podGone     = regexp.MustCompile(`(?i)pods? "?[^"]*"? (not found|does not exist)|pod does not exist`)
)

// classify says what an error of exec is about. What is none of the server's or the kubelet's answers is the
// transport's.
func classify(err error) Reason {
	text := err.Error()
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return Timeout
	case errors.Is(err, context.Canceled):
		return Canceled
	case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err):
		return Forbidden
	case restarting.MatchString(text):
		return SensorRestarting
	case apierrors.IsNotFound(err), podGone.MatchString(text):
		return Gone
	case runtimeSays.MatchString(text) && noProgram.MatchString(text):
		return NoFalconctl
	}
	return Transport
}
