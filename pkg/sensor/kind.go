package sensor

import (
	"archive/tar"
	"bufio"
	"context"
	"errors"
	"io"
	"path"
	"regexp"
	"strings"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// Kind is what an image is among those of the vendor.
type Kind string

// The kinds. Unknown is what neither its name nor its content tells.
const (
	ContainerSensor Kind = "container-sensor"
	NodeSensor      Kind = "node-sensor"
	KAC             Kind = "kubernetes-admission-controller"
	ImageAnalyzer   Kind = "image-analyzer"
	OtherFalcon     Kind = "other-falcon-image"
	Unknown         Kind = "unknown"
)

// kindsByName are how the vendor's repositories and tags tell what is in them, in the order in which they are
// tried (falcon-scripts, gofalcon). The plain name falcon-sensor is both sensors', so it tells nothing.
var kindsByName = []struct {
	form *regexp.Regexp
	kind Kind
}{
	{regexp.MustCompile(`(^|/)falcon-container(/|:|@|$)`), ContainerSensor},
	{regexp.MustCompile(`[:.-]container\.(x86_64|aarch64)`), ContainerSensor},
	{regexp.MustCompile(`(^|/)falcon-sensor/([a-z0-9-]+/)?release/falcon-sensor(:|@|$)`), NodeSensor},
	{regexp.MustCompile(`(^|[/-])falcon-kac(/|:|@|$)`), KAC},
	{regexp.MustCompile(`(^|/)falcon-imageanalyzer(/|:|@|$)`), ImageAnalyzer},
	{regexp.MustCompile(`(^|/)(cs-snapshotscanner|cs-fcs|falcon-jobcontroller|falcon-registryassessmentexecutor)(:|@|$)`), OtherFalcon},
}

func kindNamed(names []string) Kind {
	for _, given := range names {
		for _, k := range kindsByName {
			if k.form.MatchString(given) {
				return k.kind
			}
		}
	}
	return Unknown
}

// admit finds out what an image is, and refuses what is not the container sensor unless any will do.
func (a *artifact) admit(ctx context.Context, anyImage bool) (Kind, error) {
	kind := kindNamed(a.names)
	if kind == Unknown && !anyImage {
		var err error
		if kind, err = a.kindByContent(ctx); err != nil {
			return kind, err
		}
	}
	if kind == ContainerSensor || anyImage {
		return kind, nil
	}
	what := "it has no program injector"
	if kind != Unknown {
		what = "it is a " + strings.ReplaceAll(string(kind), "-", " ")
	}
	return kind, problem.New(problem.BadInput, "name the container sensor's image, or let any go with --any-image",
		"%s is not the Falcon Container sensor: %s", a.from, what)
}

// kindByContent looks for the injector's program, which only the container sensor's image has: the vendor's
// chart and operator start it as "injector".
func (a *artifact) kindByContent(ctx context.Context) (Kind, error) {
	for _, i := range a.images {
		if !i.runs() {
			continue
		}
		for _, l := range i.layers {
			has, err := l.hasInjector(ctx)
			if err != nil {
				return Unknown, errSource{err}
			}
			if has {
				return ContainerSensor, nil
			}
		}
		// The others are the same for other platforms.
		break
	}
	return Unknown, nil
}

// hasInjector looks for an executable file injector in a layer, without unpacking more than it must.
func (l *layer) hasInjector(ctx context.Context) (bool, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	content, err := l.unpackedContent(ctx)
	if err != nil {
		return false, err
	}
	defer content.Close()
	r := tar.NewReader(content)
	for {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if errors.Is(err, tar.ErrHeader) {
			// What is no tarball, such as a layer of tests, is no sensor's.
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if path.Base(header.Name) == "injector" && header.Typeflag != tar.TypeDir {
			return true, nil
		}
	}
}

// readSeekCloser is a file of a plain tarball, in which tar passes over content without reading it.
type readSeekCloser interface {
	io.ReadSeeker
	io.Closer
}

// unpackedContent opens what is in a layer.
func (l *layer) unpackedContent(ctx context.Context) (io.ReadCloser, error) {
	open := l.content
	if l.member != nil && l.member.packed != nil {
		open = l.member.packed.open
	}
	content, err := open()
	if err != nil {
		return nil, err
	}
	buffered := bufio.NewReaderSize(content, 64<<10)
	begin, _ := buffered.Peek(6)
	how := sniffed(begin)
	if how == none {
		if s, ok := content.(readSeekCloser); ok {
			if _, err := s.Seek(0, io.SeekStart); err == nil {
				return s, nil
			}
		}
		return struct {
			io.Reader
			io.Closer
		}{buffered, content}, nil
	}
	plain, err := unpacked(ctx, how, buffered)
	if err != nil {
		_ = content.Close()
		return nil, err
	}
	left := l.bound
	if left == nil {
		left = allowed(l.size)
	}
	// It is read again when it is checked, so this does not count there.
	mine := *left
	return struct {
		io.Reader
		io.Closer
	}{&bounded{plain, &mine}, content}, nil
}
