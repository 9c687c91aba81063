// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package keys_test

import (
	"errors"
	"math/big"
	"net/netip"
	"testing"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
)

// TestViewsBorrow: a view refers to the bytes it was decoded from, unless they had to be
// unescaped. (TestOrder spoils the bytes of all other formats.)
func TestViewsBorrow(t *testing.T) {
	str, raw := keys.StringView(), keys.BytesView()
	b := []byte("abcdef")[:3]
	s, _ := str.Decode(b)
	v, _ := raw.Decode(b)
	spoil(b)
	if s != "\xcc\xcc\xcc" || string(v) != s {
		t.Errorf("got copies, %q and %q", s, v)
	}
	if cap(v) != len(v) {
		t.Errorf("an append to the view would write into the engine's bytes")
	}

	b = []byte("abc\x00\x01def")
	pair, _ := keys.Pair(str, raw).Decode(b)
	text, _, _ := raw.TakePart(b)
	spoil(b)
	if pair.First != "\xcc\xcc\xcc" || string(pair.Second) != pair.First ||
		string(text) != pair.First {
		t.Errorf("got copies, %q and %q", pair, text)
	}
	if cap(text) != len(text) {
		t.Errorf("an append to the view would write into the engine's bytes")
	}

	b = []byte("a\x00\xffc\x00\x01def")
	pair, err := keys.Pair(str, raw).Decode(b)
	if err != nil || pair.First != "a\x00c" || string(pair.Second) != "def" {
		t.Errorf("got %q, %v", pair, err)
	}
}

// TestDescOwns: Desc decodes from scratch memory, which must not be used again under the keys
// that refer to it.
func TestDescOwns(t *testing.T) {
	str, raw := keys.StringView(), keys.BytesView()
	descOwns(t, str, "abc", "xyz")
	descOwns(t, raw, []byte("abc"), []byte("xyz"))
	descOwns(t, keys.Optional(str), keys.Null[string]{V: "abc", Valid: true},
		keys.Null[string]{V: "xyz", Valid: true})
	own := keys.Bytes()
	p, q := keys.Pair(own, raw), keys.Pair(raw, own)
	descOwns(t, p, p.Key([]byte("abc"), []byte("def")), p.Key([]byte("xyz"), []byte("xyz")))
	descOwns(t, q, q.Key([]byte("abc"), []byte("def")), q.Key([]byte("xyz"), []byte("xyz")))
	one, two, three := keys.Triple(str, own, own), keys.Triple(own, str,
		own), keys.Triple(own, own, str)
	descOwns(t, one, one.Key("abc", nil, nil), one.Key("xyz", nil, nil))
	descOwns(t, two, two.Key(nil, "abc", nil), two.Key(nil, "xyz", nil))
	descOwns(t, three, three.Key(nil, nil, "abc"), three.Key(nil, nil, "xyz"))
	first, last := keys.Quad(str, own, own, own), keys.Quad(own, own, own, str)
	descOwns(t, first, first.Key("abc", nil, nil, nil), first.Key("xyz", nil, nil, nil))
	descOwns(t, last, last.Key(nil, nil, nil, "abc"), last.Key(nil, nil, nil, "xyz"))
	descOwns(t, box("box", str), boxed[string]{"abc"}, boxed[string]{"xyz"})
	zoned := netip.IPv6LinkLocalAllNodes()
	descOwns(t, keys.Addr(), zoned.WithZone("abc"), zoned.WithZone("xyz"))
	descOwns(t, keys.BigInt(), big.NewInt(-12345), big.NewInt(54321))
}

func descOwns[K any](t *testing.T, part keys.Part[K], k, other K) {
	t.Helper()
	f := keys.Desc(part)
	b, _ := f.Append(nil, k)
	got, err := f.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	b, _ = f.Append(b[:0], other)
	for range 10 { // whatever memory would be used again, is
		_, _ = f.Decode(b)
	}
	again, _ := f.Append(nil, got)
	if want, _ := f.Append(nil, k); string(again) != string(want) {
		t.Errorf("%s: the key %v became %v", f.ID(), k, got)
	}
}

func TestEmptyKeys(t *testing.T) {
	if b, err := keys.Bytes().Decode(nil); b == nil || len(b) != 0 || err != nil {
		t.Errorf("Decode of nothing = %#v, %v, want an empty slice", b, err)
	}
	if b, _, err := keys.Bytes().TakePart([]byte{0, 1}); b == nil || len(b) != 0 || err != nil {
		t.Errorf("TakePart of an empty text = %#v, %v, want an empty slice", b, err)
	}
	if s, err := keys.StringView().Decode(nil); s != "" || err != nil {
		t.Errorf("Decode of nothing = %q, %v", s, err)
	}
}

// TestTimeKeepsTheInstant: zone and monotonic reading go, so that equal keys are == too.
func TestTimeKeepsTheInstant(t *testing.T) {
	now := time.Now()
	b, _ := keys.Time().Append(nil, now)
	c, _ := keys.Time().Append(nil, now.Round(0).In(time.FixedZone("west", -3600)))
	if string(b) != string(c) {
		t.Errorf("one instant has the keys %x and %x", b, c)
	}
	got, err := keys.Time().Decode(b)
	if err != nil || got != now.Round(0).UTC() {
		t.Errorf("got %v, %v, want %v", got, err, now.UTC())
	}
	b, _ = keys.Time().Append(nil, time.Time{})
	if got, err := keys.Time().Decode(b); err != nil || got != (time.Time{}) {
		t.Errorf("the zero time became %v, %v", got, err)
	}
}

// TestAllocations: what is promised to cost nothing costs nothing, through the interface that
// tables use.
func TestAllocations(t *testing.T) {
	type uuid [16]byte
	noon := time.Date(2026, 3, 29, 12, 0, 0, 1, time.FixedZone("east", 3600))
	allocations(t, keys.Uint64(), 1<<63, 0)
	allocations(t, keys.Int(), -1, 0)
	allocations(t, keys.Float64(), -1.5, 0)
	allocations(t, keys.Bool(), true, 0)
	allocations(t, keys.Time(), noon, 0)
	allocations(t, keys.Array[uuid](), uuid{1}, 0)
	allocations(t, keys.String(), "a string that is not small enough", 1)
	allocations(t, keys.StringView(), "a string that is not small enough", 0)
	allocations(t, keys.Bytes(), []byte("abc"), 1)
	allocations(t, keys.BytesView(), []byte("abc"), 0)
	allocations(t, keys.Optional(keys.Int64()), keys.Null[int64]{V: 1, Valid: true}, 0)
	allocations(t, keys.Optional(keys.Int64()), keys.Null[int64]{}, 0)
	allocations(t, keys.Desc(keys.Time()), noon, 0)
	allocations(t, keys.Desc(keys.StringView()), "abc", 1)
	allocations(t, keys.Pair(keys.String(), keys.Uint64()), tuple("a key of a pair", uint64(1)), 1)
	allocations(t, keys.Pair(keys.String(), keys.Uint64()), tuple("a\x00b", uint64(1)), 1)
	allocations(t, keys.Pair(keys.StringView(), keys.Uint64()),
		tuple("a key of a pair", uint64(1)), 0)
	allocations(t, keys.Pair(keys.StringView(), keys.Desc(keys.Time())), tuple("a", noon), 0)
	allocations(t, keys.Triple(keys.Uint8(), keys.Bool(), keys.StringView()),
		keys.Tuple3[uint8, bool, string]{First: 1, Second: true, Third: "a"}, 0)
	allocations(t, keys.Quad(keys.Uint8(), keys.Bool(), keys.StringView(), keys.Int()),
		keys.Tuple4[uint8, bool, string, int]{First: 1, Second: true, Third: "a", Fourth: 2}, 0)
	allocations(t, box("box", keys.Pair(keys.StringView(), keys.Int())),
		boxed[keys.Tuple[string, int]]{tuple("a", 1)}, 0)
	allocations(t, keys.Addr(), netip.MustParseAddr("10.0.0.2"), 0)
	allocations(t, keys.Addr(), netip.MustParseAddr("fe80::1"), 0)
	allocations(t, keys.AddrPort(), netip.MustParseAddrPort("10.0.0.2:443"), 0)
	allocations(t, keys.Network(), netip.MustParsePrefix("10.0.0.0/8"), 0)
	allocations(t, keys.BigInt(), big.NewInt(-12345), 2)
}

func allocations[K any](t *testing.T, f core.KeyFormat[K], k K, wantDecode float64) {
	t.Helper()
	buf := make([]byte, 0, 100)
	if n := testing.AllocsPerRun(100, func() { buf, _ = f.Append(buf[:0], k) }); n != 0 {
		t.Errorf("%s: Append makes %v allocations, want 0", f.ID(), n)
	}
	var got K
	if n := testing.AllocsPerRun(100, func() { got, _ = f.Decode(buf) }); n != wantDecode {
		t.Errorf("%s: Decode makes %v allocations, want %v", f.ID(), n, wantDecode)
	}
	if b, _ := f.Append(nil, got); string(b) != string(buf) {
		t.Errorf("%s: decoded %v, want %v", f.ID(), got, k)
	}
}

// TestRangeAllocations: a short scan pays for its range too.
func TestRangeAllocations(t *testing.T) {
	pair, triple := keys.Pair(keys.String(), keys.Uint64()), keys.Triple(keys.String(),
		keys.Uint64(), keys.Bool())
	var low, high []byte
	for name, c := range map[string]struct {
		most float64
		make func()
	}{
		"Prefix": {2, func() {
			low, high, _ = keys.String().(core.Prefixer[string]).Prefix("oven").Bounds()
		}},
		"First":        {2, func() { low, high, _ = pair.First("oven").Bounds() }},
		"FirstPrefix":  {2, func() { low, high, _ = pair.FirstPrefix("oven").Bounds() }},
		"FirstBetween": {2, func() { low, high, _ = pair.FirstBetween("oven", "sink").Bounds() }},
		"FirstTwo":     {3, func() { low, high, _ = triple.FirstTwo("oven", 1).Bounds() }},
	} {
		if n := testing.AllocsPerRun(100, c.make); n > c.most {
			t.Errorf("%s makes %v allocations, want at most %v", name, n, c.most)
		}
		if len(low) == 0 || len(high) == 0 {
			t.Errorf("%s has no bounds", name)
		}
	}
}

// TestBigIntBounds: what is over the bound, or nothing, is refused when it is put.
func TestBigIntBounds(t *testing.T) {
	f := keys.BigInt()
	most := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 8*65535), big.NewInt(1))
	for _, k := range []*big.Int{most, new(big.Int).Neg(most)} {
		b, err := f.Append(nil, k)
		if err != nil || len(b) != 3+65535 {
			t.Fatalf("Append made %d bytes, %v", len(b), err)
		}
		if got, err := f.Decode(b); err != nil || got.Cmp(k) != 0 {
			t.Errorf("an integer of 65535 bytes became another, %v", err)
		}
	}
	over := new(big.Int).Add(most, big.NewInt(1))
	if _, err := f.Append(nil, over); !errors.Is(err, core.ErrTooLarge) {
		t.Errorf("Append of 65536 bytes: %v, want ErrTooLarge", err)
	}
	if _, err := keys.Pair(keys.Bool(), f).Append(nil,
		tuple[bool, *big.Int](true, nil)); err == nil {
		t.Errorf("a nil *big.Int was appended")
	}
}

// TestMapErrors: an error of to is that of the call; a panic is the caller's.
func TestMapErrors(t *testing.T) {
	f := evenHalf(keys.Uint8())
	for _, got := range []func() error{
		func() error { _, err := f.Append(nil, 3); return err },
		func() error { _, err := f.AppendPart(nil, 3); return err },
		func() error { _, err := f.AppendPartPrefix(nil, 3); return err },
		func() error { _, _, err := f.Prefix(3).Bounds(); return err },
	} {
		if err := got(); err == nil || err.Error() != "map(even,uint8): odd" || errors.Is(err,
			core.ErrCorrupt) {
			t.Errorf("the error is %v, want that of to", err)
		}
	}
	same := func(k uint8) (uint8, error) { return k, nil }
	for want, f := range map[string]keys.MapFormat[uint8, uint8]{
		`the name "" of a key format must consist of letters, digits, and . _ - /`: keys.Map("",
			keys.Uint8(), same, same),
		`the name "a,b" of a key format must consist of letters, digits, and . _ - /`: keys.Map("a,b",
			keys.Uint8(), same, same),
		`the name "ä" of a key format must consist of letters, digits, and . _ - /`: keys.Map("ä",
			keys.Uint8(), same, same),
		"keys.Map needs both functions, to and from": keys.Map("a",
			keys.Uint8(), same, nil),
	} {
		if err := f.CheckKey(); err == nil || err.Error() != want {
			t.Errorf("CheckKey: %v, want %s", err, want)
		}
	}
	defer func() {
		if r := recover(); r != "mine" {
			t.Errorf("recovered %v, want the panic of the function", r)
		}
	}()
	g := keys.Map("panics", keys.Uint8(), func(uint8) (uint8, error) { panic("mine") }, same)
	_, _ = g.Append(nil, 1)
}
