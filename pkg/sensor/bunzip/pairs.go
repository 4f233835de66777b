package bunzip

const (
	// hintShift is how many rows, as a power of two, share a hint, and mostHints how many there are.
	hintShift = 3
	mostHints = level9>>hintShift + 1
	mostPairs = 1 << 16
)

// pairs undoes the transformation of Burrows and Wheeler two bytes at a time. Each step waits for a place in memory
// that nobody can tell beforehand, which takes nearly all the time there is; so half as many steps are nearly twice
// as fast. The rotations are sorted, so those that begin with the same two bytes are neighbours, and which two
// those are need not be kept for each.
type pairs struct {
	// next is for each row the one that begins two bytes later.
	next [level9]uint32
	// places has how many rows begin with two bytes, then where the next of them is.
	places [mostPairs]uint32
	// pair are those that occur, in order, and ends where the rows of each end; hint is the one that the first of
	// some rows has.
	pair [mostPairs]uint16
	ends [mostPairs]uint32
	hint [mostHints]uint16
}

// invert makes of the last column of all rotations the text, of which the row given is not rotated. counts has how
// often each byte occurs, and is used up.
func (p *pairs) invert(text []byte, row uint32, counts *[256]uint32) {
	p.count(text, counts)
	// Equal bytes stand in the first column in the order in which they stand in the last: so at is the row that
	// begins a byte before this one, and the byte before that is its last.
	next := p.next[:len(text)]
	for later, b := range text {
		at := counts[b]
		counts[b] = at + 1
		pair := uint16(text[at])<<8 | uint16(b)
		earlier := p.places[pair]
		p.places[pair] = earlier + 1
		next[earlier] = uint32(later)
	}
	n := 0
	for ; n+1 < len(text); n += 2 {
		pair := p.of(row)
		text[n], text[n+1] = byte(pair>>8), byte(pair)
		row = next[row]
	}
	if n < len(text) {
		text[n] = byte(p.of(row) >> 8)
	}
}

// count finds where the rows of each pair begin, and in counts where those of each byte do.
func (p *pairs) count(text []byte, counts *[256]uint32) {
	p.places = [mostPairs]uint32{}
	at := uint32(0)
	for b, count := range counts {
		for _, before := range text[at : at+count] {
			p.places[uint16(before)<<8|uint16(b)]++
		}
		counts[b] = at
		at += count
	}
	sum, known, hints := uint32(0), 0, uint32(0)
	for pair := range p.places {
		count := p.places[pair]
		p.places[pair] = sum
		if count == 0 {
			continue
		}
		sum += count
		p.pair[known], p.ends[known] = uint16(pair), sum
		for ; hints<<hintShift < sum; hints++ {
			p.hint[hints] = uint16(known)
		}
		known++
	}
}

// of is the pair with which a row begins.
func (p *pairs) of(row uint32) uint16 {
	n := p.hint[row>>hintShift]
	for p.ends[n] <= row {
		n++
	}
	return p.pair[n]
}
