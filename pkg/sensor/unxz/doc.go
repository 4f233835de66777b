// Package unxz reads xz files (the .xz file format, version 1.2.0) with a bound on the dictionary, which is
// the memory that a file asks for: a header of some bytes can ask for 4 GiB. The library that reads what is in
// a block has no bound, so the blocks are found here.
//
// It must check every checksum, and must not read behind the end of a block before it is asked to.
package unxz
