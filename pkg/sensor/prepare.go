package sensor

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// prepare makes of a layer what is sent of it, and checks it against what the image says of it.
func (l *layer) prepare(ctx context.Context, s *scratch, note meter) (*stored, error) {
	if l.trusted {
		return &stored{l.digest, l.size, l.open}, nil
	}
	if m := l.member; m.packed != nil {
		if err := same(m.diffID, l.diffID); err != nil {
			return nil, err
		}
		if l.digest == (v1.Hash{}) {
			return m.packed, nil
		}
		// A layout that calls a plain tarball compressed.
		return nil, fmt.Errorf("%w of %s: it is not compressed", errSum, l.digest)
	}
	how, err := l.sniff()
	if err != nil {
		return nil, err
	}
	if how == gzipped || how == zstded {
		return l.asIs(ctx, how)
	}
	if l.digest != (v1.Hash{}) {
		return nil, fmt.Errorf("%w of %s: it is not compressed", errSum, l.digest)
	}
	content, err := l.content()
	if err != nil {
		return nil, err
	}
	defer content.Close()
	packed, diffID, err := s.pack(&ending{ctx, content}, note)
	if err != nil {
		return nil, err
	}
	return packed, same(diffID, l.diffID)
}

// same compares checksums of a layer's content.
func same(got, want v1.Hash) error {
	if got != want {
		return fmt.Errorf("%w of a layer: it is %s, and the image's config says %s", errSum, got, want)
	}
	return nil
}

func (l *layer) sniff() (compression, error) {
	content, err := l.content()
	if err != nil {
		return none, err
	}
	defer content.Close()
	begin := make([]byte, 6)
	if n, err := io.ReadFull(content, begin); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return none, err
	} else if n < len(begin) {
		return none, nil
	}
	return sniffed(begin), nil
}

// asIs checks a layer that is compressed already: its own checksum and that of its content.
func (l *layer) asIs(ctx context.Context, how compression) (*stored, error) {
	content, err := l.content()
	if err != nil {
		return nil, err
	}
	defer content.Close()
	outer := newSummed(io.Discard)
	from := bufio.NewReaderSize(io.TeeReader(&ending{ctx, content}, outer), 64<<10)
	plain, err := unpacked(ctx, how, from)
	if err != nil {
		return nil, err
	}
	inner := sha256.New()
	if _, err := io.Copy(inner, &bounded{plain, l.bound}); err != nil {
		return nil, err
	}
	if _, err := io.Copy(io.Discard, from); err != nil {
		return nil, err
	}
	got := &stored{sum(outer.hash), outer.size, l.content}
	if l.digest != (v1.Hash{}) && got.digest != l.digest {
		return nil, fmt.Errorf("%w of %s", errSum, l.digest)
	}
	if l.diffID == (v1.Hash{}) {
		return got, nil
	}
	return got, same(sum(inner), l.diffID)
}
