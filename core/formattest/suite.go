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

// suite holds one value format and what is known about it. A key format is tested as the value format that
// asValue makes of it.
type suite[V, W any] struct {
	format   core.ValueFormat[V, W]
	samples  []V
	value    func(W) V
	same     func(a, b V) bool
	borrows  bool
	varies   bool
	padded   bool
	patience time.Duration // how long one read may take

	unbound  core.Binder[V, W] // nil if the format keeps no metadata
	meta     []byte
	notBound error
	good     []good[V] // the samples that survive a round trip: the others are RoundTrip's business
	changed  error     // that the first encoding of a sample changed it
	stable   bool      // one sample has one encoding; otherwise that is Deterministic's business
}

// good is a sample that can be encoded and read back.
type good[V any] struct {
	value   V
	encoded []byte
	read    V // what its encoding reads as
}

func newSuite[V, W any](f core.ValueFormat[V, W], x Extras[V, W], samples []V) (*suite[V, W], error) {
	s := &suite[V, W]{format: f, samples: samples, value: x.Value, same: x.Same, borrows: x.Borrows, varies: x.Varies, padded: x.Padded, patience: time.Second}
	if s.value == nil {
		if reflect.TypeFor[V]() != reflect.TypeFor[W]() {
			return nil, fmt.Errorf("formattest: Extras.Value is needed to turn a view, %v, into a value, %v",
				reflect.TypeFor[W](), reflect.TypeFor[V]())
		}
		s.value = func(w W) V { v, _ := any(w).(V); return v }
	}
	if s.same == nil {
		s.same = func(a, b V) bool { return reflect.DeepEqual(a, b) }
	}
	s.bindNew()
	s.findGood()
	for _, g := range s.good {
		if !bytes.Equal(g.encoded, s.good[0].encoded) {
			return s, nil
		}
	}
	if len(s.good) < len(samples) {
		return s, nil // RoundTrip will say why
	}
	return nil, errors.New("formattest: give at least two samples that have different encodings")
}

// bindNew binds the format to a table that is new, if it wants to be bound.
func (s *suite[V, W]) bindNew() {
	b, ok := s.format.(core.Binder[V, W])
	if !ok {
		return
	}
	s.unbound = b
	s.notBound = safely(func() (err error) {
		f, meta, err := b.Bind(nil)
		if err == nil {
			s.format, s.meta = f, bytes.Clone(meta)
		}
		return err
	})
}

func (s *suite[V, W]) findGood() {
	s.stable = !s.varies
	for _, v := range s.samples {
		before := fingerprint(&v)
		b, err := s.encode(v)
		if after := fingerprint(&v); after != before && s.changed == nil {
			s.changed = fmt.Errorf("the value is %s after it was encoded, and was different before", showValue(v))
		}
		if err != nil {
			continue
		}
		again, err := s.encode(v)
		s.stable = s.stable && err == nil && bytes.Equal(b, again)
		if read, err := s.read(b); err == nil {
			s.good = append(s.good, good[V]{v, b, read})
		}
	}
}

func (s *suite[V, W]) encodings() [][]byte {
	var all [][]byte
	for _, g := range s.good {
		all = append(all, g.encoded)
	}
	return all
}

// encode returns the encoding of v in memory that the format has never seen.
func (s *suite[V, W]) encode(v V) ([]byte, error) { return s.appendTo(nil, v) }

func (s *suite[V, W]) appendTo(dst []byte, v V) (result []byte, err error) {
	err = safely(func() error {
		b, err := s.format.Append(dst, v)
		result = bytes.Clone(b)
		return err
	})
	return result, err
}

// read returns all that b shows. A panic is an error.
func (s *suite[V, W]) read(b []byte) (V, error) {
	inside, _ := place(b, 0xAA)
	return s.readHere(inside)
}

// readHere is read, on b itself.
func (s *suite[V, W]) readHere(b []byte) (v V, err error) {
	err = safely(func() error {
		w, err := s.format.View(b)
		if err == nil {
			v = s.value(w)
		}
		return err
	})
	return v, err
}

// agree reports whether two values are the same, or at least (a NaN is never the same) look the same.
func (s *suite[V, W]) agree(a, b V) bool {
	if s.same(a, b) {
		return true
	}
	x, errX := s.encode(a)
	y, errY := s.encode(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// readsAs returns an error unless b reads as want.
func (s *suite[V, W]) readsAs(b []byte, want V) error {
	got, err := s.read(b)
	if err != nil {
		return fmt.Errorf("%s cannot be read: %w", show(b), err)
	}
	if !s.agree(got, want) {
		return fmt.Errorf("%s reads as %s, want %s", show(b), showValue(got), showValue(want))
	}
	return nil
}

// place returns a copy of b that stands between neighbours made of filler, and all of the memory it stands in.
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

func showValue(v any) string {
	const most = 512
	s := fmt.Sprintf("%+v", v)
	if len(s) > most {
		s = s[:most] + "..."
	}
	return s
}
