// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package formattest

import (
	"bytes"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
)

// perKind is roughly how many inputs of one kind there are.
const perKind = 1500

// inputs yields byte strings of every kind that is known to break readers, with a description.
// They are the same in every run. The valid ones come first.
func inputs(valid [][]byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for _, kind := range []func([][]byte) iter.Seq2[string, []byte]{
			untouched, extended, truncated, flipped, replaced, repeated, random,
		} {
			for name, b := range kind(valid) {
				if !yield(name, b) {
					return
				}
			}
		}
	}
}

func untouched(valid [][]byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		if !yield("no bytes", nil) || !yield("no bytes", []byte{}) {
			return
		}
		for _, b := range valid {
			if !yield("untouched encoding", b) {
				return
			}
		}
	}
}

func extended(valid [][]byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for _, b := range valid {
			for _, tail := range [][]byte{{0}, {0xff}, b} {
				if len(tail) > 0 && !yield("encoding with more bytes behind it",
					slices.Concat(b, tail)) {
					return
				}
			}
		}
	}
}

func truncated(valid [][]byte) iter.Seq2[string, []byte] {
	return eachPosition(valid, 1, func(b []byte, at int, yield func(string, []byte) bool) bool {
		return yield(fmt.Sprintf("first %d of %d bytes", at, len(b)), b[:at])
	})
}

func flipped(valid [][]byte) iter.Seq2[string, []byte] {
	return eachPosition(valid, 8, func(b []byte, at int, yield func(string, []byte) bool) bool {
		for bit := range 8 {
			c := bytes.Clone(b)
			c[at] ^= 1 << bit
			if !yield(fmt.Sprintf("bit %d of byte %d flipped", bit, at), c) {
				return false
			}
		}
		return true
	})
}

// hostile are counts and lengths that are too big, from a little to absurdly, as fixed numbers
// in both byte orders and as varints, and the heads of big items in self-describing encodings.
var hostile = []string{
	"\x7f", "\x80", "\xff", "\x7f\xff", "\xff\xff", "\xff\x7f", "\xff\x00",
	"\x00\xff\xff\xff", "\xff\xff\xff\x00", "\x7f\xff\xff\xff", "\xff\xff\xff\x7f",
	"\xff\xff\xff\xff",
	"\x00\x00\x00\x00\x7f\xff\xff\xff", "\x7f\xff\xff\xff\xff\xff\xff\xff",
	"\xff\xff\xff\xff\xff\xff\xff\xff",
	"\xff\xff\xff\x07", "\xff\xff\xff\xff\x07", "\xff\xff\xff\xff\xff\xff\xff\xff\x01",
	"\x9a\x00\xff\xff\xff", "\xba\x00\xff\xff\xff", "\x5a\x7f\xff\xff\xff",
	"\x9b\x7f\xff\xff\xff\xff\xff\xff\xff",
	"\x9f", "\xbf", "\xdd\x00\xff\xff\xff", "\xdf\x7f\xff\xff\xff", "\xc6\x7f\xff\xff\xff",
	"1e999", "[[[[",
}

func replaced(valid [][]byte) iter.Seq2[string, []byte] {
	return eachPosition(valid, len(hostile),
		func(b []byte, at int, yield func(string, []byte) bool) bool {
			for _, h := range hostile {
				c := slices.Concat(b[:at], []byte(h))
				if len(c) < len(b) {
					c = append(c, b[len(c):]...)
				}
				if !yield(fmt.Sprintf("%x written over byte %d", h, at), c) {
					return false
				}
			}
			return true
		})
}

// repeated nests as deeply as possible, in every encoding that opens a level with one byte.
func repeated([][]byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for c := range 256 {
			for _, n := range []int{1, 9, 4096} {
				if !yield("one byte repeated", bytes.Repeat([]byte{byte(c)}, n)) {
					return
				}
			}
		}
	}
}

func random(valid [][]byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		r := rand.New(rand.NewPCG(1, 2))
		for i := range perKind {
			b, oneIn := make([]byte, r.IntN(100)), 1
			if len(valid) > 0 && i%2 == 0 {
				b, oneIn = bytes.Clone(valid[r.IntN(len(valid))]), 2+r.IntN(30)
			}
			for at := range b {
				if r.IntN(oneIn) == 0 {
					b[at] = byte(r.Uint32())
				}
			}
			if !yield("random bytes", b) {
				return
			}
		}
	}
}

// eachPosition calls fn, which yields so many inputs, for positions that are evenly spread over
// the encodings: for all of them if they are short.
func eachPosition(valid [][]byte, each int,
	fn func(b []byte, at int, yield func(string, []byte) bool) bool,
) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for _, b := range valid {
			most := max(perKind/each/len(valid), 16)
			step := max((len(b)+most-1)/most, 1)
			for at := 0; at < len(b); at += step {
				if !fn(b, at, yield) {
					return
				}
			}
		}
	}
}
