// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger

import (
	"bytes"
)

// badger reserves keys that begin with "!badger!" for itself. Such keys, and those that would
// be in their way, are stored with one more byte, which keeps the order of all keys. The keys
// that are then unused are left for this package:
//
//	"!badger!" rest   is stored as   "!badger\"" 0 rest
//	"!badger\"" rest  is stored as   "!badger\"" 1 rest
//	                                 "!badger\"" 2 ...    are keys of this package
//
// Every other key is stored as it is.
const (
	ofBadger = "!badger!"
	escape   = "!badger\""
)

const reserved = escape + "\x02"

// tallyKey is the key of the row that counts the writes; scratchKey is the key of a row that is
// dropped to make badger empty its memtable.
var (
	tallyKey   = []byte(reserved + "tally")
	scratchKey = []byte(reserved + "scratch")
)

// maxKey is the longest key that badger takes, less the byte by which one may grow.
const maxKey = 65000 - 1

// stored returns the key under which badger has key. It is key itself, or a copy that is longer.
func stored(key []byte) []byte {
	if len(key) < len(escape) || key[0] != '!' {
		return key
	}
	if bytes.HasPrefix(key, []byte(ofBadger)) {
		return escaped(0, key)
	}
	if bytes.HasPrefix(key, []byte(escape)) {
		return escaped(1, key)
	}
	return key
}

func escaped(which byte, key []byte) []byte {
	k := make([]byte, 0, len(key)+1)
	k = append(k, escape...)
	k = append(k, which)
	return append(k, key[len(escape):]...)
}

// isReserved reports whether a stored key is one of this package.
func isReserved(key []byte) bool {
	return key[0] == '!' && bytes.HasPrefix(key, []byte(reserved))
}

// logical returns the key that is stored as key. Where they differ it is put into buf.
func logical(key, buf []byte) []byte {
	if key[0] != '!' || len(key) <= len(escape) || !bytes.HasPrefix(key, []byte(escape)) {
		return key
	}
	if key[len(escape)] == 0 {
		buf = append(buf[:0], ofBadger...)
	} else {
		buf = append(buf[:0], escape...)
	}
	return append(buf, key[len(escape)+1:]...)
}
