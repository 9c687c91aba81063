// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package gob

import (
	"encoding/gob"
	"errors"
	"reflect"
	"sync"
)

// encoder is a gob encoder that has sent the descriptions of T, together with room for a value,
// so that no call has to allocate it.
type encoder[T any] struct {
	gob      *gob.Encoder
	out      []byte
	value    T
	messages int
}

// encoders is a pool of encoders. An encoder that has met an error or a panic does not go back,
// because gob's errors are permanent.
type encoders[T any] struct {
	pool    sync.Pool
	nesting nesting
	nest    *nest // of T
}

// prepare is called once, before anything is encoded.
func (p *encoders[T]) prepare() { p.nest = p.nesting.of(reflect.TypeFor[T]()) }

// check returns an error if *v is nested too deeply.
func (p *encoders[T]) check(v *T) error {
	if p.nest == nil {
		return nil
	}
	return p.nesting.check(reflect.ValueOf(v).Elem(), p.nest, 0)
}

func (p *encoders[T]) append(dst []byte, v T) ([]byte, error) {
	e, err := p.get()
	if err != nil {
		return nil, err
	}
	e.out, e.value, e.messages = dst, v, 0
	if err := p.check(&e.value); err != nil {
		return nil, err
	}
	if err := encode(e.gob, &e.value); err != nil {
		return nil, err
	}
	if e.messages != 1 {
		return nil,
			errors.New("gob describes a type with the value that it did not describe before; " +
				"this is an error of the format")
	}
	out, size := e.out, len(e.out)-len(dst)
	var zero T
	e.out, e.value = nil, zero // the pool must keep neither the value nor dst alive
	if size <= maxPooled {
		p.pool.Put(e)
	}
	return out, nil
}

// maxPooled is the size of a value after which an encoder or decoder is dropped: gob keeps a
// buffer of the size of the biggest value it met.
const maxPooled = 1 << 20

func (p *encoders[T]) get() (*encoder[T], error) {
	if e, ok := p.pool.Get().(*encoder[T]); ok {
		return e, nil
	}
	e := new(encoder[T])
	e.gob = gob.NewEncoder(e)
	return e, describeTo[T](e.gob)
}

// describeTo makes an encoder send the descriptions of T. It encodes an empty map. That needs no
// value of T, which gob might not be able to encode, and it tells the type even if that is a
// pointer or one of gob's own.
func describeTo[T any](e *gob.Encoder) error { return e.Encode(map[bool]T{}) }

// encode encodes *v, in which no pointer is nil. Gob follows pointers itself, but one time too
// often if they lead to a type that encodes itself. So encode passes it the last pointer.
func encode[T any](e *gob.Encoder, v *T) error {
	if reflect.TypeFor[T]().Kind() != reflect.Pointer {
		return e.Encode(v)
	}
	p := reflect.ValueOf(*v)
	for p.Elem().Kind() == reflect.Pointer {
		p = p.Elem()
	}
	return e.EncodeValue(p)
}

// Write is for e.gob, which writes one message at a time: a length, the number of a type, and a
// value. Write drops the length and the number: the number is only valid in this process, and
// both are known when the value is read.
func (e *encoder[T]) Write(message []byte) (int, error) {
	e.messages++
	r := reader{b: message}
	r.uint()
	r.int()
	e.out = append(e.out, r.b...)
	return len(message), nil
}

// describe returns the canonical description of T.
func describe[T any]() (*description, error) {
	var m messages
	if err := describeTo[T](gob.NewEncoder(&m)); err != nil {
		return nil, err
	}
	var d description
	id, _, err := m.read(&d)
	if err != nil {
		return nil, err
	}
	of := d.types[id]
	if of == nil || of.form != formMap {
		return nil, errDescription
	}
	d.root = of.elem
	if err := d.check(maxWork); err != nil {
		return nil, err
	}
	return d.canonical(), nil
}

// messages are what an encoder of gob writes, one at a time.
type messages struct {
	sent          []byte
	withoutValues bool // drop everything except descriptions
}

func (m *messages) Write(message []byte) (int, error) {
	r := reader{b: message}
	r.uint()
	if !m.withoutValues || r.int() < 0 {
		m.sent = append(m.sent, message...)
	}
	return len(message), nil
}

// read adds the descriptions to d, up to the first value. It returns the number of its type,
// and the value.
func (m *messages) read(d *description) (root typeID, value []byte, err error) {
	r := reader{b: m.sent}
	for {
		message := reader{b: r.counted()}
		id := message.int()
		switch {
		case r.bad || message.bad || id == 0:
			return 0, nil, errDescription
		case id > 0:
			return typeID(id), append(message.b, r.b...), nil
		}
		if err := d.add(typeID(-id), &message, maxParts); err != nil {
			return 0, nil, err
		}
	}
}
