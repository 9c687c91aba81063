// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"bytes"
	"errors"
	"os"
)

// Damage is something that happens to the bytes of a file, or of a part of it. It returns the
// damaged bytes, and does not change sound itself. A negative position counts from the end;
// nothing outside sound is changed.
type Damage func(sound []byte) []byte

// FlipBit flips a bit, 0 to 7, of the byte at a position.
func FlipBit(at, bit int) Damage {
	return func(sound []byte) []byte {
		damaged := bytes.Clone(sound)
		if i := position(at, sound); i >= 0 && i < len(sound) {
			damaged[i] ^= 1 << bit
		}
		return damaged
	}
}

// Zero overwrites n bytes with zeros.
func Zero(at, n int) Damage { return Overwrite(at, make([]byte, n)) }

// Overwrite replaces the bytes at a position with others, up to the end of the file.
func Overwrite(at int, with []byte) Damage {
	return func(sound []byte) []byte {
		damaged := bytes.Clone(sound)
		if i := position(at, sound); i >= 0 && i < len(sound) {
			copy(damaged[i:], with)
		}
		return damaged
	}
}

// Cut removes everything from a position on.
func Cut(at int) Damage {
	return func(sound []byte) []byte {
		return bytes.Clone(sound[:min(max(0, position(at, sound)), len(sound))])
	}
}

func position(at int, in []byte) int {
	if at < 0 {
		return len(in) + at
	}
	return at
}

// DamageFile damages a file in place, and returns what it held before. It writes only the bytes
// that change, so an engine may have the file open, or mapped into memory if it is not cut.
func DamageFile(path string, d Damage) (sound []byte, err error) {
	if sound, err = os.ReadFile(path); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	damaged := d(sound)
	from, to := changed(sound, damaged)
	_, err = f.WriteAt(damaged[from:to], int64(from))
	if len(damaged) != len(sound) {
		err = errors.Join(err, f.Truncate(int64(len(damaged))))
	}
	return sound, errors.Join(err, f.Close())
}

// changed returns the part of damaged in which it differs from sound.
func changed(sound, damaged []byte) (from, to int) {
	both := min(len(sound), len(damaged))
	for from < both && sound[from] == damaged[from] {
		from++
	}
	to = len(damaged)
	for to > from && to <= both && sound[to-1] == damaged[to-1] {
		to--
	}
	return from, to
}
