// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import "fmt"

// Keys are encoded before anybody can see how long they are. For a key of a few bytes that is
// cheap. For one of many megabytes, which no engine takes, it would cost memory only to be
// refused; so a format may tell the size first.

// KeySizer is the optional power of a KeyFormat whose keys may be long: KeySize returns a
// function that tells how many bytes the encoding of a key has at least, in much less time than
// encoding it takes, or nil if nothing is known. Keys that an engine cannot take are then
// refused before they are encoded, which takes seconds for keys of gigabytes.
type KeySizer[K any] interface{ KeySize() func(k K) int }

// keySizeOf returns the function that tells how long a key is at least, or nil if that does not
// matter.
func keySizeOf[K any](key KeyFormat[K], l Limits) func(K) int {
	s, ok := key.(KeySizer[K])
	if !ok || l.Key <= 0 {
		return nil
	}
	return s.KeySize()
}

// refuseLong returns ErrTooLarge for a key that is too long for the engine, as far as that can
// be known before it is encoded: keySize is not nil.
func (f *rowFormat[K, V, W]) refuseLong(k K) error {
	if n := f.keySize(k); n > f.limits.Key-tableNumberSize {
		return fmt.Errorf("%w: a key of at least %d bytes; the engine takes at most %d",
			ErrTooLarge, n,
			f.limits.Key-tableNumberSize)
	}
	return nil
}

// appendKey appends the encoding of a key behind the table's number, which is at the end of dst.
func (f *rowFormat[K, V, W]) appendKey(dst []byte, k K) ([]byte, error) {
	if f.keySize != nil {
		if err := f.refuseLong(k); err != nil {
			return dst, err
		}
	}
	return f.key.Append(dst, k)
}
