package bunzip

import (
	"bufio"
	"compress/bzip2"
	"errors"
	"io"
	"slices"
)

// mostBlock bounds what a block may take in the file: 900,000 symbols of at most 20 bits, and their tables.
const mostBlock = 2_400_000

// The errors are the standard library's, so that they mean the same with both.
var (
	errNoStream  = bzip2.StructuralError("bad magic value")
	errLongBlock = bzip2.StructuralError("block is longer than any can be")
	errChecksum  = bzip2.StructuralError("checksum mismatch")
	errBroken    = bzip2.StructuralError("a block begins outside of a stream")
)

// piece is a block that was cut out, or the end of a stream.
type piece struct {
	level byte
	// block is all of it with its magic, with padding behind it; with ends set it is empty.
	block field
	// ends says that the stream ends here, and check is the checksum that it gives.
	ends  bool
	check uint32
}

// cutOut copies some bits, whose first byte is that of data, and leaves room for a bitReader behind them.
func cutOut(data []byte, first, end int) field {
	own := make([]byte, (end+7)/8+padding)
	copy(own, data[:(end+7)/8])
	return field{data: own, first: first, end: end}
}

// splitter cuts a file into blocks.
type splitter struct {
	from *bufio.Reader
	// window has the bytes from the one on in which the current block begins, or all that is not used yet.
	window []byte
	// scanned is how many of them were searched.
	scanned int
	ended   bool
	level   byte
	// bit is where in the window's first byte the next piece begins.
	bit int
	// within says that a stream has begun whose end was not seen.
	within bool
	// extra is for tests: it names places that look like a block's beginning and are none.
	extra func(place int64) bool
	gone  int64
}

// fill reads more. It says false at the end of the file.
func (s *splitter) fill() (bool, error) {
	if s.ended {
		return false, nil
	}
	const chunk = 256 << 10
	at := len(s.window)
	s.window = slices.Grow(s.window, chunk)[:at+chunk]
	n, err := io.ReadAtLeast(s.from, s.window[at:], chunk)
	s.window = s.window[:at+n]
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		s.ended, err = true, nil
	}
	return n > 0, err
}

// need reads until there are so many bytes, or the file ends.
func (s *splitter) need(count int) error {
	for len(s.window) < count {
		if more, err := s.fill(); err != nil || !more {
			return err
		}
	}
	return nil
}

// header reads the beginning of a stream. At the end of the file there is none.
func (s *splitter) header(first bool) error {
	if err := s.need(4); err != nil {
		return err
	}
	switch {
	case len(s.window) == 0 && !first:
		return io.EOF
	case len(s.window) < 4:
		return io.ErrUnexpectedEOF
	case string(s.window[:3]) != "BZh" || s.window[3] < '1' || s.window[3] > '9':
		return errNoStream
	}
	s.level, s.within, s.bit = s.window[3], true, 0
	s.drop(4)
	return nil
}

// drop takes bytes off the window.
func (s *splitter) drop(count int) {
	s.gone += int64(count)
	s.window = s.window[:copy(s.window, s.window[count:])]
	s.scanned = 0
}

// find returns the first place after the bit from at which a magic stands, and which. At the end of the file
// there is none left.
func (s *splitter) find(from int) (place int, magic uint64, err error) {
	at := max(s.scanned, from/8)
	for {
		for ; at+8 <= len(s.window) || s.ended && at < len(s.window); at++ {
			if at+3 < len(s.window) && !maybe[s.window[at+3]] && s.extra == nil {
				continue
			}
			f := field{data: s.window}
			for bit := range 8 {
				place := at*8 + bit
				if place < from {
					continue
				}
				word := f.at(place, magicBits)
				if (word == blockMagic || word == streamMagic) && place+magicBits <= len(s.window)*8 {
					s.scanned = at
					return place, word, nil
				}
				if s.extra != nil && s.extra(s.gone*8+int64(place)) {
					s.scanned = at
					return place, blockMagic, nil
				}
			}
		}
		s.scanned = max(at-8, 0)
		if at > mostBlock {
			return 0, 0, errLongBlock
		}
		if more, err := s.fill(); err != nil {
			return 0, 0, err
		} else if !more && at >= len(s.window) {
			return 0, 0, io.ErrUnexpectedEOF
		}
	}
}

// closes says whether what looks like the end of a stream is one: its checksum is followed by the end of the
// file or another stream. Within a block the same bits may come by chance.
func (s *splitter) closes(place int) (bool, error) {
	after := (place + magicBits + checkBits + 7) / 8
	if err := s.need(after + 3); err != nil {
		return false, err
	}
	rest := s.window[min(after, len(s.window)):]
	return len(s.window) >= after && (len(rest) == 0 || string(rest[:min(3, len(rest))]) == "BZh"), nil
}

// next cuts off the next piece; first says that the file begins. At the file's end it is io.EOF.
func (s *splitter) next(first bool) (piece, error) {
	if !s.within {
		if err := s.header(first); err != nil {
			return piece{}, err
		}
	}
	const most = (7 + magicBits + checkBits + 7) / 8
	if err := s.need(most + 3); err != nil {
		return piece{}, err
	}
	here := field{data: s.window, first: s.bit, end: len(s.window) * 8}
	switch {
	case here.len() < magicBits+checkBits:
		return piece{}, io.ErrUnexpectedEOF
	case here.at(0, magicBits) == streamMagic:
		p := piece{ends: true, check: uint32(here.at(magicBits, checkBits))}
		s.within = false
		s.drop((s.bit + magicBits + checkBits + 7) / 8)
		return p, nil
	case here.at(0, magicBits) != blockMagic && s.extra == nil:
		return piece{}, errBroken
	}
	return s.block()
}

// block cuts off the block that begins here.
func (s *splitter) block() (piece, error) {
	for from := s.bit + magicBits + checkBits; ; from++ {
		place, magic, err := s.find(from)
		if err != nil {
			return piece{}, err
		}
		if magic == streamMagic {
			ends, err := s.closes(place)
			if err != nil {
				return piece{}, err
			}
			if !ends {
				from = place
				continue
			}
		}
		p := piece{level: s.level, block: cutOut(s.window, s.bit, place)}
		s.drop(place / 8)
		s.bit = place % 8
		return p, nil
	}
}
