// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package users

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
)

var orderPromises = []kit.Promise{
	{
		Name: "order/integers", Check: checkOrderIntegers,
		Explanation: "order is the order of K: negative integers come before positive ones",
	},
	{
		Name: "order/floats", Check: checkOrderFloats,
		Explanation: "order is the order of K: -0 equals +0, and one NaN sorts last",
	},
	{
		Name: "order/strings", Check: checkOrderStrings,
		Explanation: "order is the order of K: strings and bytes of any content, the empty one " +
			"included",
	},
	{
		Name: "order/composite", Check: checkOrderComposite,
		Explanation: "order is the order of K: pairs by their first component, then by the " +
			"second; Desc reverses",
	},
	{
		Name: "order/foreign range", Check: checkForeignRange,
		Explanation: "Within a range that another key format made returns ErrFormatMismatch, and " +
			"touches no row",
	},
	{
		Name: "order/unordered", Check: checkUnordered,
		Explanation: "From, To, Prefix, Within, Reverse, After and Seek on an unordered key " +
			"format give ErrUnordered",
	},
	{
		Name: "order/empty keys", Check: checkEmptyKeys,
		Explanation: "empty strings and empty byte keys are valid keys",
	},
	{
		Name: "order/tables apart", Check: checkTablesApart,
		Explanation: "tables know nothing of each other, whatever their names and keys",
	},
}

// inOrder puts keys in random order, and compares scans both ways with them as they are given.
func inOrder[K any](
	t *kit.Trial, s *core.Storage, f core.KeyFormat[K], equal func(a, b K) bool, sorted ...K,
) {
	t.TB.Helper()
	tab := table(t, s, fmt.Sprintf("%T %s", sorted, f.ID()), f, values.String())
	for _, i := range rand.New(rand.NewPCG(1, 2)).Perm(len(sorted)) {
		put1(t, tab, sorted[i], "v")
	}
	same := func(name string, scan core.Scan[K, string, string], want []K) {
		var got []K
		for r, err := range scan.Rows(t.Ctx) {
			t.Do("Rows", err)
			got = append(got, r.Key)
		}
		if !slices.EqualFunc(got, want, equal) {
			t.Errorf("%s %s: %v; want %v", f.ID(), name, got, want)
		}
	}
	back := slices.Clone(sorted)
	slices.Reverse(back)
	same("upwards", tab.Scan(), sorted)
	same("downwards", tab.Scan().Reverse(), back)
	for i := range sorted {
		same("from", tab.Scan().From(sorted[i]), sorted[i:])
		same("to", tab.Scan().To(sorted[i]), sorted[:i])
		same("to, downwards", tab.Scan().To(sorted[i]).Reverse(), back[len(back)-i:])
	}
}

func equal[K comparable](a, b K) bool { return a == b }

func checkOrderIntegers(t *kit.Trial) {
	s := open(t)
	inOrder(t, s, keys.Int64(), equal, math.MinInt64, -1<<32, -256, -255, -1, 0, 1, 255, 256, 1<<32,
		math.MaxInt64)
	inOrder(t, s, keys.Int(), equal, math.MinInt, -2, -1, 0, 1, math.MaxInt)
	inOrder(t, s, keys.Uint64(), equal, 0, 1, 255, 256, 1<<32, math.MaxUint64)
}

func checkOrderFloats(t *kit.Trial) {
	s := open(t)
	same := func(a, b float64) bool { return a == b || a != a && b != b }
	inOrder(t, s, keys.Float64(), same, math.Inf(-1), -math.MaxFloat64, -1.5,
		-math.SmallestNonzeroFloat64, 0,
		math.SmallestNonzeroFloat64, 1.5, math.MaxFloat64, math.Inf(1), math.NaN())
	tab := table(t, s, "zero", keys.Float64(), values.String())
	put1(t, tab, math.Copysign(0, -1), "minus")
	put1(t, tab, 0, "plus")
	put1(t, tab, math.NaN(), "a NaN")
	put1(t, tab, math.Float64frombits(math.Float64bits(math.NaN())^1), "another NaN")
	if n, err := tab.Count(t.Ctx); n != 2 || err != nil {
		t.Errorf("of -0, +0 and two NaNs there are %d rows, %v; want 2", n, err)
	}
	if v, err := tab.Load(t.Ctx, math.Copysign(0, -1)); v != "plus" || err != nil {
		t.Errorf("the row at -0 is %q, %v", v, err)
	}
}

func checkOrderStrings(t *kit.Trial) {
	s := open(t)
	sorted := append([]string{""}, kit.OddKeys...)
	inOrder(t, s, keys.String(), equal, sorted...)
	var asBytes [][]byte
	for _, k := range sorted {
		asBytes = append(asBytes, []byte(k))
	}
	inOrder(t, s, keys.Bytes(), bytes.Equal, asBytes...)
}

func checkOrderComposite(t *kit.Trial) {
	type pair = keys.Tuple[string, int64]
	s := open(t)
	at := func(a string, b int64) pair { return pair{First: a, Second: b} }
	pairs := []pair{
		at("", -1), at("", 0), at("\x00", 5), at("\x00\x00", -7), at("a", -5), at("a", 5),
		at("a\x00", 0), at("ab", -9), at("b", 0), at("\xff", 1), at("\xff\xff", 0),
	}
	f := keys.Pair(keys.String(), keys.Int64())
	inOrder(t, s, f, equal, pairs...)
	inOrder(t, s, keys.Desc(keys.Int64()), equal, math.MaxInt64, 1, 0, -1, math.MinInt64)
	inOrder(t, s, keys.Desc(keys.String()), equal, "b", "ab", "aa", "a\x00", "a", "")
	tab := table(t, s, "pairs", f, values.String())
	for _, p := range pairs {
		put1(t, tab, p, "v")
	}
	for _, first := range []string{"", "\x00", "a", "\xff", "none"} {
		var exact, prefixed []pair
		for _, p := range pairs {
			if p.First == first {
				exact = append(exact, p)
			}
			if strings.HasPrefix(p.First, first) {
				prefixed = append(prefixed, p)
			}
		}
		sameKeys(t, "First", tab.Scan().Within(f.First(first)), exact)
		sameKeys(t, "FirstPrefix", tab.Scan().Within(f.FirstPrefix(first)), prefixed)
	}
}

// checkForeignRange: the bounds of another format mean something else in the table, or nothing,
// so a scan that used them would pass over the wrong rows, and Delete would delete them.
func checkForeignRange(t *kit.Trial) {
	s := open(t)
	f := keys.Pair(keys.String(), keys.Int64())
	tab := table(t, s, "pairs", f, values.String())
	for i := range int64(3) {
		put1(t, tab, f.Key("a", i), "v")
	}
	down := keys.Pair(keys.Desc(keys.String()), keys.Int64())
	back := keys.Desc(f)
	for name, r := range kit.ByName(map[string]core.KeyRange[keys.Tuple[string, int64]]{
		"of a pair of others": down.First("a"), "of the reverse": back.Range(f.First("a")),
		"of none": {},
	}) {
		scan := tab.Scan().Within(r)
		t.Is(name+" Rows", lastError(scan.Rows(t.Ctx)), core.ErrFormatMismatch)
		t.Is(name+" Keys", lastError(scan.Keys(t.Ctx)), core.ErrFormatMismatch)
		_, err := scan.Count(t.Ctx)
		t.Is(name+" Count", err, core.ErrFormatMismatch)
		_, err = scan.Delete(t.Ctx)
		t.Is(name+" Delete", err, core.ErrFormatMismatch)
	}
	_, err := tab.Scan().Within(down.First("a")).Count(t.Ctx)
	for _, id := range []string{f.ID(), down.ID()} {
		if err == nil || !strings.Contains(err.Error(), id) {
			t.Errorf("the error does not name %s: %v", id, err)
		}
	}
	// another format with the same ID stores the same
	same := keys.Pair(keys.StringView(), keys.IntOf[int64]())
	if n, err := tab.Scan().Within(same.First("a")).Count(t.Ctx); n != 3 || err != nil {
		t.Errorf("Count within the range of a format with the same ID = %d, %v; want 3", n, err)
	}
}

// unordered is a key format that has lost its order.
type unordered struct{ core.KeyFormat[uint64] }

func (unordered) Ordered() bool { return false }
func (unordered) ID() string    { return "unordered" }

func checkUnordered(t *kit.Trial) {
	s := open(t)
	tab := table[uint64](t, s, "unordered", unordered{keys.Uint64()}, values.String())
	for i := range uint64(5) {
		put1(t, tab, i, "v")
	}
	all := tab.Scan()
	for name, scan := range kit.ByName(map[string]core.Scan[uint64, string, string]{
		"From": all.From(1), "To": all.To(1), "Prefix": all.Prefix(1), "Reverse": all.Reverse(),
		"After":              all.After(1),
		"Within":             all.Within(core.NewKeyRange[uint64]("unordered", nil, nil, nil)),
		"From, To and Limit": all.From(1).To(2).Limit(1),
	}) {
		t.Is(name+" Rows", lastError(scan.Rows(t.Ctx)), core.ErrUnordered)
		t.Is(name+" Keys", lastError(scan.Keys(t.Ctx)), core.ErrUnordered)
		_, err := scan.Count(t.Ctx)
		t.Is(name+" Count", err, core.ErrUnordered)
		_, err = scan.Delete(t.Ctx)
		t.Is(name+" Delete", err, core.ErrUnordered)
	}
	c, err := all.Cursor(t.Ctx)
	t.Do("Cursor", err)
	c.Seek(1)
	if c.Next() || !errors.Is(c.Err(), core.ErrUnordered) {
		t.Errorf("Seek gives %v; want ErrUnordered", c.Err())
	}
	t.Do("Close", c.Close())
	if n, err := all.Limit(3).Count(t.Ctx); n != 3 || err != nil {
		t.Errorf("Count within a limit of 3 = %d, %v", n, err)
	}
	if n, err := all.Delete(t.Ctx); n != 5 || err != nil {
		t.Errorf("Delete = %d, %v; want 5", n, err)
	}
}

func checkEmptyKeys(t *kit.Trial) {
	s, tab := openOne(t)
	put1(t, tab, "", "of the empty key")
	put1(t, tab, "\x00", "of zero")
	t.Is("Insert", tab.Insert(t.Ctx, "", "again"), core.ErrExists)
	reads(t, tab, "", "of the empty key")
	holds(t, tab, kit.KV("", "of the empty key"), kit.KV("\x00", "of zero"))
	sameKeys(t, "From the empty key", tab.Scan().From(""), []string{"", "\x00"})
	sameKeys(t, "To the empty key", tab.Scan().To(""), nil)
	sameKeys(t, "Prefix of the empty key", tab.Scan().Prefix(""), []string{"", "\x00"})
	blobs := table(t, s, "blobs", keys.Bytes(), values.Bytes())
	put1(t, blobs, nil, []byte{})
	if v, err := blobs.Load(t.Ctx, []byte{}); len(v) != 0 || err != nil {
		t.Errorf("the row at the empty key is %q, %v", v, err)
	}
	if existed, err := tab.Delete(t.Ctx, ""); !existed || err != nil {
		t.Errorf("Delete = %v, %v; want true", existed, err)
	}
	absent(t, tab, "")
	holds(t, tab, kit.KV("\x00", "of zero"))
}

func checkTablesApart(t *kit.Trial) {
	s := open(t)
	names := []string{"a", "ab", "a\x00", "A", "b", "a b/c", "ä", strings.Repeat("n", 255)}
	for _, name := range names {
		tab := openWords(t, s, name)
		for _, k := range []string{"", "a", "ab", "\x00", "\xff\xff\xff\xff\xff\xff"} {
			put1(t, tab, k, name)
		}
	}
	for i, name := range names {
		tab := openWords(t, s, name)
		for _, r := range scanned(t, tab.Scan().Reverse()) {
			if r.Value != name {
				t.Errorf("table %q shows %v", name, r)
			}
		}
		if n, err := tab.Scan().Delete(t.Ctx); n != 5 || err != nil {
			t.Fatalf("Delete in table %q = %d, %v; want 5", name, n, err)
		}
		for j, other := range names {
			n, err := openWords(t, s, other).Count(t.Ctx)
			if want := 5 * min(1, max(0, j-i)); n != want || err != nil {
				t.Fatalf("after table %q was emptied %q has %d rows, %v; want %d",
					name, other, n, err, want)
			}
		}
	}
	if _, err := core.OpenTable(t.Ctx, s, "", keys.String(), values.String()); err == nil {
		t.Errorf("a table without a name was opened")
	}
}
