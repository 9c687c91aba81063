// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package formattest

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"
	"slices"
	"time"

	"github.com/guardkv/guardkv/core"
)

// suite holds one value format and what is known about it. A key format is tested as a value
// format.
type suite struct {
	format   format
	samples  []any
	same     func(a, b any) bool
	print    func(v any) string // a fingerprint
	borrows  bool
	varies   bool
	padded   bool
	patience time.Duration // how long one read may take

	unbound  func(stored []byte) (format, []byte, error) // nil if the format keeps no metadata
	meta     []byte
	notBound error
	good     []good // the samples that survive a round trip: the others are RoundTrip's business
	changed  error  // that the first encoding of a sample changed it
	stable   bool   // one sample has one encoding; otherwise that is Deterministic's business
}

// good is a sample that can be encoded and read back.
type good struct {
	value   any
	encoded []byte
	read    any // what its encoding reads as
}

func newSuite[V, W any](f core.ValueFormat[V, W], x Extras[V, W], samples []V) (*suite, error) {
	value := x.Value
	if value == nil {
		if reflect.TypeFor[V]() != reflect.TypeFor[W]() {
			return nil,
				fmt.Errorf("formattest: Extras.Value is needed to turn a view, %v, into a value, %v",
					reflect.TypeFor[W](), reflect.TypeFor[V]())
		}
		value = func(w W) V { return as[V](w) }
	}
	s := &suite{format: erased(f, value), borrows: x.Borrows, varies: x.Varies, padded: x.Padded}
	if x.Same != nil {
		s.same = func(a, b any) bool { return x.Same(as[V](a), as[V](b)) }
	}
	if x.Fingerprint != nil {
		s.print = func(v any) string { return x.Fingerprint(as[V](v)) }
	}
	return s, s.start(boxed(samples))
}

// start looks at the samples.
func (s *suite) start(samples []any) error {
	s.samples, s.patience = samples, time.Second
	if s.same == nil {
		s.same = reflect.DeepEqual
	}
	if s.print == nil {
		s.print = fingerprint
	}
	s.bindNew()
	s.findGood()
	for _, g := range s.good {
		if !bytes.Equal(g.encoded, s.good[0].encoded) {
			return nil
		}
	}
	if len(s.good) < len(samples) {
		return nil // RoundTrip will say why
	}
	return errors.New("formattest: give at least two samples that have different encodings")
}

// bindNew binds the format to a table that is new, if it wants to be bound, and to a row.
func (s *suite) bindNew() {
	unbound := s.format
	if unbound.bind != nil {
		s.unbound = func(stored []byte) (format, []byte, error) { return open(unbound, stored) }
	}
	s.notBound = safely(func() error {
		f, meta, err := open(unbound, nil)
		if err == nil {
			s.format, s.meta = f, bytes.Clone(meta)
		}
		return err
	})
}

func (s *suite) findGood() {
	s.stable = !s.varies
	for _, v := range s.samples {
		before := s.print(v)
		b, err := s.encode(v)
		if after := s.print(v); after != before && s.changed == nil {
			s.changed = fmt.Errorf("the value is %s after it was encoded, and was different before",
				showValue(v))
		}
		if err != nil {
			continue
		}
		again, err := s.encode(v)
		s.stable = s.stable && err == nil && bytes.Equal(b, again)
		if read, err := s.read(b); err == nil {
			s.good = append(s.good, good{v, b, read})
		}
	}
}

func (s *suite) encodings() [][]byte {
	var all [][]byte
	for _, g := range s.good {
		all = append(all, g.encoded)
	}
	return all
}

// encode returns the encoding of v in memory that the format has never seen.
func (s *suite) encode(v any) ([]byte, error) { return s.appendTo(nil, v) }

func (s *suite) appendTo(dst []byte, v any) (result []byte, err error) {
	err = safely(func() error {
		b, err := s.format.append(dst, v)
		result = bytes.Clone(b)
		return err
	})
	return result, err
}

// read returns all that b shows. A panic is an error.
func (s *suite) read(b []byte) (any, error) {
	inside, _ := place(b, 0xAA)
	return s.readHere(inside)
}

// readHere is read, on b itself.
func (s *suite) readHere(b []byte) (v any, err error) {
	err = safely(func() error {
		w, err := s.format.view(b)
		if err == nil {
			v = s.format.value(w)
		}
		return err
	})
	return v, err
}

// agree reports whether two values are the same, or at least (a NaN is never the same) look the
// same.
func (s *suite) agree(a, b any) bool {
	if s.same(a, b) {
		return true
	}
	x, errX := s.encode(a)
	y, errY := s.encode(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// readsAs returns an error unless b reads as want.
func (s *suite) readsAs(b []byte, want any) error {
	got, err := s.read(b)
	if err != nil {
		return fmt.Errorf("%s cannot be read: %w", show(b), err)
	}
	if !s.agree(got, want) {
		return fmt.Errorf("%s reads as %s, want %s", show(b), showValue(got), showValue(want))
	}
	return nil
}

// place returns a copy of b that stands between neighbors made of filler, and all of the
// memory it stands in.
func place(b []byte, filler byte) (inside, all []byte) {
	const around = 64
	all = slices.Repeat([]byte{filler}, around+len(b)+around)
	copy(all[around:], b)
	end := around + len(b)
	return all[around:end:end], all
}

func spoil(b []byte) {
	for i := range b {
		b[i] = 0xCC
	}
}

// panicked is the error that a panic is turned into.
type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string { return fmt.Sprintf("panic: %v\n%s", p.value, p.stack) }

func safely(fn func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = &panicked{r, debug.Stack()}
		}
	}()
	return fn()
}

// show keeps bytes of any length readable.
func show(b []byte) string {
	const most = 128
	if len(b) > most {
		return fmt.Sprintf("%x... (%d bytes)", b[:most], len(b))
	}
	return fmt.Sprintf("%x (%d bytes)", b, len(b))
}

// showValue writes a value as it would be written in Go, unless it says itself how it is read: of
// nil, an empty list and a list of one empty string, the default looks the same.
func showValue(v any) string {
	const most = 512
	verb := "%#v"
	if _, ok := v.(fmt.Stringer); ok {
		verb = "%v"
	}
	s := fmt.Sprintf(verb, v)
	if len(s) > most {
		s = s[:most] + "..."
	}
	return s
}
