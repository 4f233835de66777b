package bunzip

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"context"
	"errors"
	"io"
	"runtime"
)

const (
	// chunkSize is how much of a block is handed on at a time, and chunksAhead how many of them wait for the reader.
	// A usual block unpacks to 900,000 bytes, and one of nothing but zeros to 46 million.
	chunkSize   = 128 << 10
	chunksAhead = 8
	// mostWorkers bounds how many blocks are unpacked at once: each takes 6 MB.
	mostWorkers = 4
	// mostJoined is how many pieces are tried together where a block was cut at bits that only look like
	// another's beginning.
	mostJoined = 4
)

// job is a piece on its way through a worker. Its chunks come in order; err counts once out is closed.
type job struct {
	piece piece
	out   chan []byte
	err   error
}

// reader hands on what the workers make of the blocks, in the blocks' order.
type reader struct {
	ctx   context.Context
	order chan *job
	// current is the job being read, chunk its last, rest what is left of that, and free are those that were read.
	current     *job
	chunk, rest []byte
	free        chan []byte
	// told says that something of the current block was read.
	told     bool
	combined uint32
	err      error
}

// NewReader returns a reader of what from unpacks to, which uses up to four processors. It must be read to its end or
// to an error, or the context be ended: until then it reads ahead. Errors are those of compress/bzip2, and
// io.ErrUnexpectedEOF where the file ends too early.
func NewReader(ctx context.Context, from io.Reader) io.Reader {
	return newReader(ctx, &splitter{from: bufio.NewReaderSize(from, 256<<10)})
}

func newReader(ctx context.Context, s *splitter) *reader {
	workers := min(runtime.GOMAXPROCS(0), mostWorkers)
	r := &reader{ctx: ctx, order: make(chan *job, workers), free: make(chan []byte, 2*workers*chunksAhead)}
	work := make(chan *job)
	for range workers {
		go func() {
			var d *decoder
			for j := range work {
				if d == nil {
					d = new(decoder)
				}
				r.run(j, d)
			}
		}()
	}
	go func() {
		defer close(work)
		defer close(r.order)
		for first := true; ; first = false {
			p, err := s.next(first)
			j := &job{piece: p, out: make(chan []byte, chunksAhead), err: err}
			if err != nil || p.ends {
				close(j.out)
			}
			select {
			case r.order <- j:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
			if p.ends {
				continue
			}
			select {
			case work <- j:
			case <-ctx.Done():
				return
			}
		}
	}()
	return r
}

// stream is a file with this one block.
func (p *piece) stream() []byte {
	w := writer{data: make([]byte, 0, p.block.len()/8+24)}
	w.data = append(w.data, 'B', 'Z', 'h', p.level)
	w.field(p.block)
	w.bits(streamMagic, magicBits)
	// The checksum of one block is the stream's.
	w.bits(uint64(p.checksum()), checkBits)
	return w.data
}

// checksum is that of what the block unpacks to.
func (p *piece) checksum() uint32 { return uint32(p.block.at(magicBits, checkBits)) }

// run unpacks the block.
func (r *reader) run(j *job, d *decoder) {
	defer close(j.out)
	if !d.load(j.piece.block, j.piece.level) {
		r.runStandard(j)
		return
	}
	for ended := false; !ended; {
		chunk := r.empty()
		n := d.read(chunk)
		if ended = n < len(chunk); ended && d.crc != j.piece.checksum() {
			j.err = errChecksum
		}
		if n > 0 && !r.hand(j, chunk[:n]) {
			return
		}
	}
}

// runStandard unpacks the block by the standard library, or has its error.
func (r *reader) runStandard(j *job) {
	from := bzip2.NewReader(bytes.NewReader(j.piece.stream()))
	for {
		chunk := r.empty()
		n, err := io.ReadFull(from, chunk)
		if n > 0 && !r.hand(j, chunk[:n]) {
			return
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF) && n > 0 && n < chunkSize && ended(from):
			return
		case err != nil:
			j.err = err
			return
		}
	}
}

// empty is a chunk to be filled.
func (r *reader) empty() []byte {
	select {
	case chunk := <-r.free:
		return chunk[:chunkSize]
	default:
		return make([]byte, chunkSize)
	}
}

// hand gives a chunk to the reader, and says false if nobody reads any more.
func (r *reader) hand(j *job, chunk []byte) bool {
	select {
	case j.out <- chunk:
		return true
	case <-r.ctx.Done():
		j.err = r.ctx.Err()
		return false
	}
}

// ended says whether a reader that gave less than was asked for is at its end.
func ended(from io.Reader) bool {
	_, err := from.Read(make([]byte, 1))
	return errors.Is(err, io.EOF)
}

// Read gives what comes next.
func (r *reader) Read(p []byte) (int, error) {
	for len(r.rest) == 0 && r.err == nil {
		r.err = r.advance()
	}
	if len(r.rest) > 0 {
		n := copy(p, r.rest)
		r.rest = r.rest[n:]
		return n, nil
	}
	return 0, r.err
}

// advance gets the next chunk, or the next job.
func (r *reader) advance() error {
	if r.current == nil {
		j, err := r.next()
		if err != nil {
			return err
		}
		r.current, r.told = j, false
	}
	j := r.current
	if cap(r.chunk) == chunkSize {
		select {
		case r.free <- r.chunk:
		default:
		}
		r.chunk = nil
	}
	select {
	case chunk, more := <-j.out:
		if more {
			r.chunk, r.rest, r.told = chunk, chunk, true
			return nil
		}
	case <-r.ctx.Done():
		return r.ctx.Err()
	}
	r.current = nil
	switch {
	case j.piece.ends:
		if j.piece.check != r.combined {
			return errChecksum
		}
		r.combined = 0
		return nil
	case j.err != nil && !r.told && j.piece.block.len() > 0:
		return r.join(j)
	case j.err != nil:
		return j.err
	}
	r.combined = combine(r.combined, j.piece.checksum())
	return nil
}

// next is the next job in order.
func (r *reader) next() (*job, error) {
	select {
	case j, ok := <-r.order:
		if ok {
			return j, nil
		}
		return nil, io.EOF
	case <-r.ctx.Done():
		return nil, r.ctx.Err()
	}
}

// join tries a block that cannot be unpacked together with what was cut off behind it.
func (r *reader) join(j *job) error {
	whole := piece{level: j.piece.level, block: j.piece.block}
	for range mostJoined - 1 {
		more, err := r.next()
		if err != nil || more.piece.ends || more.piece.block.len() == 0 {
			return j.err
		}
		go func() {
			// What its worker makes of a part is nothing.
			for range more.out {
			}
		}()
		w := writer{}
		w.field(whole.block)
		w.field(more.piece.block)
		whole.block = field{data: w.data, end: whole.block.len() + more.piece.block.len()}
		all, err := io.ReadAll(bzip2.NewReader(bytes.NewReader(whole.stream())))
		if err == nil {
			r.rest = all
			r.combined = combine(r.combined, whole.checksum())
			return nil
		}
	}
	return j.err
}
