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
	// current is the job being read, and rest what is left of its last chunk.
	current *job
	rest    []byte
	// told says that something of the current block was read.
	told     bool
	combined uint32
	err      error
}

// NewReader returns a reader of what from unpacks to, which uses all processors. It must be read to its end or
// to an error, or the context be ended: until then it reads ahead. Errors are those of compress/bzip2, and
// io.ErrUnexpectedEOF where the file ends too early.
func NewReader(ctx context.Context, from io.Reader) io.Reader {
	return newReader(ctx, &splitter{from: bufio.NewReaderSize(from, 256<<10)})
}

func newReader(ctx context.Context, s *splitter) *reader {
	workers := runtime.GOMAXPROCS(0)
	r := &reader{ctx: ctx, order: make(chan *job, workers)}
	work := make(chan *job)
	for range workers {
		go func() {
			for j := range work {
				j.run(ctx)
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
	w.bits(p.block.at(magicBits, checkBits), checkBits)
	return w.data
}

// run unpacks the block.
func (j *job) run(ctx context.Context) {
	defer close(j.out)
	from := bzip2.NewReader(bytes.NewReader(j.piece.stream()))
	for {
		chunk := make([]byte, chunkSize)
		n, err := io.ReadFull(from, chunk)
		if n > 0 {
			select {
			case j.out <- chunk[:n]:
			case <-ctx.Done():
				j.err = ctx.Err()
				return
			}
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
	select {
	case chunk, more := <-j.out:
		if more {
			r.rest, r.told = chunk, true
			return nil
		}
	case <-r.ctx.Done():
		return r.ctx.Err()
	}
	r.current = nil
	switch {
	case j.piece.ends:
		if j.piece.check != r.combined {
			return bzip2.StructuralError("checksum mismatch")
		}
		r.combined = 0
		return nil
	case j.err != nil && !r.told && j.piece.block.len() > 0:
		return r.join(j)
	case j.err != nil:
		return j.err
	}
	r.combined = combine(r.combined, uint32(j.piece.block.at(magicBits, checkBits)))
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
			r.combined = combine(r.combined, uint32(whole.block.at(magicBits, checkBits)))
			return nil
		}
	}
	return j.err
}
