// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package formattest

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/guardkv/guardkv/core"
)

// Fuzz tests the promises about reading on bytes that the fuzzer makes. It starts from the
// encodings of the samples.
func Fuzz[V, W any](f *testing.F, format core.ValueFormat[V, W], samples ...V) {
	f.Helper()
	FuzzWith(f, format, Extras[V, W]{}, samples...)
}

// FuzzWith is [Fuzz] for a format that needs extras.
func FuzzWith[V, W any](f *testing.F, format core.ValueFormat[V, W], x Extras[V, W], samples ...V) {
	f.Helper()
	s, err := newSuite(format, x, samples)
	if err != nil {
		f.Fatal(err)
	}
	fuzz(f, s.encodings(), s.readChecks())
}

// FuzzKey tests the promises about decoding on bytes that the fuzzer makes: they are refused,
// or they are the encoding of the key that they decode to. It starts from the encodings of the
// samples.
func FuzzKey[K any](f *testing.F, format core.KeyFormat[K], samples ...K) {
	f.Helper()
	s, err := newKeySuite(format, KeyExtras[K]{}, samples)
	if err != nil {
		f.Fatal(err)
	}
	fuzz(f, s.encodings(), append(s.readChecks(), s.canonical))
}

func fuzz(f *testing.F, seeds [][]byte, checks []func(b []byte) error) {
	f.Helper()
	for _, b := range seeds {
		f.Add(b)
		f.Add(b[:len(b)/2])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, check := range checks {
			if err := check(b); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// readChecks are the promises about reading that can be tested on any bytes.
func (s *suite) readChecks() []func(b []byte) error {
	all := []func(b []byte) error{s.bounded, s.neverPanics, s.readOnly, s.readsInside, s.settles}
	if s.format.into != nil {
		into := s.format.into()
		all = append(all, func(b []byte) error { return s.readsIntoAs(into, b) })
	}
	return all
}

// settles returns an error if what was read is encoded as something that reads as anything else.
func (s *suite) settles(b []byte) error {
	v, err := s.read(b)
	if err != nil {
		return nil
	}
	once, err := s.encode(v)
	if err != nil {
		return nil // such as a date that is valid in the zone it was read in, but not in UTC
	}
	again, err := s.read(once)
	if err != nil {
		return fmt.Errorf("%s reads as %s, which is encoded as %s, which cannot be read: %w",
			show(b), showValue(v), show(once), err)
	}
	twice, err := s.encode(again)
	if err != nil || s.stable && !bytes.Equal(once, twice) {
		return fmt.Errorf("%s reads as %s, which is encoded as %s, which reads as %s, which is "+
			"encoded as %s (error %v)",
			show(b), showValue(v), show(once), showValue(again), show(twice), err)
	}
	return nil
}
