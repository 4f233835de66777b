// Package bunzip reads bzip2 on several processors.
//
// A bzip2 stream is a row of blocks that can be decoded each by itself, since nothing in one refers to
// another; only where they begin is not written down. They are found by the 48 bits that each begins with, cut
// out, and unpacked by a decoder that is made for whole blocks. What that does not take, the standard library's
// is given as a stream of one block, so that errors and odd forms are its. The form is that of the bzip2
// program, as "BZIP2: Format Specification" by Joe Tsai describes it.
//
// It must not hold more than a few blocks at a time, whatever they unpack to.
package bunzip
