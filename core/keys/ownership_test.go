// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package keys_test

import (
	"testing"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
)

// TestViewsBorrow: a view refers to the bytes it was decoded from, unless they had to be unescaped. (TestOrder
// spoils the bytes of all other formats.)
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
	if pair.First != "\xcc\xcc\xcc" || string(pair.Second) != pair.First || string(text) != pair.First {
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

// TestDescOwns: Desc decodes from scratch memory, which must not be used again under the keys that refer to it.
func TestDescOwns(t *testing.T) {
	str, raw := keys.StringView(), keys.BytesView()
	descOwns(t, str, "abc", "xyz")
	descOwns(t, raw, []byte("abc"), []byte("xyz"))
	descOwns(t, keys.Optional(str), keys.Null[string]{V: "abc", Valid: true}, keys.Null[string]{V: "xyz", Valid: true})
	own := keys.Bytes()
	p, q := keys.Pair(own, raw), keys.Pair(raw, own)
	descOwns(t, p, p.Key([]byte("abc"), []byte("def")), p.Key([]byte("xyz"), []byte("xyz")))
	descOwns(t, q, q.Key([]byte("abc"), []byte("def")), q.Key([]byte("xyz"), []byte("xyz")))
	one, two, three := keys.Triple(str, own, own), keys.Triple(own, str, own), keys.Triple(own, own, str)
	descOwns(t, one, one.Key("abc", nil, nil), one.Key("xyz", nil, nil))
	descOwns(t, two, two.Key(nil, "abc", nil), two.Key(nil, "xyz", nil))
	descOwns(t, three, three.Key(nil, nil, "abc"), three.Key(nil, nil, "xyz"))
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

// TestAllocations: what is promised to cost nothing costs nothing, through the interface that tables use.
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
	allocations(t, keys.Pair(keys.StringView(), keys.Uint64()), tuple("a key of a pair", uint64(1)), 0)
	allocations(t, keys.Pair(keys.StringView(), keys.Desc(keys.Time())), tuple("a", noon), 0)
	allocations(t, keys.Triple(keys.Uint8(), keys.Bool(), keys.StringView()),
		keys.Tuple3[uint8, bool, string]{First: 1, Second: true, Third: "a"}, 0)
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
