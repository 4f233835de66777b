package logs

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
)

const (
	// againAfter is how long after a log has ended or broken it is asked for again.
	againAfter = time.Second
	// breaks is how often in a row a log that is not followed may break before that is an error.
	breaks = 3
	// mostLine bounds a line, in bytes; the rest of a longer one is left out, and that is said.
	mostLine = 256 << 10
	cutMark  = " ... (cut)"
)

// reader reads the log of one container, again from where it was after it broke.
type reader struct {
	c      *kube.Cluster
	o      Options
	at     Container
	stream int
	in     chan<- event
	room   chan struct{}
	tell   Teller

	// last is the time of the last line that went on, same how many in a row had that time.
	last time.Time
	same int
	// restarts is how often the container had been restarted when the log was opened.
	restarts int32
	said     string
}

// errEnded is a container or a pod from which nothing more will come.
var errEnded = errors.New("it has ended")

// run reads until the log's end, or with Follow until nothing more can come. The error says why there is
// none.
func (r *reader) run(ctx context.Context) error {
	for broken := 0; ; {
		before := r.last
		err := r.once(ctx, r.o.Previous)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case apierrors.IsForbidden(err):
			return err
		case !r.o.Follow && err == nil:
			return nil
		case !r.o.Follow:
			if r.last.After(before) {
				broken = 0
			}
			if _, quiet := errors.AsType[*silent](err); quiet || apierrors.IsNotFound(err) || broken >= breaks {
				return err
			}
			broken++
		}
		if r.o.Follow {
			if errors.Is(r.next(ctx, err), errEnded) {
				return nil
			}
			continue
		}
		if err := pause(ctx, againAfter); err != nil {
			return err
		}
	}
}

// next waits until a log that is followed may be opened again. Of a container that was restarted meanwhile
// it first reads what the run before had to say at last.
func (r *reader) next(ctx context.Context, err error) error {
	if err := pause(ctx, againAfter); err != nil {
		return errEnded
	}
	broke := err
	pod, err := r.c.Client.CoreV1().Pods(r.at.Namespace).Get(ctx, r.at.Pod, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return errEnded
	case broke != nil && broke.Error() != r.said:
		r.said = broke.Error()
		r.tell("%s; trying again", kube.Explain(broke, r.c).Error())
	}
	switch {
	case err != nil:
		// The log itself may be readable where the pod is not.
		return nil
	case pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed:
		return errEnded
	}
	for _, s := range pod.Status.ContainerStatuses {
		if s.Name != r.at.Name {
			continue
		}
		if s.RestartCount > r.restarts && !r.last.IsZero() {
			_ = r.once(ctx, true)
		}
		r.restarts = s.RestartCount
	}
	return nil
}

// once opens the log and reads it to its end. A log that breaks is an error.
func (r *reader) once(ctx context.Context, previous bool) error {
	options := &corev1.PodLogOptions{Container: r.at.Name, Timestamps: true, Previous: previous, Follow: r.o.Follow && !previous}
	since := r.o.Since
	if !r.last.IsZero() {
		since = r.last
	} else if r.o.Tail >= 0 {
		options.TailLines = &r.o.Tail
	}
	if !since.IsZero() {
		// It goes as whole seconds, so what has been read is sent again.
		at := metav1.NewTime(since)
		options.SinceTime = &at
	}
	body, err := r.c.Client.CoreV1().Pods(r.at.Namespace).GetLogs(r.at.Pod, options).Stream(ctx)
	if apierrors.IsBadRequest(err) {
		return r.quiet(ctx, previous, err)
	}
	if err != nil {
		return fmt.Errorf("read the log of container %s in pod %s/%s: %w", r.at.Name, r.at.Namespace, r.at.Pod, err)
	}
	defer body.Close()
	r.said = ""
	if err := r.lines(ctx, body); err != nil {
		return fmt.Errorf("the log of container %s in pod %s/%s broke off: %w", r.at.Name, r.at.Namespace, r.at.Pod, err)
	}
	return nil
}

// quiet is the error of a container that has not started, with the reason that its pod gives.
func (r *reader) quiet(ctx context.Context, previous bool, err error) error {
	why := err.Error()
	if !previous {
		if pod, err := r.c.Client.CoreV1().Pods(r.at.Namespace).Get(ctx, r.at.Pod, metav1.GetOptions{}); err == nil {
			if trouble := kube.Trouble(pod); trouble != "" {
				why = trouble
			}
		}
	}
	return &silent{r.at, previous, why}
}

// lines sends the lines of a log on, without those that have gone before.
func (r *reader) lines(ctx context.Context, body io.Reader) error {
	until, skip := r.last, r.same
	again := !until.IsZero()
	in := bufio.NewReaderSize(body, 32<<10)
	for {
		text, err := readLine(in)
		if err != nil && !(errors.Is(err, io.EOF) && text != "") {
			if errors.Is(err, io.EOF) {
				return nil
			}
			// What came of the last line is not all of it; it is read again.
			return err
		}
		at, message := stamped(text)
		if at.IsZero() {
			// The kubelet's own words have no time.
			at = r.last
		} else if again && at.Before(until) {
			continue
		} else if again && at.Equal(until) && skip > 0 {
			skip--
			continue
		} else {
			again = false
			if !at.Equal(r.last) {
				r.last, r.same = at, 0
			}
			r.same++
		}
		select {
		case r.room <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		line := &Line{Namespace: r.at.Namespace, Pod: r.at.Pod, Container: r.at.Name, Time: at, Message: message}
		if err := r.send(ctx, event{stream: r.stream, line: line}); err != nil {
			return err
		}
	}
}

func (r *reader) send(ctx context.Context, e event) error {
	select {
	case r.in <- e:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// readLine returns the next line without its end. At the end of the log, or when that breaks, it returns what
// there is with the error.
func readLine(in *bufio.Reader) (string, error) {
	var text strings.Builder
	cut := false
	for {
		part, err := in.ReadSlice('\n')
		if room := mostLine - text.Len(); len(part) > room {
			part, cut = part[:room], true
		}
		text.Write(part)
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		line := strings.TrimRight(text.String(), "\r\n")
		if cut {
			line += cutMark
		}
		return line, err
	}
}

// stamped takes the time from the beginning of a line.
func stamped(text string) (time.Time, string) {
	stamp, message, _ := strings.Cut(text, " ")
	at, err := time.Parse(time.RFC3339Nano, stamp)
	if err != nil {
		return time.Time{}, text
	}
	return at.UTC(), message
}
