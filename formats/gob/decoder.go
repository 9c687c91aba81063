// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package gob

import (
	"encoding/gob"
	"fmt"
	"io"
	"sync"
)

// decoder is a gob decoder that has read, or is about to read, the descriptions of one epoch.
type decoder struct {
	gob    *gob.Decoder
	source source
	head   []byte // what gob wants before the value
}

// source is what gob reads from: the head, then the value. Since source has ReadByte, gob reads
// no further than it has to.
type source struct{ head, value []byte }

func (s *source) Read(p []byte) (int, error) {
	n := copy(p, s.head)
	s.head = s.head[n:]
	if n < len(p) {
		m := copy(p[n:], s.value)
		s.value = s.value[m:]
		n += m
	}
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

func (s *source) ReadByte() (byte, error) {
	var b [1]byte
	_, err := s.Read(b[:])
	return b[0], err
}

// decoders is a pool of decoders of one description. A decoder that has met an error or a panic
// does not go back.
type decoders struct {
	pool     sync.Pool
	root     typeID
	preamble []byte // the descriptions
}

// decode reads a value that was walked over into v, which points to a zero T.
func (p *decoders) decode(b []byte, v any) (err error) {
	d, ok := p.pool.Get().(*decoder)
	if ok {
		d.head = d.head[:0]
	} else {
		d = &decoder{head: append(make([]byte, 0, len(p.preamble)+16), p.preamble...)}
		d.gob = gob.NewDecoder(&d.source)
	}
	var id [10]byte
	root := appendInt(id[:0], int64(p.root))
	d.head = append(appendUint(d.head, uint64(len(root)+len(b))), root...)
	d.source = source{d.head, b}
	if err := safely(func() error { return d.gob.Decode(v) }); err != nil {
		return err
	}
	d.source = source{}
	if len(b) <= maxPooled {
		p.pool.Put(d)
	}
	return nil
}

// safely turns a panic, such as one of a type's own method on bytes it did not expect, into an
// error.
func safely(fn func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return fn()
}
