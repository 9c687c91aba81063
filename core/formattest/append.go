// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package formattest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
)

func (s *suite) id() error {
	id := s.format.id()
	if id == "" {
		return errors.New("the ID is empty: it is what a table remembers about its format")
	}
	if again := s.format.id(); again != id {
		return fmt.Errorf("the ID is %q, and then %q", id, again)
	}
	return nil
}

func (s *suite) roundTrip() error {
	if s.notBound != nil {
		return fmt.Errorf("Bind(nil) for a new table: %w", s.notBound)
	}
	for _, v := range s.samples {
		b, err := s.encode(v)
		if err != nil {
			return fmt.Errorf("%s cannot be encoded: %w", showValue(v), err)
		}
		got, err := s.read(b)
		if err != nil {
			return fmt.Errorf("%s is encoded as %s, which cannot be read: %w",
				showValue(v), show(b), err)
		}
		if !s.same(v, got) {
			return fmt.Errorf("%s is encoded as %s, which reads as %s",
				showValue(v), show(b), showValue(got))
		}
	}
	return nil
}

// appendOnly hands out dst of every kind: with and without a prefix, with every amount of spare
// capacity that could matter, and with something in it.
func (s *suite) appendOnly() error {
	for _, g := range s.good {
		for _, prefix := range []string{"", "p", "a prefix that stays"} {
			for _, spare := range []int{
				0, 1, len(g.encoded) - 1, len(g.encoded),
				len(g.encoded) + 1, 2*len(g.encoded) + 64,
			} {
				if err := s.appendAfter(g, []byte(prefix), max(spare, 0)); err != nil {
					return fmt.Errorf("dst held %q and had room for %d more bytes: %w",
						prefix, spare, err)
				}
			}
		}
	}
	return nil
}

func (s *suite) appendAfter(g good, prefix []byte, spare int) error {
	whole := append(slices.Clip(bytes.Clone(prefix)), bytes.Repeat([]byte{0xA5}, spare)...)
	dst := whole[:len(prefix)]
	result, err := s.appendTo(dst, g.value)
	if err != nil {
		return err
	}
	if !bytes.Equal(dst, prefix) {
		return fmt.Errorf("dst was changed to %s", show(dst))
	}
	encoded, found := bytes.CutPrefix(result, prefix)
	if !found {
		return fmt.Errorf("the result, %s, does not start with what dst held", show(result))
	}
	return s.readsAs(encoded, g.read)
}

// keepsNothing overwrites what was handed to Append and what it returned, as a caller that
// reuses a buffer does, and looks whether a later Append notices, or changes what an earlier
// one returned.
func (s *suite) keepsNothing() error {
	for _, g := range s.good {
		for _, size := range []int{0, 2*len(g.encoded) + 64} {
			result, err := s.format.append(make([]byte, 0, size), g.value)
			if err != nil {
				return err
			}
			if err := s.appendOthers(result); err != nil {
				return err
			}
			if err := s.appendAfterSpoiling(result[:cap(result)], g); err != nil {
				return fmt.Errorf("after the caller overwrote the last result: %w", err)
			}
		}
	}
	return nil
}

// appendAfterSpoiling puts things back in order, so that what is broken shows here alone.
func (s *suite) appendAfterSpoiling(result []byte, g good) error {
	defer copy(result, bytes.Clone(result))
	spoil(result)
	b, err := s.encode(g.value)
	if err != nil {
		return err
	}
	return s.readsAs(b, g.read)
}

// appendOthers encodes every sample and returns an error if that changes result.
func (s *suite) appendOthers(result []byte) error {
	before := bytes.Clone(result)
	for _, other := range s.good {
		if _, err := s.encode(other.value); err != nil {
			return err
		}
		if !bytes.Equal(result, before) {
			return fmt.Errorf("the next Append, of %s, changed it from %s to %s",
				showValue(other.value), show(before), show(result))
		}
	}
	return nil
}

// encodingsOfOne is the check of what the format declares about the encodings of one value.
func (s *suite) encodingsOfOne() check {
	if s.varies {
		return check{
			name: "Varies", promise: "each encoding of a value reads as the value",
			run: s.varied,
		}
	}
	return check{
		name: "Deterministic",
		promise: "a value has one encoding, whenever it is encoded, as nothing else is said in " +
			"Extras.Varies",
		run: s.deterministic,
	}
}

func (s *suite) varied() error {
	for range 64 {
		for _, g := range s.good {
			b, err := s.encode(g.value)
			if err != nil {
				return err
			}
			if err := s.readsAs(b, g.value); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *suite) deterministic() error {
	for range 8 {
		for _, g := range s.good {
			b, err := s.encode(g.value)
			if err != nil {
				return err
			}
			if !bytes.Equal(b, g.encoded) {
				return fmt.Errorf("%s is encoded as %s, and then as %s",
					showValue(g.value), show(g.encoded), show(b))
			}
		}
	}
	return nil
}
