package unxz

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"hash/crc32"
	"io"

	"github.com/ulikunitz/xz/lzma"
)

// Flags of a block's header: how many filters it has, and whether its sizes are there.
const (
	filters   = 0x03
	reserved  = 0x3c
	hasPacked = 0x40
	hasSize   = 0x80
)

// beginBlock reads a block's header, of which the first byte is the length.
func (r *Reader) beginBlock(length byte) error {
	head := make([]byte, 4*(int(length)+1))
	head[0] = length
	if err := r.in.all(head[1:]); err != nil {
		return err
	}
	body, sum := head[:len(head)-4], head[len(head)-4:]
	if crc32.ChecksumIEEE(body) != binary.LittleEndian.Uint32(sum) {
		return errSum
	}
	if body[1]&(filters|reserved) != 0 {
		return fmt.Errorf("%w: it has filters before its compression", errFormat)
	}
	b := &block{header: int64(len(head)), packed: -1, size: -1}
	rest := bytes.NewReader(body[2:])
	if err := said(rest, body[1]&hasPacked != 0, &b.packed); err != nil {
		return err
	}
	if err := said(rest, body[1]&hasSize != 0, &b.size); err != nil {
		return err
	}
	dictionary, err := r.dictionary(rest)
	if err != nil {
		return err
	}
	if b.sum, err = checksum(r.kind); err != nil {
		return err
	}
	b.began = r.in.n
	if b.content, err = (lzma.Reader2Config{DictCap: int(dictionary)}).NewReader2(&r.in); err != nil {
		return cut(err)
	}
	r.block = b
	return nil
}

// said reads a size that may be in a header.
func said(from *bytes.Reader, there bool, to *int64) error {
	if !there {
		return nil
	}
	n, err := binary.ReadUvarint(from)
	if err != nil || n >= 1<<62 {
		return errSize
	}
	*to = int64(n)
	return nil
}

// dictionary is how large a dictionary a block asks for. The one filter that it may have is LZMA2.
func (r *Reader) dictionary(from *bytes.Reader) (int64, error) {
	filter := [3]byte{}
	if _, err := io.ReadFull(from, filter[:]); err != nil || filter[0] != lzma2 || filter[1] != 1 {
		return 0, fmt.Errorf("%w: its compression is not LZMA2", errFormat)
	}
	for from.Len() > 0 {
		if zero, _ := from.ReadByte(); zero != 0 {
			return 0, errFormat
		}
	}
	size, err := lzma.DecodeDictCap(filter[2])
	if err != nil {
		return 0, errFormat
	}
	if size > r.most {
		return 0, &TooLarge{size, r.most}
	}
	return size, nil
}

// endBlock checks a block once all of it came out.
func (r *Reader) endBlock() error {
	b := r.block
	r.block = nil
	packed := r.in.n - b.began
	if b.packed >= 0 && packed != b.packed || b.size >= 0 && b.out != b.size {
		return errSize
	}
	if err := r.zeros(packed); err != nil {
		return err
	}
	sum := make([]byte, b.sum.Size())
	if err := r.in.all(sum); err != nil {
		return err
	}
	if !bytes.Equal(sum, b.sum.Sum(nil)) {
		return errSum
	}
	r.blocks++
	record(r.records, uint64(b.header+packed+int64(len(sum))), uint64(b.out))
	return nil
}

// zeros reads what fills up to a multiple of 4.
func (r *Reader) zeros(length int64) error {
	for ; length%4 != 0; length++ {
		zero, err := r.in.ReadByte()
		if err != nil {
			return cut(err)
		}
		if zero != 0 {
			return errFormat
		}
	}
	return nil
}

// record notes the sizes of one block.
func record(in hash.Hash, packed, size uint64) {
	in.Write(binary.AppendUvarint(binary.AppendUvarint(nil, packed), size))
}

// endStream reads the index of a stream's blocks, of which the first byte is read, and the footer.
func (r *Reader) endStream() error {
	began := r.in.n - 1
	sum := crc32.NewIEEE()
	sum.Write([]byte{0})
	index := summed{&r.in, sum}
	blocks, err := binary.ReadUvarint(index)
	if err != nil {
		return cut(err)
	}
	if blocks != r.blocks {
		return errSize
	}
	records := sha256.New()
	for range blocks {
		packed, err := binary.ReadUvarint(index)
		if err != nil {
			return cut(err)
		}
		size, err := binary.ReadUvarint(index)
		if err != nil {
			return cut(err)
		}
		record(records, packed, size)
	}
	if !bytes.Equal(records.Sum(nil), r.records.Sum(nil)) {
		return errSize
	}
	for (r.in.n-began)%4 != 0 {
		if zero, err := index.ReadByte(); err != nil || zero != 0 {
			return cut(orFormat(err))
		}
	}
	length := r.in.n - began + 4
	foot := make([]byte, 4+streamFooter)
	if err := r.in.all(foot); err != nil {
		return err
	}
	r.inside = false
	return r.footer(sum.Sum32(), length, foot)
}

func orFormat(err error) error {
	if err == nil {
		return errFormat
	}
	return err
}

// footer checks what stands at a stream's end: the checksum of its index, and its own.
func (r *Reader) footer(sum uint32, length int64, foot []byte) error {
	le := binary.LittleEndian
	if le.Uint32(foot) != sum || le.Uint32(foot[4:]) != crc32.ChecksumIEEE(foot[8:14]) {
		return errSum
	}
	if 4*(int64(le.Uint32(foot[8:]))+1) != length {
		return errSize
	}
	if foot[12] != 0 || foot[13] != r.kind || [2]byte(foot[14:]) != footMagic {
		return errFormat
	}
	return nil
}

// summed reads bytes and sums them.
type summed struct {
	from io.ByteReader
	sum  hash.Hash32
}

// ReadByte reads one byte.
func (s summed) ReadByte() (byte, error) {
	b, err := s.from.ReadByte()
	if err == nil {
		s.sum.Write([]byte{b})
	}
	return b, err
}
