// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package compress

import (
	"context"
	"encoding/binary"
	"slices"
)

// This file chooses the pieces of samples that a dictionary consists of: those that contain the
// most byte sequences that are frequent in the samples. The algorithm is known as FastCOVER; its
// parameters are fixed here.
const (
	gramSize  = 8   // what is counted are sequences of so many bytes
	gramBits  = 20  // of their hashes
	pieceSize = 256 // of each piece
	rounds    = 4   // how many pieces are taken of each part of the samples at most
	leastSize = 16  // of a dictionary
)

// grams counts sequences of bytes by their hash.
type grams []uint16

func gram(b []byte) uint32 {
	const prime = 0xcf1bbcdcb7a56463
	return uint32(binary.LittleEndian.Uint64(b) * prime >> (64 - gramBits))
}

// cover returns up to size bytes of samples. The most useful ones come last, where referring to
// them is cheapest.
func cover(ctx context.Context, samples [][]byte, size int) ([]byte, error) {
	counts := countGrams(samples)
	parts := max(1, size/pieceSize/rounds)
	var pieces [][]byte
	left := size
	for range rounds {
		for part := range parts {
			if err := context.Cause(ctx); err != nil {
				return nil, err
			}
			piece := counts.best(samples[part*len(samples)/parts : (part+1)*len(samples)/parts])
			piece = piece[:min(len(piece), left)]
			if len(piece) < gramSize {
				continue
			}
			counts.forget(piece)
			pieces = append(pieces, piece)
			left -= len(piece)
		}
	}
	slices.Reverse(pieces)
	content := slices.Concat(pieces...)
	if len(content) < leastSize {
		return nil, errFewSamples
	}
	return content, nil
}

// countGrams counts in how many samples each sequence occurs. A sequence that occurs in only
// one does not count.
func countGrams(samples [][]byte) grams {
	counts, seenIn := make(grams, 1<<gramBits), make([]int32, 1<<gramBits)
	for i, s := range samples {
		for at := 0; at+gramSize <= len(s); at++ {
			if g := gram(s[at:]); seenIn[g] != int32(i)+1 {
				seenIn[g] = int32(i) + 1
				counts[g] += min(1, ^counts[g])
			}
		}
	}
	for g, n := range counts {
		if n == 1 {
			counts[g] = 0
		}
	}
	return counts
}

// best returns the piece of the samples whose sequences occur most often.
func (c grams) best(samples [][]byte) (piece []byte) {
	var most int
	inside := make(map[uint32]int) // how often a sequence occurs in the piece: it counts once
	for _, s := range samples {
		clear(inside)
		score, from := 0, 0
		for at := 0; at+gramSize <= len(s); at++ {
			g := gram(s[at:])
			if inside[g]++; inside[g] == 1 {
				score += int(c[g])
			}
			if at+gramSize-from > pieceSize {
				g := gram(s[from:])
				if inside[g]--; inside[g] == 0 {
					delete(inside, g)
					score -= int(c[g])
				}
				from++
			}
			if score > most {
				most, piece = score, s[from:at+gramSize]
			}
		}
	}
	return c.trimmed(piece)
}

// trimmed cuts off the ends of a piece that occur nowhere else.
func (c grams) trimmed(piece []byte) []byte {
	for len(piece) >= gramSize && c[gram(piece)] == 0 {
		piece = piece[1:]
	}
	for len(piece) >= gramSize && c[gram(piece[len(piece)-gramSize:])] == 0 {
		piece = piece[:len(piece)-1]
	}
	return piece
}

// forget makes the sequences of a piece worthless, since the dictionary has them now.
func (c grams) forget(piece []byte) {
	for at := 0; at+gramSize <= len(piece); at++ {
		c[gram(piece[at:])] = 0
	}
}
