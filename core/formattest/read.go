// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package formattest

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"runtime/metrics"
	"time"

	"github.com/guardkv/guardkv/core"
)

// everyInput returns a check that runs fn on valid and on damaged encodings.
func (s *suite) everyInput(fn func(b []byte) error) func() error {
	return func() error {
		for kind, b := range inputs(s.encodings()) {
			if err := fn(b); err != nil {
				return fmt.Errorf("%s: %w", kind, err)
			}
		}
		return nil
	}
}

func (s *suite) neverPanics(b []byte) error {
	_, err := s.read(b)
	var p *panicked
	if errors.As(err, &p) {
		return fmt.Errorf("%s: %w", show(b), p)
	}
	return nil
}

// wrapsCorrupt returns an error if b cannot be read and the error does not tell a program what
// to do.
func (s *suite) wrapsCorrupt(b []byte) error {
	_, err := s.read(b)
	var p *panicked
	if err == nil || errors.As(err, &p) || errors.Is(err, core.ErrCorrupt) || errors.Is(err,
		core.ErrFormatMismatch) {
		return nil // a panic is the business of NeverPanics
	}
	return fmt.Errorf("%s: the error wraps neither core.ErrCorrupt nor core.ErrFormatMismatch: %w",
		show(b), err)
}

// trailing puts a byte behind encodings. A format of plain bytes reads another value then,
// which is right. So may one that merges what is repeated, or adds it up as the durations 0s0s,
// which is why nothing longer is put there.
func (s *suite) trailing() error {
	if s.padded {
		return nil
	}
	for _, g := range s.good {
		for _, tail := range []byte{0, 0xff} {
			got, err := s.read(append(bytes.Clone(g.encoded), tail))
			if err == nil && s.agree(got, g.read) {
				return fmt.Errorf("%s with the byte %#x behind it reads as %s, as it does without",
					show(g.encoded), tail, showValue(got))
			}
		}
	}
	return nil
}

// anyAlignment reads the same bytes at eight neighboring addresses.
func (s *suite) anyAlignment(b []byte) error {
	want, wantErr := s.read(b)
	for shift := 1; shift < 8; shift++ {
		_, all := place(make([]byte, len(b)+shift), 0xAA)
		start := (len(all) - len(b) - shift) / 2
		inside := all[start+shift : start+shift+len(b) : start+shift+len(b)]
		copy(inside, b)
		got, err := s.readHere(inside)
		if (err == nil) != (wantErr == nil) {
			return fmt.Errorf("%s at an address that is a multiple of 8: error %v; %d bytes "+
				"behind one: error %w", show(b), wantErr, shift, err)
		}
		if err == nil && !s.agree(want, got) && !s.unlike(b) {
			return fmt.Errorf("%s at an address that is a multiple of 8 reads as %s; %d bytes "+
				"behind one as %s",
				show(b), showValue(want), shift, showValue(got))
		}
	}
	return nil
}

// bounded allows for what decoding may reasonably cost, and measures up to three times because
// other goroutines allocate too.
func (s *suite) bounded(b []byte) error {
	memory := uint64(1<<20 + 4096*len(b))
	var took time.Duration
	var grown uint64
	for range 3 {
		before, start := allocated(), time.Now()
		_, _ = s.read(b)
		took, grown = time.Since(start), allocated()-before
		if took <= s.patience && grown <= memory {
			return nil
		}
	}
	return fmt.Errorf("%s took %v and %d bytes of memory; %v and %d bytes are the most that is "+
		"allowed",
		show(b), took, grown, s.patience, memory)
}

func allocated() uint64 {
	m := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(m)
	return m[0].Value.Uint64()
}

func (s *suite) readOnly(b []byte) error {
	inside, all := place(b, 0xAA)
	_, before := place(b, 0xAA)
	_, _ = s.readHere(inside)
	if !bytes.Equal(inside, b) {
		return fmt.Errorf("%s became %s", show(b), show(inside))
	}
	if !bytes.Equal(all, before) {
		return fmt.Errorf("memory beside %s was written to", show(b))
	}
	return nil
}

// readsInside reads the same bytes in three neighborhoods.
func (s *suite) readsInside(b []byte) error {
	want, wantErr := s.read(b)
	for _, filler := range []byte{0x00, 0x01, 0xFF} {
		inside, _ := place(b, filler)
		got, err := s.readHere(inside)
		if (err == nil) != (wantErr == nil) {
			return fmt.Errorf("%s between bytes 0xAA: error %v; between bytes 0x%02X: error %v",
				show(b), wantErr, filler, err)
		}
		if err == nil && !s.agree(want, got) && !s.unlike(b) {
			return fmt.Errorf("%s between bytes 0xAA reads as %s; between bytes 0x%02X as %s",
				show(b), showValue(want), filler, showValue(got))
		}
	}
	return nil
}

// unlike reports whether the value that b reads as does not agree with itself, so that a
// difference means nothing. It takes damaged bytes to make such a value: it holds a NaN, and
// something else that the format refuses to encode.
func (s *suite) unlike(b []byte) bool {
	v, err := s.read(b)
	return err == nil && !s.agree(v, v)
}

func (s *suite) nothingStale() error {
	for _, a := range s.good {
		for _, b := range s.good {
			if err := s.oneAfterOther(a, b); err != nil {
				return err
			}
		}
	}
	return nil
}

// oneAfterOther reads b right after a, elsewhere and in the same memory.
func (s *suite) oneAfterOther(a, b good) error {
	buffer, _ := place(make([]byte, max(len(a.encoded), len(b.encoded))), 0xAA)
	in := func(g good) []byte { return buffer[:copy(buffer, g.encoded):len(g.encoded)] }
	_, _ = s.readHere(in(a))
	err := s.readsAs(b.encoded, b.read)
	if got, errHere := s.readHere(in(b)); err == nil && (errHere != nil || !s.agree(got, b.read)) {
		err = fmt.Errorf("in the same buffer %s reads as %s, error %v; want %s",
			show(b.encoded), showValue(got), errHere, showValue(b.read))
	}
	if err != nil {
		return fmt.Errorf("after %s was read: %w", show(a.encoded), err)
	}
	return nil
}

// memory is the check of what the format declares about the memory of its views.
func (s *suite) memory() check {
	if s.borrows && !s.format.owns {
		return check{
			name:    "Borrows",
			promise: "what is read refers to the bytes it was read from, as Extras.Borrows says",
			run:     s.doesBorrow,
		}
	}
	return check{
		name:    "Owns",
		promise: "what is read owns its memory, as nothing else is said in Extras.Borrows",
		run:     s.doesOwn,
	}
}

func (s *suite) doesOwn() error {
	for _, g := range s.good {
		inside, all := place(g.encoded, 0xAA)
		w, err := s.format.view(inside)
		if err != nil {
			return err
		}
		spoil(all)
		if v := s.format.value(w); !s.agree(v, g.read) {
			return fmt.Errorf("%s read as %s until its bytes were overwritten, then as %s",
				show(g.encoded), showValue(g.read), showValue(v))
		}
	}
	return nil
}

// doesBorrow looks for a pointer into the bytes. What overwritten bytes read as would prove
// less: a view may rely on bytes that were validated not to change.
func (s *suite) doesBorrow() error {
	for _, g := range s.good {
		inside, _ := place(g.encoded, 0xAA)
		w, err := s.format.view(inside)
		if err != nil {
			return err
		}
		if refersTo(reflect.ValueOf(w), inside) {
			return nil
		}
	}
	return errors.New("no view of any sample refers to its bytes")
}
