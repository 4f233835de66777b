package sensor

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"os"
	"runtime"
	"sync"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/pgzip"
)

// The compressed bytes make the digest, so these decide it, with the versions of the libraries: a test holds
// the digest of a known layer. Level 1 costs the least time by far and a few percent in size.
const (
	packLevel = flate.BestSpeed
	// packBlock is compressed by one processor at a time, whatever the number of processors.
	packBlock = 256 << 10
	// mostPackers bounds the memory, which goes with the number of blocks at work.
	mostPackers = 4
)

// stored is a file of bytes that are sent as they are, with what a registry calls them.
type stored struct {
	digest v1.Hash
	size   int64
	open   func() (io.ReadCloser, error)
}

// scratch is a folder for what an image is made of on its way.
type scratch struct{ dir string }

func newScratch(in string) (*scratch, error) {
	dir, err := os.MkdirTemp(in, "kubectl-falcon-image-")
	if err != nil {
		return nil, err
	}
	return &scratch{dir}, nil
}

func (s *scratch) close() error { return os.RemoveAll(s.dir) }

// meter gets how many bytes more have been read.
type meter func(n int64)

// pack compresses a layer into a file. It returns the file and the digest of what was compressed.
func (s *scratch) pack(r io.Reader, note meter) (*stored, v1.Hash, error) {
	file, err := os.CreateTemp(s.dir, "layer-")
	if err != nil {
		return nil, v1.Hash{}, err
	}
	defer file.Close()
	out := newSummed(file)
	zip, err := pgzip.NewWriterLevel(out, packLevel)
	if err != nil {
		return nil, v1.Hash{}, err
	}
	zip.ModTime = time.Unix(0, 0)
	if err := zip.SetConcurrency(packBlock, min(mostPackers, runtime.GOMAXPROCS(0))); err != nil {
		return nil, v1.Hash{}, err
	}
	plain := sha256.New()
	err = both(zip, plain, r, note)
	// It ends the library's goroutines, also after an error.
	if closed := zip.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = file.Close()
	}
	if err != nil {
		return nil, v1.Hash{}, err
	}
	return out.stored(file.Name()), sum(plain), nil
}

// both writes what is read to two writers at the same time: each needs most of a processor.
func both(a, b io.Writer, r io.Reader, note meter) error {
	buffer := make([]byte, packBlock)
	for {
		n, err := fill(r, buffer)
		if n > 0 {
			var second sync.WaitGroup
			// A hash never fails.
			second.Go(func() { _, _ = b.Write(buffer[:n]) })
			_, failed := a.Write(buffer[:n])
			second.Wait()
			if failed != nil {
				return failed
			}
			note(int64(n))
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// fill reads until the buffer is full or the reader ends. io.ReadFull would call both the end and a reader
// that was cut io.ErrUnexpectedEOF.
func fill(r io.Reader, buffer []byte) (n int, err error) {
	for n < len(buffer) && err == nil {
		var m int
		m, err = r.Read(buffer[n:])
		n += m
	}
	return n, err
}

// keep writes bytes into a file as they are.
func (s *scratch) keep(r io.Reader, note meter) (*stored, error) {
	file, err := os.CreateTemp(s.dir, "blob-")
	if err != nil {
		return nil, err
	}
	defer file.Close()
	out := newSummed(file)
	if _, err := io.Copy(out, &metered{r, note}); err != nil {
		return nil, err
	}
	if err := file.Close(); err != nil {
		return nil, err
	}
	return out.stored(file.Name()), nil
}

// summed is a writer that knows the digest and the number of what went through.
type summed struct {
	to   io.Writer
	hash hash.Hash
	size int64
}

func newSummed(to io.Writer) *summed { return &summed{to: to, hash: sha256.New()} }

// Write passes on and counts.
func (s *summed) Write(p []byte) (int, error) {
	n, err := s.to.Write(p)
	s.hash.Write(p[:n])
	s.size += int64(n)
	return n, err
}

func (s *summed) stored(name string) *stored {
	return &stored{sum(s.hash), s.size, func() (io.ReadCloser, error) { return os.Open(name) }}
}

func sum(h hash.Hash) v1.Hash {
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(h.Sum(nil))}
}

// sumOf is the digest of bytes.
func sumOf(content []byte) v1.Hash {
	h := sha256.New()
	h.Write(content)
	return sum(h)
}

// metered tells a meter what is read.
type metered struct {
	from io.Reader
	note meter
}

// Read passes on and tells.
func (m *metered) Read(p []byte) (int, error) {
	n, err := m.from.Read(p)
	if n > 0 {
		m.note(int64(n))
	}
	return n, err
}
