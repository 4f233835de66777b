package bunzip

import (
	"math/bits"
)

// The 48 bits that begin a block, and those that end a stream.
const (
	blockMagic  = 0x314159265359
	streamMagic = 0x177245385090
	magicBits   = 48
	magicMask   = 1<<magicBits - 1
	checkBits   = 32
)

// maybe says whether a byte may be the fourth of those that a magic lies in, in any of its eight places: the first
// one that is the magic's alone in all of them but one. It spares the comparison for most bytes.
var maybe = func() (table [256]bool) {
	for _, magic := range []uint64{blockMagic, streamMagic} {
		for shift := range 8 {
			table[byte(magic>>(16+shift))] = true
		}
	}
	return table
}()

// field is a run of bits: those of data from the bit first on, most significant first, up to the bit end.
type field struct {
	data       []byte
	first, end int
}

// len is how many bits there are.
func (f field) len() int { return f.end - f.first }

// at reads up to 57 bits from a place; those past the end are zeros.
func (f field) at(place, count int) uint64 {
	place += f.first
	var word uint64
	for n := range 8 {
		word <<= 8
		if at := place/8 + n; at < len(f.data) {
			word |= uint64(f.data[at])
		}
	}
	return word << (place % 8) >> (64 - count)
}

// writer puts bits in a row.
type writer struct {
	data []byte
	// free are the bits of the last byte that are not used yet.
	free int
}

// bits appends the lowest bits of a word, at most 56.
func (w *writer) bits(word uint64, count int) {
	for count > 0 {
		if w.free == 0 {
			w.data, w.free = append(w.data, 0), 8
		}
		take := min(w.free, count)
		part := byte(word >> (count - take) & (1<<take - 1))
		w.data[len(w.data)-1] |= part << (w.free - take)
		w.free -= take
		count -= take
	}
}

// field appends a run of bits.
func (w *writer) field(f field) {
	const step = 48
	place := 0
	for ; place+step <= f.len(); place += step {
		w.bits(f.at(place, step), step)
	}
	if rest := f.len() - place; rest > 0 {
		w.bits(f.at(place, rest), rest)
	}
}

// combine adds a block's checksum to a stream's.
func combine(stream, block uint32) uint32 { return bits.RotateLeft32(stream, 1) ^ block }
