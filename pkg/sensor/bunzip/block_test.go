package bunzip

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"errors"
	"io"
	"testing"
)

// What the decoder here does not take, the standard library reads: right, and slower. So that it is seen, usual
// files must be taken.
func TestUsualBlocksAreReadHere(t *testing.T) {
	for _, name := range files {
		packed := file(t, name)
		want, err := io.ReadAll(bzip2.NewReader(bytes.NewReader(packed)))
		if err != nil {
			t.Fatal(err)
		}
		s, d, got := &splitter{from: bufio.NewReader(bytes.NewReader(packed))}, new(decoder), make([]byte, 0, len(want)+1)
		for first := true; ; first = false {
			p, err := s.next(first)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if p.ends {
				continue
			}
			if !d.load(p.block, p.level) {
				t.Fatalf("%s: a block of %d bits is not read here", name, p.block.len())
			}
			n := d.read(got[len(got):cap(got)])
			got = got[:len(got)+n]
			if d.crc != p.checksum() {
				t.Errorf("%s: a block's checksum is %x, want %x", name, d.crc, p.checksum())
			}
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes of %d", name, len(got), len(want))
		}
	}
}

// oneByte is a file of one "a", whose codes for the two runs and the end have the lengths given.
func oneByte(lengths [3]int, bits uint64, count int) []byte {
	const sumOfA = 0x19939b6b
	w := writer{data: []byte("BZh1")}
	w.bits(blockMagic, magicBits)
	w.bits(sumOfA, checkBits)
	w.bits(0, 1+24)
	// Of the ranges of 16 bytes the seventh, and in it the second.
	w.bits(1<<(15-6), 16)
	w.bits(1<<(15-1), 16)
	// Two codes, and one group of symbols with the first of them.
	w.bits(2, 3)
	w.bits(1, 15)
	w.bits(0, 1)
	for range 2 {
		w.bits(uint64(lengths[0]), 5)
		w.bits(0, 1)
		for n, length := range lengths[1:] {
			for at := lengths[n]; at < length; at++ {
				w.bits(2, 2)
			}
			w.bits(0, 1)
		}
	}
	w.bits(bits, count)
	w.bits(streamMagic, magicBits)
	w.bits(sumOfA, checkBits)
	return w.data
}

func TestCodesThatLeaveBitsOverAreTheStandardLibrarys(t *testing.T) {
	for name, packed := range map[string][]byte{
		"whole": oneByte([3]int{1, 2, 2}, 0b0_11, 3), "bits left over": oneByte([3]int{2, 2, 2}, 0b0_11, 3),
		"too many codes": oneByte([3]int{1, 1, 1}, 0b0_1, 2), "longest": oneByte([3]int{1, 20, 20}, 0b0_11, 3),
	} {
		want, wantErr := io.ReadAll(bzip2.NewReader(bytes.NewReader(packed)))
		got, err := io.ReadAll(NewReader(t.Context(), bytes.NewReader(packed)))
		if (err == nil) != (wantErr == nil) || err == nil && !bytes.Equal(got, want) {
			t.Errorf("%s: %q, error %v; the standard library reads %q, error %v", name, got, err, want, wantErr)
		}
		if name == "whole" && string(got) != "a" {
			t.Errorf("%s: %q, error %v", name, got, err)
		}
	}
}

// FuzzBlock holds that of a block which is read here the standard library reads the same. Of one that is broken
// they may read different things, since here it is read from both ends; the checksum tells.
func FuzzBlock(f *testing.F) {
	f.Add(oneByte([3]int{1, 2, 2}, 0b0_11, 3))
	f.Add(oneByte([3]int{2, 2, 2}, 0b0_11, 3))
	f.Add(file(f, "streams.bz2"))
	d, out := new(decoder), make([]byte, 2<<20)
	f.Fuzz(func(t *testing.T, packed []byte) {
		s := &splitter{from: bufio.NewReader(bytes.NewReader(packed))}
		for first := true; ; first = false {
			p, err := s.next(first)
			if err != nil {
				return
			}
			if p.ends || !d.load(p.block, p.level) {
				continue
			}
			n := d.read(out)
			if d.crc != p.checksum() {
				continue
			}
			want := make([]byte, n)
			if m, err := io.ReadFull(bzip2.NewReader(bytes.NewReader(p.stream())), want); n > 0 && (err != nil || !bytes.Equal(want, out[:n])) {
				t.Fatalf("%d bytes are read, and %d by the standard library, with the error %v", n, m, err)
			}
		}
	})
}
