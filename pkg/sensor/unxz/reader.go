package unxz

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"io"
)

// TooLarge is a file that asks for more memory than it may.
type TooLarge struct{ Asked, Most int64 }

// Error says how much it asks for.
func (t *TooLarge) Error() string {
	return fmt.Sprintf("its compression asks for a dictionary of %d MiB, and %d MiB is the most", t.Asked>>20, t.Most>>20)
}

// Sizes and magics are from the format's definition, sections 2.1, 3.1 and 4.
const (
	streamHeader = 12
	streamFooter = 12
	lzma2        = 0x21
)

var (
	headMagic = [...]byte{0xfd, '7', 'z', 'X', 'Z', 0}
	footMagic = [...]byte{'Y', 'Z'}
)

var (
	errFormat = errors.New("it is no xz file of the known format")
	errSum    = errors.New("a checksum in the xz file is wrong")
	errSize   = errors.New("a size in the xz file is wrong")
)

// Reader reads what is in an xz file.
type Reader struct {
	in   counted
	most int64
	err  error
	// streams are how many have begun; inside says that one has not ended.
	streams int
	inside  bool
	// kind is the stream's kind of checksum.
	kind byte
	// blocks are how many the stream had, and records the sizes of each, as the index at its end names them.
	blocks  uint64
	records hash.Hash
	block   *block
}

// block is what is read at the time.
type block struct {
	content io.Reader
	sum     hash.Hash
	// began and header are where in the file it began, and the length of its header.
	began, header int64
	// packed and size are what its header says, or -1; out is what came out so far.
	packed, size, out int64
}

// NewReader returns a reader of an xz file, which may have a dictionary of most bytes.
func NewReader(r io.Reader, most int64) *Reader {
	return &Reader{in: counted{from: bufio.NewReaderSize(r, 64<<10)}, most: most}
}

// counted counts what is read.
type counted struct {
	from *bufio.Reader
	n    int64
}

// Read reads and counts.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.n += int64(n)
	return n, err
}

// ReadByte reads one byte and counts it.
func (c *counted) ReadByte() (byte, error) {
	b, err := c.from.ReadByte()
	if err == nil {
		c.n++
	}
	return b, err
}

// all fills a buffer: the file may not end in it.
func (c *counted) all(p []byte) error {
	_, err := io.ReadFull(c, p)
	return cut(err)
}

// cut is the error of a file that ends too early.
func cut(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Read gives what is in the file.
func (r *Reader) Read(p []byte) (n int, err error) {
	for r.err == nil && n == 0 && len(p) > 0 {
		if r.block == nil {
			r.err = r.next()
			continue
		}
		b := r.block
		n, err = b.content.Read(p)
		b.out += int64(n)
		b.sum.Write(p[:n])
		switch {
		case errors.Is(err, io.EOF):
			r.err = r.endBlock()
		case err != nil:
			r.err = err
		case b.size >= 0 && b.out > b.size:
			r.err = errSize
		}
	}
	if n > 0 || len(p) == 0 {
		return n, nil
	}
	return 0, r.err
}

// next begins what comes next: a stream, a block, or the end.
func (r *Reader) next() error {
	if !r.inside {
		return r.beginStream()
	}
	length, err := r.in.ReadByte()
	if err != nil {
		return cut(err)
	}
	if length == 0 {
		return r.endStream()
	}
	return r.beginBlock(length)
}

// beginStream reads a stream's header. Behind the first there may be others, zeros between them, or the end.
func (r *Reader) beginStream() error {
	head := make([]byte, streamHeader)
	for {
		if _, err := io.ReadFull(&r.in, head[:4]); err != nil {
			if r.streams > 0 && !errors.Is(err, io.ErrUnexpectedEOF) {
				// The end, if nothing is wrong with what it reads from.
				return err
			}
			return cut(err)
		}
		if r.streams == 0 || [4]byte(head) != [4]byte{} {
			break
		}
	}
	if err := r.in.all(head[4:]); err != nil {
		return err
	}
	if [6]byte(head) != headMagic || head[6] != 0 {
		return errFormat
	}
	if crc32.ChecksumIEEE(head[6:8]) != binary.LittleEndian.Uint32(head[8:]) {
		return errSum
	}
	r.kind, r.inside, r.blocks, r.records = head[7], true, 0, sha256.New()
	r.streams++
	_, err := checksum(r.kind)
	return err
}

// none is the checksum of a stream without any.
type none struct{ hash.Hash }

// Size is that of no checksum.
func (none) Size() int { return 0 }

// Sum is no checksum.
func (none) Sum(b []byte) []byte { return b }

// checksum is that of a kind, with its bytes in the order in which the file has them.
func checksum(kind byte) (hash.Hash, error) {
	switch kind {
	case 0:
		return none{crc32.NewIEEE()}, nil
	case 1:
		return little{crc32.NewIEEE()}, nil
	case 4:
		return little{crc64.New(crc64.MakeTable(crc64.ECMA))}, nil
	case 10:
		return sha256.New(), nil
	}
	return nil, fmt.Errorf("%w: it has checksums of a kind %d", errFormat, kind)
}

// little is a checksum with its lowest byte first.
type little struct{ hash.Hash }

// Sum appends the checksum.
func (l little) Sum(b []byte) []byte {
	sum := l.Hash.Sum(nil)
	for n := len(sum) - 1; n >= 0; n-- {
		b = append(b, sum[n])
	}
	return b
}
