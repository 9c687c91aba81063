// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package gob

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"sync"

	"github.com/guardkv/guardkv/core"
)

// Key returns a format that stores keys of type K as gob. The keys are not ordered: for range
// scans use the formats of package keys.
//
// A key has exactly one encoding, and bytes that are not the encoding of the key they decode to
// are refused. A nil slice and an empty one are the same key.
//
// K is made of booleans, integers, strings, types that encode themselves, and of structs,
// arrays and slices of those. Other types cannot be keys, and [core.OpenTable] says which part
// of K is to blame: maps, which are encoded in any order; interfaces; pointers, because nil and
// a pointer to zero are stored alike; floats and complex numbers, because +0 and -0 are equal
// and are stored differently; [time.Time], because the same instant in another zone is stored
// differently; structs with fields that are not stored. A type that encodes itself is taken at
// its word.
//
// The description of K is part of the ID, so a table whose keys are stored as another type
// cannot be opened.
func Key[K any](opts ...Option) core.KeyFormat[K] {
	f := &keyFormat[K]{limits: newOptions(opts).limits}
	f.describe = sync.OnceFunc(f.prepare)
	return f
}

type keyFormat[K any] struct {
	limits   limits
	describe func() // sets what follows, once
	unfit    error  // why K cannot be a key
	id       string
	plan     *plan
	encoders encoders[K]
	decoders decoders
	buffers  sync.Pool // of *[]byte, for comparing
}

var (
	_ core.KeyFormat[string] = (*keyFormat[string])(nil)
	_ core.KeyChecker        = (*keyFormat[string])(nil)
)

// keyID is what the IDs of all key formats start with.
const keyID = "gob-key/1"

// maxKeyID is how long the description of a key may be.
const maxKeyID = 1 << 16

func (f *keyFormat[K]) prepare() {
	t := reflect.TypeFor[K]()
	f.id = keyID
	if f.unfit = checkKeyType(t); f.unfit != nil {
		return
	}
	r, err := localRecord[K]()
	if err != nil {
		f.unfit = err
		return
	}
	f.id += " " + r.types.describe(r.types.root, maxKeyID)
	f.plan, f.unfit = newPlan(r.types, t)
	f.decoders.root, f.decoders.preamble = r.types.root, r.types.messages()
	f.encoders.prepare()
}

// ID returns "gob-key/1" and the description of K.
func (f *keyFormat[K]) ID() string {
	f.describe()
	return f.id
}

// CheckKey returns an error if K cannot be a key.
func (f *keyFormat[K]) CheckKey() error {
	f.describe()
	return f.unfit
}

// Ordered returns false: gob puts 128 before 1, and -1 after 0.
func (f *keyFormat[K]) Ordered() bool { return false }

// Append appends the encoding of k. The arguments may be reused when the call returns.
func (f *keyFormat[K]) Append(dst []byte, k K) ([]byte, error) {
	if err := f.CheckKey(); err != nil {
		return nil, err
	}
	result, err := f.encoders.append(dst, k)
	if err != nil {
		return nil, cannotEncode[K](err)
	}
	if err := f.walk(result[len(dst):]); err != nil {
		return nil, cannotEncode[K](fmt.Errorf("it could not be read again: %w", err))
	}
	return result, nil
}

func (f *keyFormat[K]) walk(b []byte) error {
	w := walk{reader: reader{b: b}, budget: f.limits.budget(len(b))}
	return w.whole(f.plan)
}

// Decode decodes b. The key is a copy and may be kept.
func (f *keyFormat[K]) Decode(b []byte) (K, error) {
	var k, none K
	if err := f.CheckKey(); err != nil {
		return none, err
	}
	err := f.walk(b)
	if err == nil {
		if err = f.decoders.decode(b, &k); err != nil {
			err = refusal(err)
		}
	}
	if err == nil {
		err = f.sameBytes(k, b)
	}
	if err != nil {
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
	again, err := f.encoders.append((*buffer)[:0], k)
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
