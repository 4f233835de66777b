package injector

import (
	"fmt"
	"io"
	"log"
	"strconv"
	"strings"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/standin"
)

// LogForm is the look of the injector's log, which changed between versions.
type LogForm string

// The two looks seen in public.
const (
	LogPlain  LogForm = "plain"
	LogLogrus LogForm = "logrus"
)

func parseLogForm(env standin.Env) (LogForm, error) {
	switch form := LogForm(env.Get(standin.EnvLog, string(LogPlain))); form {
	case LogPlain, LogLogrus:
		return form, nil
	default:
		return "", fmt.Errorf("%s=%q: want plain or logrus", standin.EnvLog, form)
	}
}

// Log writes the injector's log lines.
type Log struct {
	form LogForm
	out  *log.Logger
	now  func() time.Time
}

// NewLog writes to w in the given form.
func NewLog(w io.Writer, form LogForm) *Log {
	return &Log{form: form, out: log.New(w, "", 0), now: time.Now}
}

// Starting is the first line, and the one that tells the stand-in from the
// real injector.
func (l *Log) Starting() {
	if l.form == LogLogrus {
		l.fields("info", "injector server starting ...")
		l.fields("info", standin.Notice)
		return
	}
	// The earlier form carries no date on its first line.
	l.out.Print("injector server starting ...")
	l.out.Print(standin.Notice)
}

// Handling opens the work on one request.
func (l *Log) Handling(uid, namespace string) {
	l.line("info", fmt.Sprintf("Handling webhook request with id %s in namespace %s ...", uid, namespace))
}

// Handled closes the work on one request.
func (l *Log) Handled(uid, namespace string) {
	l.line("info", fmt.Sprintf("Webhook request with id %s in namespace %s handled successfully!", uid, namespace))
}

// FoundRegistry is known of the later form alone.
func (l *Log) FoundRegistry(image, namespace, pod, registry string) {
	if l.form == LogLogrus {
		l.fields("info", "Found registry",
			"image", image, "namespace", namespace, "podName", pod, "registry", registry)
	}
}

// Failed closes a request that was denied. Its earlier form is not public; the
// later one's words serve for both.
func (l *Log) Failed(err error) {
	const text = "Failed to handle webhook request"
	if l.form == LogLogrus {
		l.fields("error", text, "error", err.Error())
		return
	}
	l.line("error", text+": "+err.Error())
}

// Write makes Log the place for what net/http has to say.
func (l *Log) Write(text []byte) (int, error) {
	l.line("warning", strings.TrimRight(string(text), "\n"))
	return len(text), nil
}

func (l *Log) line(level, text string) {
	if l.form == LogLogrus {
		l.fields(level, text)
		return
	}
	l.out.Print(l.now().Format("2006/01/02 15:04:05 ") + text)
}

func (l *Log) fields(level, message string, pairs ...string) {
	line := "time=" + quote(l.now().Format(time.RFC3339)) + " level=" + level + " msg=" + quote(message)
	for i := 0; i+1 < len(pairs); i += 2 {
		line += " " + pairs[i] + "=" + quote(pairs[i+1])
	}
	l.out.Print(line)
}

// quote quotes a value where that later form does: when it holds anything but
// letters, digits and a few marks.
func quote(value string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._/@^+"
	if value != "" && strings.Trim(value, plain) == "" {
		return value
	}
	return strconv.Quote(value)
}
