// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package keys_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
)

// even is a part of an outside author: it refuses odd keys, and its order is not that of its encodings.
type even struct{ keys.Part[uint8] }

var errOdd = errors.New("odd")

func (even) ID() string    { return "even" }
func (even) Ordered() bool { return false }

func (f even) Append(dst []byte, k uint8) ([]byte, error) {
	if k%2 != 0 {
		return nil, errOdd
	}
	return f.Part.Append(dst, k)
}

func (f even) AppendPart(dst []byte, k uint8) ([]byte, error) { return f.Append(dst, k) }

func (f even) Decode(b []byte) (uint8, error) {
	k, err := f.Part.Decode(b)
	if err == nil && k%2 != 0 {
		return 0, errOdd
	}
	return k, err
}

func (f even) TakePart(b []byte) (uint8, []byte, error) {
	k, rest, err := f.Part.TakePart(b)
	if err == nil && k%2 != 0 {
		return 0, nil, errOdd
	}
	return k, rest, err
}

// TestOutsideParts: every place that an outside part can stand in keeps its ID, its lack of order and its errors.
func TestOutsideParts(t *testing.T) {
	e, b := even{keys.Uint8()}, keys.Bool()
	type pair = keys.Tuple[uint8, bool]
	type swapped = keys.Tuple[bool, uint8]
	type triple = keys.Tuple3[bool, bool, uint8]
	outside(t, keys.Desc(e), 2, 3, "desc(even)")
	outside(t, keys.Optional(e), keys.Null[uint8]{V: 2, Valid: true}, keys.Null[uint8]{V: 3, Valid: true}, "optional(even)")
	outside(t, keys.Pair(e, b), pair{2, true}, pair{3, true}, "pair(even,bool)")
	outside(t, keys.Pair(b, e), swapped{true, 2}, swapped{true, 3}, "pair(bool,even)")
	outside(t, keys.Triple(e, b, b), keys.Tuple3[uint8, bool, bool]{First: 2}, keys.Tuple3[uint8, bool, bool]{First: 3},
		"triple(even,bool,bool)")
	outside(t, keys.Triple(b, e, b), keys.Tuple3[bool, uint8, bool]{Second: 2}, keys.Tuple3[bool, uint8, bool]{Second: 3},
		"triple(bool,even,bool)")
	outside(t, keys.Triple(b, b, e), triple{Third: 2}, triple{Third: 3}, "triple(bool,bool,even)")

	wantFailed(t, keys.Pair(e, b).First(3), errOdd)
	wantFailed(t, keys.Pair(e, b).FirstBetween(3, 4), errOdd)
	wantFailed(t, keys.Pair(e, b).FirstBetween(2, 3), errOdd)
	wantFailed(t, keys.Pair(e, b).FirstPrefix(2), errors.ErrUnsupported)
	wantFailed(t, keys.Pair(e, keys.String()).Prefix(tuple(uint8(3), "a")), errOdd)
	wantFailed(t, keys.Triple(b, e, b).FirstTwo(true, 3), errOdd)
}

func outside[K any](t *testing.T, f keys.Part[K], good, bad K, id string) {
	t.Helper()
	if f.ID() != id || f.Ordered() {
		t.Errorf("the ID is %q, ordered: %v, want %q, false", f.ID(), f.Ordered(), id)
	}
	if _, err := f.Append(nil, bad); !errors.Is(err, errOdd) {
		t.Errorf("%s: Append: %v, want %v", id, err, errOdd)
	}
	if _, err := f.AppendPart(nil, bad); !errors.Is(err, errOdd) {
		t.Errorf("%s: AppendPart: %v, want %v", id, err, errOdd)
	}
	alone, _ := f.Append(nil, good)
	part, err := f.AppendPart(nil, good)
	if err != nil || !bytes.Equal(alone, part) {
		t.Errorf("%s: %x and %x, %v", id, alone, part, err)
	}
	if k, err := f.Decode(alone); err != nil || any(k) != any(good) {
		t.Errorf("%s: decoded %v, %v, want %v", id, k, err, good)
	}
	for i, x := range part {
		if x == 2 || ^x == 2 {
			part[i] ^= 1 // the even key becomes odd
		}
	}
	var zero K
	if k, err := f.Decode(part); err == nil || any(k) != any(zero) {
		t.Errorf("%s: Decode(%x) = %v, %v, want an error alone", id, part, k, err)
	}
	if k, rest, err := f.TakePart(part); err == nil || rest != nil || any(k) != any(zero) {
		t.Errorf("%s: TakePart(%x) = %v, %x, %v, want an error alone", id, part, k, rest, err)
	}
}

// The key type follows from the format, as in calls of core.OpenTable: this compiles.
var (
	_ string                                = keyOf(keys.String())
	_ keys.Tuple[string, uint32]            = keyOf(keys.Pair(keys.StringView(), keys.Uint32()))
	_ keys.Null[keys.Tuple[bool, []byte]]   = keyOf(keys.Optional(keys.Pair(keys.Bool(), keys.Bytes())))
	_ keys.Tuple3[bool, time.Time, [4]byte] = keyOf(keys.Triple(keys.Bool(), keys.Desc(keys.Time()), keys.Array[[4]byte]()))
)

func keyOf[K any](core.KeyFormat[K]) (k K) { return k }
