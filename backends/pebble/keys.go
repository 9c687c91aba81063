// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

// tallyKey is the key of the row that counts the writes. It is not empty, because pebble's
// blocks are not made for empty keys.
var tallyKey = []byte{0}

// firstKey is below the stored keys of all rows, and above tallyKey.
var firstKey = []byte{0, 0}

// stored returns the key under which pebble has the row of key. To keep tallyKey free, a key of
// zero bytes alone becomes one zero byte longer, which keeps its order among all other keys.
func stored(key []byte) []byte {
	if !isZero(key) {
		return key
	}
	return make([]byte, len(key)+1)
}

// original undoes stored.
func original(key []byte) []byte {
	n := len(key)
	if key[n-1] == 0 && isZero(key) {
		n--
	}
	return key[:n:n]
}

func isZero(key []byte) bool {
	for _, b := range key {
		if b != 0 {
			return false
		}
	}
	return true
}
