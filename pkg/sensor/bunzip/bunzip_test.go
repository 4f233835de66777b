package bunzip

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

func file(t testing.TB, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

var files = []string{"text.bz2", "zeros.bz2", "streams.bz2", "empty.bz2", "../../testdata/image.tar.bz2"}

func TestReadsWhatTheStandardLibraryReads(t *testing.T) {
	for _, name := range files {
		packed := file(t, name)
		want, err := io.ReadAll(bzip2.NewReader(bytes.NewReader(packed)))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(NewReader(t.Context(), bytes.NewReader(packed)))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes of %d, error %v", name, len(got), len(want), err)
		}
	}
}

// Bits within a block may look like the beginning of another.
func TestJoinsABlockThatWasCutByChance(t *testing.T) {
	packed := file(t, "text.bz2")
	want, err := io.ReadAll(bzip2.NewReader(bytes.NewReader(packed)))
	if err != nil {
		t.Fatal(err)
	}
	middle := int64(len(packed) * 8 / 2)
	for name, places := range map[string][]int64{"one": {40_000}, "two in one block": {40_000, 43_003}, "two": {40_000, middle + 5},
		"near the end": {int64(len(packed)-600) * 8}} {
		extra := func(place int64) bool {
			for _, p := range places {
				if place == p {
					return true
				}
			}
			return false
		}
		got, err := io.ReadAll(newReader(t.Context(), &splitter{from: bufio.NewReader(bytes.NewReader(packed)), extra: extra}))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes of %d, error %v", name, len(got), len(want), err)
		}
	}
}

func TestEveryCutIsTold(t *testing.T) {
	packed := file(t, "streams.bz2")
	for n := 1; n < len(packed); n += 1 + len(packed)/150 {
		got, err := io.ReadAll(NewReader(t.Context(), bytes.NewReader(packed[:n])))
		want, wantErr := io.ReadAll(bzip2.NewReader(bytes.NewReader(packed[:n])))
		if (err == nil) != (wantErr == nil) || err == nil && !bytes.Equal(got, want) {
			t.Fatalf("cut at %d: error %v, and the standard library says %v", n, err, wantErr)
		}
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("cut at %d: error %v", n, err)
		}
	}
}

func TestDamageIsTold(t *testing.T) {
	packed := file(t, "text.bz2")
	for n := 4; n < len(packed); n += 1 + len(packed)/25 {
		bad := bytes.Clone(packed)
		bad[n] ^= 0x10
		if _, err := io.ReadAll(NewReader(t.Context(), bytes.NewReader(bad))); err == nil {
			t.Fatalf("damage at %d was not seen", n)
		}
	}
	for name, content := range map[string][]byte{"text": []byte("no bzip2 at all"), "garbage behind": append(bytes.Clone(packed), "more"...),
		"a level that there is not": []byte("BZh0aaaaaaaaaaaaaaa"), "no block": append([]byte("BZh9"), make([]byte, 5<<20)...)} {
		if _, err := io.ReadAll(NewReader(t.Context(), bytes.NewReader(content))); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

type broken struct{ from io.Reader }

var errBrokenSource = errors.New("the disk is gone")

func (b broken) Read(p []byte) (int, error) {
	n, err := b.from.Read(p)
	if errors.Is(err, io.EOF) {
		err = errBrokenSource
	}
	return n, err
}

func TestErrorsOfTheSourceAreHandedOn(t *testing.T) {
	packed := file(t, "text.bz2")
	_, err := io.ReadAll(NewReader(t.Context(), broken{bytes.NewReader(packed[:len(packed)/2])}))
	if !errors.Is(err, errBrokenSource) {
		t.Errorf("got %v", err)
	}
}

// A block of zeros is a few bytes and unpacks to many megabytes: what waits to be read stays small, and nothing
// is left behind when the reader goes.
func TestNothingIsLeftWhenTheContextEnds(t *testing.T) {
	before := runtime.NumGoroutine()
	ctx, cancel := context.WithCancel(t.Context())
	r := NewReader(ctx, bytes.NewReader(file(t, "zeros.bz2")))
	if _, err := io.ReadFull(r, make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	cancel()
	for end := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
	}
}

func FuzzReader(f *testing.F) {
	for _, name := range []string{"empty.bz2", "streams.bz2"} {
		content, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
	}
	f.Fuzz(func(t *testing.T, packed []byte) {
		want, wantErr := io.ReadAll(io.LimitReader(bzip2.NewReader(bytes.NewReader(packed)), 64<<20))
		got, err := io.ReadAll(io.LimitReader(NewReader(t.Context(), bytes.NewReader(packed)), 64<<20))
		if wantErr == nil && (err != nil || !bytes.Equal(got, want)) {
			t.Fatalf("error %v, and the standard library reads it", err)
		}
		if err == nil && !bytes.Equal(got, want) {
			t.Fatal("it reads something else than the standard library")
		}
	})
}
