// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package gob_test

import (
	"bytes"
	"encoding/gob"
	"slices"
	"testing"
	"time"

	"github.com/guardkv/guardkv/core"
)

// octet is a record of eight parts, as a table has millions of.
type octet struct {
	ID      uint64
	Name    string
	Price   float64
	Active  bool
	Created int64
	Tags    []string
	Raw     []byte
	Codes   [3]int32
}

var octets = octet{
	ID: 320193, Name: "a name of usual length", Price: 12.5, Active: true, Created: 1_700_000_000,
	Tags: []string{"one", "two"}, Raw: []byte{1, 2, 3, 4}, Codes: [3]int32{1, -2, 3},
}

// alone encodes a value as encoding/gob does when each value is read by itself: with the
// description of its type.
func alone(tb testing.TB, v octet) []byte {
	tb.Helper()
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(v); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// readAlone reads it as one has to: with a decoder of its own.
func readAlone(b []byte) error {
	var v octet
	return gob.NewDecoder(bytes.NewReader(b)).Decode(&v)
}

func readBound(f core.ValueFormat[octet, octet], b []byte) error {
	_, err := f.View(b)
	return err
}

// Descriptions that are kept once make values less than half as big.
func TestSmallerThanAlone(t *testing.T) {
	f, _ := bind[octet](t, nil)
	whole, stored := alone(t, octets), write(t, f, octets)
	t.Logf("%d bytes, alone %d", len(stored), len(whole))
	if 2*len(stored) > len(whole) {
		t.Errorf("a value takes %d bytes, with its description %d", len(stored), len(whole))
	}
}

// They make values quicker to read too. How much is in BenchmarkRead; a third is left for busy
// machines and the race detector.
func TestFasterThanAlone(t *testing.T) {
	f, _ := bind[octet](t, nil)
	whole, stored := alone(t, octets), slices.Clip(write(t, f, octets))
	slow := quickest(t, func() error { return readAlone(whole) })
	fast := quickest(t, func() error { return readBound(f, stored) })
	t.Logf("%v, alone %v", fast, slow)
	if 3*fast > slow {
		t.Errorf("reading a value takes %v, with its description %v", fast, slow)
	}
}

// quickest is the shortest time of many rounds, which a busy machine disturbs least.
func quickest(t *testing.T, read func() error) time.Duration {
	t.Helper()
	best := time.Hour
	for range 50 {
		begun := time.Now()
		for range 10 {
			if err := read(); err != nil {
				t.Fatal(err)
			}
		}
		best = min(best, time.Since(begun)/10)
	}
	return best
}

func BenchmarkRead(b *testing.B) {
	f, _ := bind[octet](b, nil)
	whole, stored := alone(b, octets), slices.Clip(write(b, f, octets))
	b.Run("bound", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := readBound(f, stored); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("alone", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := readAlone(whole); err != nil {
				b.Fatal(err)
			}
		}
	})
}
