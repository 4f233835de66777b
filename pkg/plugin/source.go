package plugin

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"unicode/utf16"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// The kinds of source: what stands before the colon.
const (
	fromFile   = "file"
	fromEnv    = "env"
	fromSecret = "secret"
	fromStdin  = "-"
	// literal is the value itself.
	literal = "value"
)

// mostInput bounds what is read of a file or stdin: somebody names /dev/zero some day.
const mostInput = 1 << 20

// credential is a value that may be kept elsewhere than on the command line.
type credential struct {
	flag, env string
	// key is where a Secret has it unless it is told another.
	key string
	// open says that it may be given itself.
	open bool
}

var (
	cidCredential   = credential{flag: "cid", env: "FALCON_CID", key: "falcon-cid", open: true}
	tokenCredential = credential{flag: "provisioning-token", env: "FALCON_PROVISIONING_TOKEN", key: "falcon-provisioning-token"}
)

// source is where a credential is.
type source struct {
	credential
	// given is how the user gave it: the flag, or a file's line and key.
	given string
	kind  string
	// name is that of the file, variable or Secret, key the one in the Secret. Of a literal name is the
	// value, which must not be shown.
	name, key string
}

// String names the source for messages, never its value.
func (s source) String() string {
	switch s.kind {
	case literal:
		return s.given
	case fromStdin:
		return s.given + " -"
	case fromSecret:
		return s.given + " secret:" + s.name + "/" + s.key
	}
	return s.given + " " + s.kind + ":" + s.name
}

// parse understands what was written as a flag's value. It shows nothing of it that could be the secret.
func (c credential) parse(given, written string) (source, error) {
	s := source{credential: c, given: given}
	kind, name, ok := strings.Cut(strings.TrimSpace(written), ":")
	switch {
	case kind == fromStdin && !ok:
		s.kind = fromStdin
	case ok && (kind == fromFile || kind == fromEnv || kind == fromSecret):
		if s.kind, s.name = kind, name; name == "" {
			return s, problem.New(problem.BadInput, "write "+c.forms(), "%s: there is no name behind %s:", given, kind)
		}
	case c.open:
		s.kind, s.name = literal, strings.TrimSpace(written)
	default:
		return s, problem.New(problem.BadInput, "write "+c.forms()+", or set "+c.env,
			"%s takes where the token is, never itself: others can read command lines and files of flags (what was given is not shown)", given)
	}
	if s.kind == fromSecret {
		return s, s.splitKey()
	}
	return s, nil
}

// forms are the ways to name a source.
func (c credential) forms() string {
	flag := "--" + c.flag
	return fmt.Sprintf("%s file:PATH, %[1]s env:NAME, %[1]s secret:NAME[/KEY] (in namespace %s) or %[1]s -", flag, manifest.Namespace)
}

func (s *source) splitKey() error {
	name, key, ok := strings.Cut(s.name, "/")
	if !ok {
		key = s.credential.key
	}
	if name == "" || key == "" || strings.Contains(key, "/") {
		return problem.New(problem.BadInput, "write --"+s.flag+" secret:NAME or secret:NAME/KEY",
			"%s: secret:%s does not name a Secret", s.given, s.name)
	}
	s.name, s.key = name, key
	return nil
}

// local reads a source that needs no cluster.
func (s source) local(in *stdin) (string, error) {
	var value string
	switch s.kind {
	case literal:
		return s.name, nil
	case fromEnv:
		value = os.Getenv(s.name)
	case fromFile:
		content, err := readFile(s.String(), s.name)
		if err != nil {
			return "", err
		}
		value = string(content)
	case fromStdin:
		content, err := in.read(s.String())
		if err != nil {
			return "", err
		}
		value = string(content)
	}
	return s.trimmed(value)
}

// trimmed takes away what editors and echo put around a value.
func (s source) trimmed(value string) (string, error) {
	if value = strings.TrimSpace(value); value == "" {
		return "", problem.New(problem.BadInput, "put the value there, or name another source", "%s: there is nothing in it", s)
	}
	return value, nil
}

// remote reads a source that is in the cluster.
func (s source) remote(ctx context.Context, c *kube.Cluster) (string, error) {
	secret, err := c.Client.CoreV1().Secrets(manifest.Namespace).Get(ctx, s.name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return "", problem.New(problem.BadInput, "make it first, or name another source",
			"%s: there is no secret %q in namespace %s", s, s.name, manifest.Namespace)
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", s, err)
	}
	value, ok := secret.Data[s.key]
	if !ok {
		return "", problem.New(problem.BadInput, "write --"+s.flag+" secret:"+s.name+"/KEY with a key that is there",
			"%s: the secret has no key %q", s, s.key)
	}
	return s.trimmed(string(value))
}

// stdin is read by one flag at most.
type stdin struct {
	in io.Reader
	// by is who has read it.
	by string
}

func (i *stdin) read(who string) ([]byte, error) {
	if i.by != "" {
		return nil, problem.New(problem.BadInput, "give one of them another way, for instance from a file",
			"stdin can be read only once: %s and %s", i.by, who)
	}
	i.by = who
	return readAll(who, i.in)
}

// readFile reads a small file that a flag names.
func readFile(who, name string) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, unreadable(who, err)
	}
	defer file.Close()
	return readAll(who, file)
}

func readAll(who string, r io.Reader) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(r, mostInput+1))
	switch {
	case err != nil:
		return nil, unreadable(who, err)
	case len(content) > mostInput:
		return nil, problem.New(problem.BadInput, "name the right one", "%s: it has more than 1 MiB", who)
	}
	if content = decoded(content); len(bytes.TrimSpace(content)) == 0 {
		return nil, problem.New(problem.BadInput, "name one with something in it", "%s: it is empty", who)
	}
	return content, nil
}

// decoded is a text in UTF-8 without a mark. Editors on Windows write one before it, and what the older PowerShell
// writes with > is UTF-16, which has always one.
func decoded(content []byte) []byte {
	var order binary.ByteOrder = binary.LittleEndian
	switch {
	case bytes.HasPrefix(content, []byte("\xef\xbb\xbf")):
		return content[3:]
	case bytes.HasPrefix(content, []byte("\xfe\xff")):
		order = binary.BigEndian
	case !bytes.HasPrefix(content, []byte("\xff\xfe")):
		return content
	}
	units := make([]uint16, len(content)/2-1)
	for n := range units {
		units[n] = order.Uint16(content[2+2*n:])
	}
	return []byte(string(utf16.Decode(units)))
}

// unreadable is the error of a file that cannot be read. Who wants it has named it already.
func unreadable(who string, err error) error {
	if in, ok := errors.AsType[*fs.PathError](err); ok {
		err = in.Err
	}
	return problem.New(problem.BadInput, "check the name and the rights of the file", "%s: it cannot be read: %w", who, err)
}
