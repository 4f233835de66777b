package bunzip

import (
	"hash/crc32"
	"math/bits"
)

const (
	// level9 is the size of the largest block before its first run-length coding is undone.
	level9 = 900_000
	// groupSize is after how many symbols another code may be chosen.
	groupSize     = 50
	mostSelectors = 1 << 15
	// mostRun bounds a run, as the bzip2 program does.
	mostRun = 2 << 20
	// equals is after how many equal bytes a count of further ones stands.
	equals = 4
)

// decoder unpacks one block after another in the same memory. It exists beside the standard library's, because
// that one follows a tree bit by bit and makes its memory anew for each block: with half of all time spent in it,
// a push from a .tar.bz2 took longer than it may. What it does not take is the standard library's to judge.
type decoder struct {
	codes     [6]code
	selectors [mostSelectors]uint8
	// list has the bytes that occur, those used last first.
	list [256]byte
	size int
	// text is the last column of the sorted rotations, and then what they are rotations of.
	text  [level9]byte
	pairs pairs
	// rest is what is not read yet.
	rest []byte
	// equal bytes were the same as before, before one; more of it are to come.
	before byte
	equal  int
	more   int
	crc    uint32
	mirror [4096]byte
}

// load reads a block, at most as large as its level allows, and says whether it can be read from here. The field
// has padding behind it.
func (d *decoder) load(block field, level byte) bool {
	r := &bitReader{data: block.data}
	r.take(uint(block.first % 8))
	r.at += block.first / 8
	if uint64(r.take(24))<<24|uint64(r.take(24)) != blockMagic {
		return false
	}
	r.take(checkBits)
	if mixed := r.take(1); mixed != 0 {
		return false
	}
	row := r.take(24)
	if !d.loadList(r) {
		return false
	}
	groups, ok := d.loadCodes(r)
	if !ok {
		return false
	}
	most := int(level-'0') * 100_000
	var counts [256]uint32
	n, ok := d.loadSymbols(r, groups, most, &counts)
	if !ok || r.over || r.place() != block.end || int(row) >= n {
		return false
	}
	d.pairs.invert(d.text[:n], uint32(row), &counts)
	d.rest, d.equal, d.more, d.crc = d.text[:n], 0, 0, 0
	return true
}

// loadList reads which bytes occur.
func (d *decoder) loadList(r *bitReader) bool {
	d.size = 0
	ranges := r.take(16)
	for high := range 16 {
		if ranges>>(15-high)&1 == 0 {
			continue
		}
		set := r.take(16)
		for low := range 16 {
			if set>>(15-low)&1 == 1 {
				d.list[d.size] = byte(high<<4 | low)
				d.size++
			}
		}
	}
	return d.size > 0
}

// loadCodes reads the codes and which of them each group of symbols has.
func (d *decoder) loadCodes(r *bitReader) (groups int, ok bool) {
	codes, groups := int(r.take(3)), int(r.take(15))
	if codes < 2 || codes > len(d.codes) || groups == 0 {
		return 0, false
	}
	order := [len(d.codes)]uint8{0, 1, 2, 3, 4, 5}
	for n := range groups {
		place := 0
		for r.take(1) == 1 {
			if place++; place == codes {
				return 0, false
			}
		}
		chosen := order[place]
		copy(order[1:place+1], order[:place])
		order[0] = chosen
		d.selectors[n] = chosen
	}
	var lengths [mostSymbols]uint8
	for n := range codes {
		length := int(r.take(5))
		for symbol := range d.size + 2 {
			for length >= 1 && length <= mostLength && r.take(1) == 1 {
				length += 1 - 2*int(r.take(1))
			}
			if length < 1 || length > mostLength {
				return 0, false
			}
			lengths[symbol] = uint8(length)
		}
		if !d.codes[n].set(lengths[:d.size+2]) {
			return 0, false
		}
	}
	return groups, !r.over
}

// loadSymbols reads the last column, undoing the move to front, and counts each byte in it.
func (d *decoder) loadSymbols(r *bitReader, groups, most int, counts *[256]uint32) (n int, ok bool) {
	end := uint(d.size + 1)
	run, weight := 0, 1
	list := &d.list
	for _, chosen := range d.selectors[:groups] {
		c := &d.codes[chosen]
		for range groupSize {
			if r.have < mostLength {
				if r.fill(); r.over {
					return 0, false
				}
			}
			entry := uint(c.short[r.acc>>(64-shortLength)])
			symbol, length := entry&(1<<symbolBits-1), entry>>symbolBits
			if entry == 0 {
				symbol, length = c.long(uint32(r.acc >> (64 - mostLength)))
			}
			r.acc <<= length
			r.have -= length
			if symbol < 2 {
				run += weight << symbol
				weight <<= 1
				if run > mostRun {
					return 0, false
				}
				continue
			}
			if run > 0 {
				if run > most-n {
					return 0, false
				}
				b := list[0]
				counts[b] += uint32(run)
				for end := n + run; n < end; n++ {
					d.text[n] = b
				}
				run, weight = 0, 1
			}
			if symbol == end {
				return n, true
			}
			if n == most {
				return 0, false
			}
			place := symbol - 1
			b := list[byte(place)]
			if place < 16 {
				for ; place > 0; place-- {
					list[place] = list[place-1]
				}
			} else {
				copy(list[1:place+1], list[:place])
			}
			list[0] = b
			d.text[n] = b
			counts[b]++
			n++
		}
	}
	return 0, false
}

// read unpacks what comes next. Less than was asked for is the end.
func (d *decoder) read(p []byte) int {
	n := 0
	for n < len(p) {
		if d.more > 0 {
			part := p[n:min(len(p), n+d.more)]
			for m := range part {
				part[m] = d.before
			}
			n += len(part)
			d.more -= len(part)
			continue
		}
		if len(d.rest) == 0 {
			break
		}
		if d.equal == equals {
			d.more, d.equal = int(d.rest[0]), 0
			d.rest = d.rest[1:]
			continue
		}
		n += d.plain(p[n:])
	}
	d.sum(p[:n])
	return n
}

// plain copies until there were as many equal bytes as a count follows.
func (d *decoder) plain(p []byte) int {
	from := d.rest[:min(len(d.rest), len(p))]
	before, equal, n := d.before, d.equal, 0
	for n < len(from) && equal < equals {
		b := from[n]
		if b != before {
			before, equal = b, 0
		}
		equal++
		p[n] = b
		n++
	}
	d.before, d.equal, d.rest = before, equal, d.rest[n:]
	return n
}

// sum adds to the block's checksum. It is the usual one with the bits of each byte and of itself mirrored, so
// that the usual one, for which processors have instructions, gives it.
func (d *decoder) sum(p []byte) {
	crc := bits.Reverse32(d.crc)
	for len(p) > 0 {
		part := p[:min(len(p), len(d.mirror))]
		for n, b := range part {
			d.mirror[n] = bits.Reverse8(b)
		}
		crc = crc32.Update(crc, crc32.IEEETable, d.mirror[:len(part)])
		p = p[len(part):]
	}
	d.crc = bits.Reverse32(crc)
}
