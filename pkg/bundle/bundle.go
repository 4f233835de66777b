// Package bundle packs what support needs to judge a cluster that it cannot reach: a snapshot, which
// `verify --from` judges, and beside it what a person wants to read.
//
// It must never hold a secret: no Secret's content, no environment value, no token and no customer id. What
// is not asked for cannot leak, so logs are the only free text in it, and they are redacted.
package bundle

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify"
)

// snapshotFile is the one that is read back.
const snapshotFile = "snapshot.json"

// File is one file of a bundle.
type File struct {
	Name string
	// What says in words what is in it.
	What    string
	Content []byte
}

const (
	// logLines and logBytes bound what is taken of each container's log.
	logLines = int64(2000)
	logBytes = int64(1 << 20)
	// mostEvents bounds the events, the newest first.
	mostEvents = 1000
)

// Collect returns the files of a bundle for a snapshot. With names alone it reads nothing more from the
// cluster, and only the snapshot-made files have content: what a bundle would take. What this user may not
// read is left out and said in the file missing.txt.
func Collect(ctx context.Context, c *kube.Cluster, s *verify.Snapshot, names bool) ([]File, error) {
	files, err := fromSnapshot(s)
	if err != nil {
		return nil, err
	}
	missing := make([]string, 0, len(s.Denied))
	for _, d := range s.Denied {
		missing = append(missing, d.Why())
	}
	for n := range s.Injectors {
		i := &s.Injectors[n]
		for m := range i.Pods {
			for _, container := range i.Pods[m].Spec.Containers {
				file := File{Name: fmt.Sprintf("logs/%s/%s/%s.log", i.Namespace, i.Pods[m].Name, container.Name),
					What: fmt.Sprintf("the last %d lines of the injector's log, redacted", logLines)}
				if !names {
					if file.Content, err = log(ctx, c, s, &i.Pods[m], container.Name); err != nil {
						missing = append(missing, file.Name+": "+err.Error())
						continue
					}
				}
				files = append(files, file)
			}
		}
		file := File{Name: "events/" + i.Namespace + ".yaml", What: "the events of the injector's namespace, redacted"}
		if !names {
			if file.Content, err = events(ctx, c, s, i.Namespace); err != nil {
				missing = append(missing, file.Name+": "+err.Error())
				continue
			}
		}
		files = append(files, file)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(missing) > 0 {
		files = append(files, File{Name: "missing.txt", What: "what could not be read, and why",
			Content: s.Redact([]byte(strings.Join(missing, "\n") + "\n"))})
	}
	return slices.CompactFunc(files, func(a, b File) bool { return a.Name == b.Name }), nil
}

// fromSnapshot makes the files that need no further question.
func fromSnapshot(s *verify.Snapshot) ([]File, error) {
	content, err := json.MarshalIndent(s, "", " ")
	if err != nil {
		return nil, err
	}
	files := []File{
		{Name: snapshotFile, What: "everything that verify judges: namespaces, webhooks, injectors, pods in short", Content: s.Redact(content)},
		{Name: "versions.txt", What: "versions of the cluster and of this program",
			Content: fmt.Appendf(nil, "server %s\nclient %s\ntaken %s\n", s.Server, s.Client, s.Taken.Format(time.RFC3339))},
	}
	add := func(name, what string, object any) error {
		text, err := yaml.Marshal(object)
		if err == nil {
			files = append(files, File{Name: "objects/" + name + ".yaml", What: what, Content: s.Redact(text)})
		}
		return err
	}
	for n := range s.Webhooks {
		if err := add("mutatingwebhookconfigurations/"+s.Webhooks[n].Name, "a webhook that is called for pods or others", &s.Webhooks[n]); err != nil {
			return nil, err
		}
	}
	for n := range s.Injectors {
		i := &s.Injectors[n]
		const what = "of the injector, without environment values"
		var errs []error
		if i.Deployment != nil {
			errs = append(errs, add(i.Namespace+"/deployment", what, i.Deployment))
		}
		if i.Service != nil {
			errs = append(errs, add(i.Namespace+"/service", what, i.Service))
		}
		errs = append(errs, add(i.Namespace+"/pods", what, i.Pods), add(i.Namespace+"/endpointslices", what, i.Slices),
			add(i.Namespace+"/poddisruptionbudgets", what, i.Budgets), add(i.Namespace+"/networkpolicies", what, i.Policies))
		if err := errors.Join(errs...); err != nil {
			return nil, err
		}
	}
	return files, nil
}

func log(ctx context.Context, c *kube.Cluster, s *verify.Snapshot, pod *corev1.Pod, container string) ([]byte, error) {
	lines, size := logLines, logBytes
	text, err := c.Client.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{
		Container: container, TailLines: &lines, LimitBytes: &size, Timestamps: true}).DoRaw(ctx)
	return s.Redact(text), err
}

// events are those of a namespace, the newest last.
func events(ctx context.Context, c *kube.Cluster, s *verify.Snapshot, namespace string) ([]byte, error) {
	list, err := c.Client.CoreV1().Events(namespace).List(ctx, metav1.ListOptions{Limit: mostEvents})
	if err != nil {
		return nil, err
	}
	type event struct {
		Time    time.Time `json:"time"`
		Object  string    `json:"object"`
		Type    string    `json:"type"`
		Reason  string    `json:"reason"`
		Message string    `json:"message"`
		Count   int32     `json:"count,omitempty"`
	}
	all := make([]event, 0, len(list.Items))
	for n := range list.Items {
		e := &list.Items[n]
		at := e.LastTimestamp.Time
		if at.IsZero() {
			at = e.EventTime.Time
		}
		all = append(all, event{at.UTC(), strings.ToLower(e.InvolvedObject.Kind) + "/" + e.InvolvedObject.Name, e.Type, e.Reason, e.Message, e.Count})
	}
	slices.SortStableFunc(all, func(a, b event) int { return a.Time.Compare(b.Time) })
	text, err := yaml.Marshal(all)
	return s.Redact(text), err
}

// Write packs files as a gzipped tar. taken is the time that they all get, so that equal content gives
// equal bytes.
func Write(w io.Writer, files []File, taken time.Time) error {
	zipped := gzip.NewWriter(w)
	packed := tar.NewWriter(zipped)
	for _, f := range files {
		header := &tar.Header{Name: "kubectl-falcon-bundle/" + f.Name, Mode: 0o600, Size: int64(len(f.Content)), ModTime: taken, Format: tar.FormatPAX}
		if err := packed.WriteHeader(header); err != nil {
			return err
		}
		if _, err := packed.Write(f.Content); err != nil {
			return err
		}
	}
	return errors.Join(packed.Close(), zipped.Close())
}

// mostSnapshot bounds what is read back: a hundred thousand pods are about 60 MB.
const mostSnapshot = 512 << 20

// Read returns the snapshot of a bundle. The error says what the file is instead of one.
func Read(r io.Reader) (*verify.Snapshot, error) {
	not := func(format string, args ...any) error {
		return problem.New(problem.BadInput, "make one with: kubectl falcon bundle", "it is not a bundle: "+format, args...)
	}
	zipped, err := gzip.NewReader(r)
	if err != nil {
		return nil, not("%w", err)
	}
	packed := tar.NewReader(zipped)
	for {
		header, err := packed.Next()
		if errors.Is(err, io.EOF) {
			return nil, not("there is no %s in it", snapshotFile)
		}
		if err != nil {
			return nil, not("%w", err)
		}
		if _, name, _ := strings.Cut(header.Name, "/"); name != snapshotFile {
			continue
		}
		content, err := io.ReadAll(io.LimitReader(packed, mostSnapshot+1))
		if err != nil {
			return nil, not("%w", err)
		}
		if len(content) > mostSnapshot {
			return nil, not("its snapshot is larger than %d MiB", mostSnapshot>>20)
		}
		var s verify.Snapshot
		decoder := json.NewDecoder(bytes.NewReader(content))
		if err := decoder.Decode(&s); err != nil {
			return nil, not("%s: %w", snapshotFile, err)
		}
		return &s, nil
	}
}
