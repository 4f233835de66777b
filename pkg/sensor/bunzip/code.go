package bunzip

import "encoding/binary"

const (
	// mostLength is the longest code of a symbol, in bits, and shortLength the longest that the table knows.
	mostLength  = 20
	shortLength = 10
	// mostSymbols are all bytes, the two of runs, and the end of the block, less one: the first byte of the
	// move-to-front list is told by a run.
	mostSymbols = 258
	symbolBits  = 9
)

// code is a canonical prefix code of a block: shorter codes come first, and of equal length lower symbols.
type code struct {
	// short has for the next bits a symbol of a short code, with its length above it, or zero.
	short [1 << shortLength]uint16
	// For a code of each length: behind the last of them, left-justified in mostLength bits; and what to add to
	// one, as a number of that length, for its place in symbols.
	behind  [mostLength + 1]uint32
	offset  [mostLength + 1]int32
	symbols [mostSymbols]uint16
}

// set makes the code from the length of each symbol's. It says false if bits are left over that are nobody's:
// such codes there are, by faulty writers, and whoever reads them guesses.
func (c *code) set(lengths []uint8) bool {
	var count [mostLength + 1]int
	for _, length := range lengths {
		count[length]++
	}
	*c = code{}
	next, place := uint32(0), 0
	var first [mostLength + 1]int
	for length := 1; length <= mostLength; length++ {
		first[length] = place
		c.offset[length] = int32(place) - int32(next)
		next += uint32(count[length])
		if next > 1<<length {
			return false
		}
		c.behind[length] = next << (mostLength - length)
		next <<= 1
		place += count[length]
	}
	for symbol, length := range lengths {
		place := first[length]
		first[length]++
		c.symbols[place] = uint16(symbol)
		if length <= shortLength {
			from := uint32(int32(place)-c.offset[length]) << (shortLength - length)
			entry := uint16(length)<<symbolBits | uint16(symbol)
			for n := range uint32(1) << (shortLength - length) {
				c.short[from+n] = entry
			}
		}
	}
	return c.behind[mostLength] == 1<<mostLength
}

// long finds a symbol whose code is not in the table, by the next bits.
func (c *code) long(bits uint32) (symbol, length uint) {
	for length := uint(shortLength + 1); length < mostLength; length++ {
		if bits < c.behind[length] {
			return uint(c.symbols[int32(bits>>(mostLength-length))+c.offset[length]]), length
		}
	}
	return uint(c.symbols[int32(bits)+c.offset[mostLength]]), mostLength
}

// A bitReader reads a word at a time, and begins one when it has fewer than 32 bits left: so the last may begin
// four bytes behind the end. padding is how much it needs there.
const (
	wordSize = 8
	padding  = 4 + wordSize
)

// bitReader takes bits from the front, most significant first.
type bitReader struct {
	data []byte
	at   int
	// acc has the bits that come next at its top, and have is how many of them count.
	acc  uint64
	have uint
	// over says that more was taken than there is.
	over bool
}

// fill makes at least 56 bits ready.
func (r *bitReader) fill() {
	if r.at+wordSize > len(r.data) {
		r.over = true
		return
	}
	r.acc |= binary.BigEndian.Uint64(r.data[r.at:]) >> r.have
	r.at += int(63-r.have) >> 3
	r.have |= 56
}

// take is the next bits, at most 32. Past the end they are zeros.
func (r *bitReader) take(count uint) uint {
	if r.have < count {
		r.fill()
	}
	word := r.acc >> (64 - count)
	r.acc <<= count
	r.have -= min(count, r.have)
	return uint(word)
}

// place is how many bits were taken.
func (r *bitReader) place() int { return r.at*8 - int(r.have) }
