package sensor

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/sensor/bunzip"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/sensor/unxz"
)

// compression is how a file is compressed; empty, it is not.
type compression string

const (
	none    compression = ""
	gzipped compression = "gzip"
	bzipped compression = "bzip2"
	xzipped compression = "xz"
	zstded  compression = "zstd"
)

// magics are how compressed files begin, by their formats' definitions.
var magics = map[compression][]byte{
	gzipped: {0x1f, 0x8b, 0x08}, bzipped: []byte("BZh"), xzipped: {0xfd, '7', 'z', 'X', 'Z', 0}, zstded: {0x28, 0xb5, 0x2f, 0xfd},
}

// sniffed is how a file that begins so is compressed.
func sniffed(begin []byte) compression {
	for c, magic := range magics {
		if bytes.HasPrefix(begin, magic) {
			return c
		}
	}
	return none
}

// What bounds the memory that a file can ask for, which otherwise is gigabytes by some bytes of its header. All
// presets of the two programs stay within these; only windows that were asked for by number are larger.
const (
	// mostWindow is the window of zstd -19.
	mostWindow = 8 << 20
	// mostDictionary is the dictionary of xz -9.
	mostDictionary = 64 << 20
)

// unpacked reads what is in a compressed file. The context ends what reads ahead.
func unpacked(ctx context.Context, c compression, r io.Reader) (io.Reader, error) {
	switch c {
	case gzipped:
		return gzip.NewReader(bufio.NewReaderSize(r, 64<<10))
	case bzipped:
		return bunzip.NewReader(ctx, r), nil
	case xzipped:
		return unxz.NewReader(r, mostDictionary), nil
	case zstded:
		d, err := zstd.NewReader(r, zstd.WithDecoderMaxWindow(mostWindow), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, err
		}
		context.AfterFunc(ctx, d.Close)
		return d, nil
	case none:
	}
	return r, nil
}

// errBomb is a file that unpacks to more than can be meant.
var errBomb = errors.New("it unpacks to more than an image can have")

const (
	// mostUnpacked bounds all that one image unpacks to. The sensor's images have some hundred megabytes.
	mostUnpacked = 8 << 30
	// A file may unpack to bombRatio times its size once it is past bombSize: tarballs come nowhere near.
	bombRatio = 200
	bombSize  = 1 << 30
)

// allowance is how many bytes may still come out of a file.
type allowance struct{ left int64 }

// allowed is the allowance of a file of that size.
func allowed(size int64) *allowance {
	if size > mostUnpacked/bombRatio {
		return &allowance{mostUnpacked}
	}
	return &allowance{max(size*bombRatio, bombSize)}
}

// bounded is a reader that fails when the allowance is used up.
type bounded struct {
	from io.Reader
	a    *allowance
}

// Read fails with errBomb in place of the first byte too many.
func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.from.Read(p)
	if b.a.left -= int64(n); b.a.left < 0 {
		return 0, fmt.Errorf("%w (a bomb?)", errBomb)
	}
	return n, err
}
