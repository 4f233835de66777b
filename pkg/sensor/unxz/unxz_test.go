package unxz

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/ulikunitz/xz"
)

const most = 1 << 20

func file(t *testing.T, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// What the xz program wrote with each checksum, with several blocks and streams and zeros between them.
var files = []string{"none.xz", "crc32.xz", "crc64.xz", "sha256.xz", "streams.xz", "small.xz"}

func reader(content []byte) *Reader { return NewReader(bytes.NewReader(content), most) }

func TestReadsWhatTheLibraryReads(t *testing.T) {
	for _, name := range files {
		packed := file(t, name)
		r, err := xz.NewReader(bytes.NewReader(packed))
		if err != nil {
			t.Fatal(err)
		}
		want, err := io.ReadAll(r)
		if err != nil || len(want) == 0 {
			t.Fatalf("%s: the library reads %d bytes, %v", name, len(want), err)
		}
		for how, from := range map[string]io.Reader{"whole": bytes.NewReader(packed), "byte by byte": iotest.OneByteReader(bytes.NewReader(packed)),
			"the end with the data": iotest.DataErrReader(bytes.NewReader(packed))} {
			got, err := io.ReadAll(NewReader(from, most))
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s, %s: %d bytes of %d, error %v", name, how, len(got), len(want), err)
			}
		}
	}
}

// A file that is cut anywhere is told from a whole one. Between streams it is one.
func TestCutAnywhere(t *testing.T) {
	packed := file(t, "crc64.xz")
	for n := range packed {
		if _, err := io.ReadAll(reader(packed[:n])); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("at %d of %d: %v", n, len(packed), err)
		}
	}
}

// No byte can be changed so that something else comes out. The library does not look at how long a chunk says
// that it is once it has all of it; such a change changes nothing.
func TestDamagedAnywhere(t *testing.T) {
	for _, name := range []string{"crc32.xz", "crc64.xz", "sha256.xz", "streams.xz"} {
		packed := file(t, name)
		want, err := io.ReadAll(reader(packed))
		if err != nil {
			t.Fatal(err)
		}
		for n := range packed {
			damaged := bytes.Clone(packed)
			damaged[n] ^= 0x41
			if got, err := io.ReadAll(reader(damaged)); err == nil && !bytes.Equal(got, want) {
				t.Errorf("%s: %d bytes of %d after a change at %d of %d", name, len(got), len(want), n, len(packed))
			}
		}
	}
}

// asking is a file whose block of that number asks for a dictionary by that code. The header begins with its
// length and has its checksum behind it.
func asking(t *testing.T, packed []byte, number int, code byte) []byte {
	t.Helper()
	changed := bytes.Clone(packed)
	at := 0
	for range number {
		next := bytes.Index(changed[at+1:], []byte{lzma2, 1, 0})
		if next < 0 {
			t.Fatal("the file has too few blocks")
		}
		at += 1 + next
	}
	changed[at+2] = code
	// Headers of these files have 12 bytes without sizes, or 20 and more with them: look for the one that fits.
	for begin := at - 2; begin > at-24; begin-- {
		length := 4 * (int(packed[begin]) + 1)
		if end := begin + length; length >= 8 && end <= len(packed) && end > at+2 &&
			crc32.ChecksumIEEE(packed[begin:end-4]) == binary.LittleEndian.Uint32(packed[end-4:]) {
			binary.LittleEndian.PutUint32(changed[end-4:], crc32.ChecksumIEEE(changed[begin:end-4]))
			return changed
		}
	}
	t.Fatal("the block's header is not found")
	return nil
}

// A dictionary that is too large is refused before it is made, in the first block and in a later one.
func TestBoundsTheDictionary(t *testing.T) {
	one := file(t, "small.xz")
	two := append(bytes.Clone(one), one...)
	for _, number := range []int{1, 2} {
		// 40 is 4 GiB, 17 is 1.5 MiB, 16 is 1 MiB.
		for code, asked := range map[byte]int64{40: 1<<32 - 1, 17: 3 << 19, 16: 0} {
			packed := asking(t, two, number, code)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := io.ReadAll(NewReader(bytes.NewReader(packed), most))
			runtime.ReadMemStats(&after)
			large, refused := errors.AsType[*TooLarge](err)
			if asked == 0 {
				if err != nil {
					t.Errorf("block %d: the bound itself is refused: %v", number, err)
				}
				continue
			}
			if !refused || large.Asked != asked || large.Most != most {
				t.Errorf("block %d, %d: %v", number, code, err)
			}
			if n := after.TotalAlloc - before.TotalAlloc; n > most {
				t.Errorf("block %d, %d: %d bytes of memory", number, code, n)
			}
		}
	}
	if text := (&TooLarge{1 << 30, 1 << 20}).Error(); text != "its compression asks for a dictionary of 1024 MiB, and 1 MiB is the most" {
		t.Error(text)
	}
}

func TestSaysWhatItDoesNotKnow(t *testing.T) {
	kind := bytes.Clone(file(t, "small.xz"))
	kind[7] = 2
	binary.LittleEndian.PutUint32(kind[8:], crc32.ChecksumIEEE(kind[6:8]))
	for name, content := range map[string][]byte{"has filters": file(t, "filter.xz"), "checksums of a kind 2": kind,
		"no xz file": []byte(strings.Repeat("text", 10))} {
		if _, err := io.ReadAll(reader(content)); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n, err := reader(file(t, "small.xz")).Read(nil); n != 0 || err != nil {
		t.Errorf("nothing was asked for: %d, %v", n, err)
	}
}
