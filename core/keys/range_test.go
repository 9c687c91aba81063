// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package keys_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
)

// testRange compares the keys that a scan within r passes over with those that want chooses from all.
func testRange[K any](t *testing.T, what string, f core.KeyFormat[K], r core.KeyRange[K], all []K, want func(K) bool) {
	t.Helper()
	low, high, err := r.Bounds()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	for _, k := range all {
		b, err := f.Append(nil, k)
		if err != nil {
			t.Fatal(err)
		}
		in := bytes.Compare(b, low) >= 0 && (high == nil || bytes.Compare(b, high) < 0)
		if in != want(k) {
			t.Errorf("%q: %#v (%x) is in the range from %x to %x: %v", what, k, b, low, high, in)
		}
	}
}

var smallNumbers = []uint8{0, 1, 127, 254, 255}

func TestPrefix(t *testing.T) {
	type city string
	var raw [][]byte
	var cities []city
	for _, s := range awkward {
		raw, cities = append(raw, []byte(s)), append(cities, city(s))
	}
	for _, x := range awkward {
		what := fmt.Sprintf("prefix %q", x)
		for _, f := range []keys.Part[string]{keys.String(), keys.StringView(), keys.Desc(keys.String())} {
			r := f.(core.Prefixer[string]).Prefix(x)
			testRange(t, f.ID()+what, f, r, awkward, func(k string) bool { return strings.HasPrefix(k, x) })
		}
		for _, f := range []keys.Part[[]byte]{keys.Bytes(), keys.BytesView(), keys.Desc(keys.Desc(keys.BytesView()))} {
			r := f.(core.Prefixer[[]byte]).Prefix([]byte(x))
			testRange(t, f.ID()+what, f, r, raw, func(k []byte) bool { return bytes.HasPrefix(k, []byte(x)) })
		}
		f := keys.StringOf[city]()
		r := f.(core.Prefixer[city]).Prefix(city(x))
		testRange(t, "city "+what, f, r, cities, func(k city) bool { return strings.HasPrefix(string(k), x) })
	}
}

func TestPairRanges(t *testing.T) {
	f, d := keys.Pair(keys.String(), keys.Bytes()), keys.Pair(keys.Desc(keys.String()), keys.Bytes())
	type key = keys.Tuple[string, []byte]
	var all []key
	for _, a := range awkward {
		for _, b := range awkward {
			all = append(all, tuple(a, []byte(b)))
		}
	}
	for _, x := range awkward {
		is := func(k key) bool { return k.First == x }
		starts := func(k key) bool { return strings.HasPrefix(k.First, x) }
		testRange(t, "First "+x, f, f.First(x), all, is)
		testRange(t, "First "+x, d, d.First(x), all, is)
		testRange(t, "FirstPrefix "+x, f, f.FirstPrefix(x), all, starts)
		testRange(t, "FirstPrefix "+x, d, d.FirstPrefix(x), all, starts)
		for _, y := range awkward {
			between := func(k key) bool { return x <= k.First && k.First < y }
			testRange(t, "FirstBetween "+x+y, f, f.FirstBetween(x, y), all, between)
			between = func(k key) bool { return x >= k.First && k.First > y }
			testRange(t, "FirstBetween "+x+y, d, d.FirstBetween(x, y), all, between)
			prefix := func(k key) bool { return k.First == x && bytes.HasPrefix(k.Second, []byte(y)) }
			testRange(t, "Prefix "+x+y, f, f.Prefix(tuple(x, []byte(y))), all, prefix)
		}
	}
}

// TestPairRangesOfBytes: where the first component is all 0xff, no key is above the range.
func TestPairRangesOfBytes(t *testing.T) {
	f := keys.Pair(keys.Uint8(), keys.Pair(keys.Uint8(), keys.String()))
	type key = keys.Tuple[uint8, keys.Tuple[uint8, string]]
	var all []key
	for _, a := range smallNumbers {
		for _, b := range smallNumbers {
			for _, c := range awkward {
				all = append(all, tuple(a, tuple(b, c)))
			}
		}
	}
	for _, x := range smallNumbers {
		testRange(t, "First", f, f.First(x), all, func(k key) bool { return k.First == x })
		for _, y := range smallNumbers {
			testRange(t, "FirstBetween", f, f.FirstBetween(x, y), all,
				func(k key) bool { return x <= k.First && k.First < y })
			for _, z := range awkward {
				testRange(t, "Prefix", f, f.Prefix(tuple(x, tuple(y, z))), all, func(k key) bool {
					return k.First == x && k.Second.First == y && strings.HasPrefix(k.Second.Second, z)
				})
			}
		}
	}
}

func TestTripleRanges(t *testing.T) {
	f := keys.Triple(keys.StringView(), keys.Uint8(), keys.String())
	type key = keys.Tuple3[string, uint8, string]
	var all []key
	for _, a := range awkward[:12] {
		for _, b := range smallNumbers {
			for _, c := range awkward {
				all = append(all, key{a, b, c})
			}
		}
	}
	for _, x := range awkward[:12] {
		testRange(t, "First "+x, f, f.First(x), all, func(k key) bool { return k.First == x })
		testRange(t, "FirstPrefix "+x, f, f.FirstPrefix(x), all,
			func(k key) bool { return strings.HasPrefix(k.First, x) })
		testRange(t, "FirstBetween "+x, f, f.FirstBetween(x, "a\x00"), all,
			func(k key) bool { return x <= k.First && k.First < "a\x00" })
		for _, y := range smallNumbers {
			testRange(t, "FirstTwo "+x, f, f.FirstTwo(x, y), all,
				func(k key) bool { return k.First == x && k.Second == y })
			for _, z := range awkward {
				testRange(t, "Prefix "+x, f, f.Prefix(key{x, y, z}), all, func(k key) bool {
					return k.First == x && k.Second == y && strings.HasPrefix(k.Third, z)
				})
			}
		}
	}
}

// TestRangesKeepNoArgument: the caller may reuse its slices while the scan runs.
func TestRangesKeepNoArgument(t *testing.T) {
	raw, pair := keys.Bytes(), keys.Pair(keys.BytesView(), keys.Bytes())
	x, y := []byte("abc"), []byte("abd")
	prefix, first, between := raw.(core.Prefixer[[]byte]).Prefix(x), pair.First(x), pair.FirstBetween(x, y)
	both := pair.Prefix(tuple(x, y))
	spoil(x)
	spoil(y)
	wantBounds(t, prefix, "abc", "abd")
	wantBounds(t, first, "abc\x00\x01", "abc\x00\x02")
	wantBounds(t, between, "abc\x00\x01", "abd\x00\x01")
	wantBounds(t, both, "abc\x00\x01abd", "abc\x00\x01abe")
}

func wantBounds[K any](t *testing.T, r core.KeyRange[K], low, high string) {
	t.Helper()
	l, h, err := r.Bounds()
	if string(l) != low || string(h) != high || err != nil {
		t.Errorf("the range is from %q to %q, %v, want from %q to %q", l, h, err, low, high)
	}
}

func TestUnsupportedPrefixes(t *testing.T) {
	str, num := keys.String(), keys.Int64()
	numFirst, numLast := keys.Pair(num, str), keys.Pair(keys.Desc(num), num)
	triple := keys.Triple(num, str, num)
	wantFailed(t, numFirst.FirstPrefix(1), errors.ErrUnsupported)
	wantFailed(t, numLast.FirstPrefix(1), errors.ErrUnsupported)
	wantFailed(t, numLast.Prefix(tuple(int64(1), int64(2))), errors.ErrUnsupported)
	wantFailed(t, keys.Pair(str, numLast).Prefix(tuple("a", tuple(int64(1), int64(2)))), errors.ErrUnsupported)
	wantFailed(t, triple.FirstPrefix(1), errors.ErrUnsupported)
	wantFailed(t, triple.Prefix(keys.Tuple3[int64, string, int64]{}), errors.ErrUnsupported)
	wantFailed(t, keys.Desc(num).(core.Prefixer[int64]).Prefix(1), errors.ErrUnsupported)
}

func wantFailed[K any](t *testing.T, r core.KeyRange[K], want error) {
	t.Helper()
	if _, _, err := r.Bounds(); !errors.Is(err, want) {
		t.Errorf("the range carries %v, want %v", err, want)
	}
}
