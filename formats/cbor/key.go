// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cbor

import (
	"bytes"
	"errors"
	"fmt"
	"sync"

	"github.com/guardkv/guardkv/core"
)

// Key returns a format that stores keys of type K as CBOR. The keys are not ordered: for range
// scans use the formats of package keys.
//
// A key has exactly one encoding, and bytes that are not the encoding of the key they decode to
// are refused. Keys that differ only as follows are the same key: +0 and -0; one NaN and
// another; a nil slice or map and an empty one; a time and the same instant in another zone;
// pointers to the same value.
//
// K is made of booleans, integers, floats, strings, [time.Time], [math/big.Int], types that
// encode themselves, and of structs, arrays, slices, maps of and pointers to those. If a type
// could make two keys one, [core.OpenTable] and every call refuse it, and the error says which
// part of it is to blame: interfaces, pointers to pointers and to [time.Time], and in structs
// the fields that are unexported, embedded, left out, share a name, or have the option
// omitempty or omitzero. A type that encodes itself is taken at its word.
func Key[K any](opts ...Option) core.KeyFormat[K] {
	l := newLimits(opts)
	if err := checkKeyType[K](l); err != nil {
		return &keyFormat[K]{limits: l, unfit: err}
	}
	return &keyFormat[K]{limits: l, dec: newDecoder[K](l), enc: newEncoder[K](l.keyEncMode(), l)}
}

type keyFormat[K any] struct {
	limits  limits
	dec     *decoder
	enc     *encoder[K]
	unfit   error     // why K cannot be a key
	buffers sync.Pool // of *[]byte, for comparing
}

var (
	_ core.KeyFormat[string] = (*keyFormat[string])(nil)
	_ core.KeyChecker        = (*keyFormat[string])(nil)
)

// ID returns "cbor-key/1", or "cbor-key-text/1" with [WithText].
func (f *keyFormat[K]) ID() string {
	if f.limits.text {
		return "cbor-key-text/1"
	}
	return "cbor-key/1"
}

// CheckKey returns an error if K cannot be a key.
func (f *keyFormat[K]) CheckKey() error { return f.unfit }

// Ordered returns false: CBOR puts "b" before "aa", and 0 before -1.
func (f *keyFormat[K]) Ordered() bool { return false }

// Append appends the encoding of k. The arguments may be reused when the call returns.
func (f *keyFormat[K]) Append(dst []byte, k K) ([]byte, error) {
	if f.unfit != nil {
		return nil, f.unfit
	}
	result, _, err := f.enc.append(dst, &k)
	if err != nil {
		return nil, cannotEncode[K](err)
	}
	b := result[len(dst):]
	s := scan{b: b, limits: f.limits, unify: true}
	plain := s.all()
	if plain {
		err = f.dec.check(b)
	} else {
		err = f.dec.decode(b, new(K))
	}
	switch {
	case err != nil:
		return nil, cannotEncode[K](fmt.Errorf("it could not be read again: %w", err))
	case !plain:
		return nil, cannotEncode[K](errNotPlain)
	}
	return result, nil
}

var errNotPlain = errors.New("it is not in the core deterministic form of CBOR: a map is not sorted" +
	" (one with the key -0 cannot be), or a type that encodes itself uses something exotic")

// Decode decodes b. The key is a copy and may be kept.
func (f *keyFormat[K]) Decode(b []byte) (K, error) {
	var k, none K
	if f.unfit != nil {
		return none, f.unfit
	}
	if err := f.dec.decode(b, &k); err != nil {
		return none, cannotDecode[K](err)
	}
	if err := f.sameBytes(k, b); err != nil {
		return none, cannotDecode[K](err)
	}
	return k, nil
}

// sameBytes returns an error unless b is the encoding of k.
func (f *keyFormat[K]) sameBytes(k K, b []byte) error {
	buffer, ok := f.buffers.Get().(*[]byte)
	if !ok {
		buffer = new([]byte)
	}
	again, err := f.Append((*buffer)[:0], k)
	if err != nil {
		return err
	}
	same := bytes.Equal(again, b)
	*buffer = again
	f.buffers.Put(buffer)
	if !same {
		return errNotCanonical
	}
	return nil
}

var errNotCanonical = errors.New("this is not how the key that it decodes to is encoded")
