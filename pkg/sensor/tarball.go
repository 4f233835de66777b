package sensor

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// tarball is the files in an image's tarball, by their names. Those of a plain one stay where they are; what
// comes out of a compressed one is kept in the scratch folder, since it passes by once.
type tarball struct {
	name  string
	files map[string]*member
	// left is what may still be unpacked of what is in it.
	left *allowance
	file *os.File
}

// member is a file in a tarball.
type member struct {
	name string
	size int64
	// link is the name of the file that this one is another name of.
	link string
	open func() (io.ReadCloser, error)
	// packed is what has been made of a layer while it passed by, and diffID the digest of what went in.
	packed *stored
	diffID v1.Hash
}

const (
	// mostSmall is what of a compressed tarball is kept in memory of one file, and mostSmalls of all: the
	// images' descriptions. All else goes to a file.
	mostSmall  = 256 << 10
	mostSmalls = 8 << 20
	// mostMembers bounds the names that are kept. Images have at most 127 layers with a few files each.
	mostMembers = 10_000
)

// smallest is less than any image has, compressed or not: a tarball alone ends with twice as much.
const smallest = 512

// openTarball reads what is in a tarball, which errors call shown. most is what it may unpack to, if it is not 0;
// note gets the bytes that are unpacked.
func openTarball(ctx context.Context, name, shown string, most int64, s *scratch, note meter) (*tarball, error) {
	file, size, err := openFile(name)
	if err != nil {
		return nil, err
	}
	if size > 0 && size < smallest {
		_ = file.Close()
		return nil, problem.New(problem.BadInput, "name the tarball that docker save or the Falcon console gave",
			"%s is no tarball of an image: it has only %d bytes", shown, size)
	}
	t := &tarball{name: shown, files: map[string]*member{}, left: allowed(size), file: file}
	if most > 0 {
		t.left.left = most
	}
	if err := t.read(ctx, size, s, note); err != nil {
		_ = file.Close()
		return nil, t.unreadable(ctx, err)
	}
	return t, nil
}

func (t *tarball) close() error { return t.file.Close() }

func openFile(name string) (*os.File, int64, error) {
	file, err := os.Open(name)
	if err != nil {
		if in, ok := errors.AsType[*fs.PathError](err); ok {
			err = in.Err
		}
		return nil, 0, problem.New(problem.BadInput, "check the name and the rights of the file", "%s cannot be read: %w", name, err)
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		what := "no file"
		if info.IsDir() {
			what = "a folder"
		}
		err = problem.New(problem.BadInput, "name the tarball that docker save or the Falcon console gave", "%s is %s, not a tarball of an image", name, what)
	}
	if err != nil {
		_ = file.Close()
		return nil, 0, err
	}
	return file, info.Size(), nil
}

func (t *tarball) read(ctx context.Context, size int64, s *scratch, note meter) error {
	begin := make([]byte, 6)
	n, err := t.file.ReadAt(begin, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	how := sniffed(begin[:n])
	if how == none {
		return t.index(size)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	plain, err := unpacked(ctx, how, t.file)
	if err != nil {
		return err
	}
	from := &bounded{&ending{ctx, plain}, t.left}
	if err := t.spool(tar.NewReader(from), s, note); err != nil {
		return err
	}
	// Checksums stand at the end, behind what tar reads.
	_, err = io.Copy(io.Discard, from)
	return err
}

// ending is a reader that ends with its context.
type ending struct {
	ctx  context.Context
	from io.Reader
}

// Read fails once the context has ended.
func (e *ending) Read(p []byte) (int, error) {
	if err := e.ctx.Err(); err != nil {
		return 0, err
	}
	return e.from.Read(p)
}

// index notes where the files of a plain tarball are.
func (t *tarball) index(size int64) error {
	return t.each(tar.NewReader(t.file), func(m *member, _ io.Reader) error {
		at, err := t.file.Seek(0, io.SeekCurrent)
		if err != nil {
			return err
		}
		if at+m.size > size {
			return io.ErrUnexpectedEOF
		}
		m.open = func() (io.ReadCloser, error) { return section{io.NewSectionReader(t.file, at, m.size)}, nil }
		return nil
	})
}

// section is a part of a file that stays open.
type section struct{ *io.SectionReader }

// Close leaves the file open.
func (section) Close() error { return nil }

// spool keeps the files that come out of a compressed tarball: small ones in memory, layers compressed as
// they will be sent, and others as they are.
func (t *tarball) spool(r *tar.Reader, s *scratch, note meter) error {
	inMemory := int64(0)
	// Holes come out of no bytes at all, so what the headers say is bounded too.
	left := t.left.left
	return t.each(r, func(m *member, r io.Reader) (err error) {
		if left -= m.size; left < 0 {
			return fmt.Errorf("%w: by its header %s has %d bytes", errBomb, m.name, m.size)
		}
		if m.size <= mostSmall && inMemory+m.size <= mostSmalls {
			content, err := io.ReadAll(r)
			inMemory += int64(len(content))
			m.open = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }
			return err
		}
		begin := bufio.NewReaderSize(r, tarBlock)
		head, err := begin.Peek(tarBlock)
		if err != nil {
			return err
		}
		if isTar(head) {
			m.packed, m.diffID, err = s.pack(begin, note)
			return err
		}
		kept, err := s.keep(begin, note)
		if err == nil {
			m.open = kept.open
		}
		return err
	})
}

// tarBlock is the unit of tar, and how long its headers are.
const tarBlock = 512

// isTar says whether a file that begins so is a tarball: by the magic of POSIX and of GNU.
func isTar(head []byte) bool {
	return len(head) >= tarBlock && string(head[257:262]) == "ustar"
}

// each calls for every file of a tarball, which it enters under its name.
func (t *tarball) each(r *tar.Reader, do func(m *member, r io.Reader) error) error {
	for {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		m := &member{name: cleanName(header.Name), size: header.Size}
		switch header.Typeflag {
		case tar.TypeReg:
			if err := do(m, r); err != nil {
				return err
			}
		case tar.TypeSymlink:
			m.link = cleanName(path.Join(path.Dir(m.name), header.Linkname))
		case tar.TypeLink:
			m.link = cleanName(header.Linkname)
		default:
			continue
		}
		if t.files[m.name] = m; len(t.files) > mostMembers {
			return fmt.Errorf("%w: more than %d files", errNoImage, mostMembers)
		}
	}
}

func cleanName(name string) string { return strings.TrimPrefix(path.Clean("/"+name), "/") }

// find returns a file by its name. docker save writes equal layers once, and links for the others.
func (t *tarball) find(name string) (*member, error) {
	m := t.files[cleanName(name)]
	for range 4 {
		if m == nil || m.link == "" {
			break
		}
		m = t.files[m.link]
	}
	if m == nil || m.link != "" {
		return nil, fmt.Errorf("%w: it has no %s", errIncomplete, name)
	}
	return m, nil
}

// mostText bounds a manifest or a config. The registries' own limit for manifests is 4 MiB (OCI distribution
// specification).
const mostText = 4 << 20

// text reads a small file of a tarball.
func (t *tarball) text(name string) ([]byte, error) {
	m, err := t.find(name)
	if err != nil {
		return nil, err
	}
	if m.open == nil || m.size > mostText {
		return nil, fmt.Errorf("%w: %s is too large for a description", errNoImage, name)
	}
	r, err := m.open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}
