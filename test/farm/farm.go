// Package farm is an API server of nothing but pods, whose containers run whatever a test says when a
// command is executed in them. It is for tests and measurements of what asks many pods: a real node would
// not hold them.
package farm

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/streaming/pkg/httpstream/wsstream"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube/clientset"
)

// Exec is one command in a container.
type Exec struct {
	Namespace, Pod, Container string
	Argv                      []string
	Stdout, Stderr            io.Writer
	// Cut breaks the connection.
	Cut func()
	// Over is closed when the client has gone.
	Over <-chan struct{}
}

// Farm is the server. What it is made of may not be changed while it serves.
type Farm struct {
	Pods []*corev1.Pod
	// Run runs a command and returns its end.
	Run func(Exec) metav1.Status
	// Refuse answers the request for an exec instead, if it is set and returns true.
	Refuse func(w http.ResponseWriter, r *http.Request, pod string) bool
	// RoundTrip is how long each request takes on the way; an exec takes three, for its connection.
	RoundTrip time.Duration

	mu    sync.Mutex
	execs map[string]int
	reads int
	now   int
	most  int
}

// Succeed is the end of a command that went well.
func Succeed() metav1.Status { return metav1.Status{Status: metav1.StatusSuccess} }

// Exit is the end of a command with an exit code, in the kubelet's form.
func Exit(code int) metav1.Status {
	if code == 0 {
		return Succeed()
	}
	return metav1.Status{Status: metav1.StatusFailure, Reason: "NonZeroExitCode",
		Message: fmt.Sprintf("command terminated with exit code %d", code),
		Details: &metav1.StatusDetails{Causes: []metav1.StatusCause{{Type: "ExitCode", Message: strconv.Itoa(code)}}}}
}

// Fail is the end of a command that the kubelet could not run.
func Fail(message string) metav1.Status {
	return metav1.Status{Status: metav1.StatusFailure, Reason: metav1.StatusReasonInternalError, Code: http.StatusInternalServerError, Message: message}
}

// Start starts the server; close ends it.
func (f *Farm) Start() (address string, end func()) {
	f.execs = map[string]int{}
	server := httptest.NewServer(f)
	return server.URL, func() {
		server.CloseClientConnections()
		server.Close()
	}
}

// Execs is how many commands were asked for in a pod, and Most how many ran at the same time in all.
func (f *Farm) Execs(pod string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.execs[pod]
}

// Most is how many commands ran at the same time.
func (f *Farm) Most() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.most
}

// Reads is how many requests were made besides commands.
func (f *Farm) Reads() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.reads
}

// ServeHTTP implements http.Handler.
func (f *Farm) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f.discover(w, r) {
		return
	}
	part := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case len(part) == 7 && part[4] == "pods" && part[6] == "exec":
		f.exec(w, r, part[3], part[5])
		return
	case len(part) == 6 && part[4] == "pods":
		for _, p := range f.Pods {
			if p.Namespace == part[3] && p.Name == part[5] {
				f.reply(w, r, p)
				return
			}
		}
	case len(part) == 5 && part[4] == "pods":
		f.list(w, r, part[3])
		return
	case len(part) == 3 && part[2] == "pods":
		f.list(w, r, "")
		return
	}
	Answer(w, http.StatusNotFound, metav1.StatusReasonNotFound, "not found")
}

// Answer sends the API's own form of an error.
func Answer(w http.ResponseWriter, code int, reason metav1.StatusReason, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(metav1.Status{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"},
		Status: metav1.StatusFailure, Code: int32(code), Reason: reason, Message: message})
}

// list sends a page. The continue token is where the next one begins.
func (f *Farm) list(w http.ResponseWriter, r *http.Request, namespace string) {
	selector, err := labels.Parse(r.URL.Query().Get("labelSelector"))
	if err != nil {
		Answer(w, http.StatusBadRequest, metav1.StatusReasonBadRequest, err.Error())
		return
	}
	limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
	from, _ := strconv.Atoi(r.URL.Query().Get("continue"))
	list := &corev1.PodList{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "PodList"}, ListMeta: metav1.ListMeta{ResourceVersion: "1"}}
	for n := from; n < len(f.Pods); n++ {
		p := f.Pods[n]
		if namespace != "" && p.Namespace != namespace || !selector.Matches(labels.Set(p.Labels)) {
			continue
		}
		if limit > 0 && len(list.Items) == limit {
			list.Continue = strconv.Itoa(n)
			break
		}
		list.Items = append(list.Items, *p)
	}
	f.reply(w, r, list)
}

// protobuf is what typed clients ask for, and what a real server sends them; kubectl asks for JSON.
var protobuf = func() runtime.Encoder {
	const form = "application/vnd.kubernetes.protobuf"
	all := clientset.Codecs().SupportedMediaTypes()
	n := slices.IndexFunc(all, func(i runtime.SerializerInfo) bool { return i.MediaType == form })
	return clientset.Codecs().EncoderForVersion(all[n].Serializer, corev1.SchemeGroupVersion)
}()

func (f *Farm) reply(w http.ResponseWriter, r *http.Request, o runtime.Object) {
	f.mu.Lock()
	f.reads++
	f.mu.Unlock()
	time.Sleep(f.RoundTrip)
	if !strings.Contains(r.Header.Get("Accept"), "protobuf") {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(o)
		return
	}
	w.Header().Set("Content-Type", "application/vnd.kubernetes.protobuf")
	_ = protobuf.Encode(o, w)
}

func (f *Farm) exec(w http.ResponseWriter, r *http.Request, namespace, pod string) {
	f.mu.Lock()
	f.execs[pod]++
	f.now++
	f.most = max(f.most, f.now)
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.now--
	}()
	if f.Refuse != nil && f.Refuse(w, r, pod) {
		return
	}
	time.Sleep(3 * f.RoundTrip)
	kept := &keeping{ResponseWriter: w}
	write, read := wsstream.WriteChannel, wsstream.ReadChannel
	conn := wsstream.NewConn(map[string]wsstream.ChannelProtocolConfig{"v5.channel.k8s.io": {
		Binary: true, Channels: []wsstream.ChannelType{read, write, write, write, read}}})
	_, channels, err := conn.Open(kept, r)
	if err != nil {
		return
	}
	defer conn.Close()
	over := make(chan struct{})
	go func() {
		defer close(over)
		_, _ = io.Copy(io.Discard, channels[0])
	}()
	q := r.URL.Query()
	status, err := json.Marshal(f.Run(Exec{Namespace: namespace, Pod: pod, Container: q.Get("container"), Argv: q["command"],
		Stdout: channels[1], Stderr: channels[2], Cut: kept.cut, Over: over}))
	if err == nil {
		_, _ = channels[3].Write(status)
	}
}

// keeping keeps the connection that is taken over.
type keeping struct {
	http.ResponseWriter
	conn net.Conn
}

// Hijack implements http.Hijacker.
func (k *keeping) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	hijacker, ok := k.ResponseWriter.(http.Hijacker)
	if !ok {
		return nil, nil, errors.New("the connection cannot be taken over")
	}
	conn, buffer, err := hijacker.Hijack()
	k.conn = conn
	return conn, buffer, err
}

func (k *keeping) cut() {
	if k.conn != nil {
		_ = k.conn.Close()
	}
}
