// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package users

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
)

var clearPromises = []kit.Promise{
	{
		Name: "clear/ranges", Check: checkClear,
		Explanation: "Clear deletes the rows that its scan has, with bounds, limits and in " +
			"reverse, and no other",
	},
	{
		Name: "clear/long bounds", Check: checkClearLongBounds,
		Explanation: "a bound of Clear may be longer than any key that the engine takes, such as " +
			"After the longest",
	},
	{
		Name: "clear/transaction", Check: checkClearTx,
		Explanation: "inside a transaction Clear sees and deletes the transaction's own rows, " +
			"and is rolled back with it",
	},
	{
		Name: "clear/readers", Check: checkClearReaders,
		Explanation: "open guards, scans and transactions keep the rows that Clear deletes",
	},
	{
		Name: "clear/durable", Check: checkClearDurable,
		Explanation: "what Clear deleted stays deleted, what is put there later stays, and the " +
			"table beside it is untouched",
	},
}

func checkClear(t *kit.Trial) {
	s, tab, all, _ := oddTable(t)
	behind := openWords(t, s, "behind")
	put1(t, behind, "\x00", "stays")
	rnd := rand.New(rand.NewPCG(22, 0))
	for range t.Pick(150, 40) {
		a := randomScan(rnd, tab.Scan(), all)
		t.Do("Clear", a.scan.Clear(t.Ctx))
		want := all
		for _, r := range a.rows {
			want = kit.Without(want, r.Key, r.Key+"\x00")
		}
		if got := scanned(t, tab.Scan()); !slices.Equal(got, want) {
			t.Fatalf("after Clear of %v there are %v; want %v", a.words, got, want)
		}
		for _, r := range a.rows {
			put1(t, tab, r.Key, r.Value)
		}
	}
	t.Do("Clear", tab.Scan().Clear(t.Ctx))
	holds(t, tab)
	t.Do("Clear of nothing", tab.Scan().Clear(t.Ctx))
	t.Do("Clear of an empty range", tab.Scan().From("b").To("a").Clear(t.Ctx))
	holds(t, behind, kit.KV("\x00", "stays"))
}

func checkClearLongBounds(t *kit.Trial) {
	s, tab := openOne(t)
	most := limitsOf(t).Key
	if most == 0 {
		most = 2 << 10
	}
	longest := strings.Repeat("k", most-4) // in front of it is the table's number
	before, behind := longest[:len(longest)-1]+"j", longest[:len(longest)-1]+"l"
	all := []string{"a", longest[:len(longest)-1], before, longest, behind, "z"}
	bounds := []string{
		longest, longest + "\x00", longest + "x", longest + longest, behind + "\xff",
		longest + "\xff\xff",
	}
	for _, bound := range bounds[:t.Pick(len(bounds), 2)] {
		scan := tab.Scan()
		for name, c := range kit.ByName(map[string]struct {
			scan core.Scan[string, string, string]
			has  func(k string) bool
		}{
			"From":  {scan.From(bound), func(k string) bool { return k >= bound }},
			"To":    {scan.To(bound), func(k string) bool { return k < bound }},
			"After": {scan.After(bound), func(k string) bool { return k > bound }},
			"Reverse After": {
				scan.Reverse().After(bound),
				func(k string) bool { return k < bound },
			},
			"From and To": {
				scan.From(bound).To(bound + "\x00"),
				func(k string) bool { return k == bound },
			},
		}) {
			var want []kit.Row
			for _, k := range all {
				put1(t, tab, k, "v")
				if !c.has(k) {
					want = append(want, kit.KV(k, "v"))
				}
			}
			t.Do("Clear "+name, c.scan.Clear(t.Ctx))
			if got := scanned(t, tab.Scan()); !slices.Equal(got, want) {
				t.Errorf("after Clear %s a bound of %d bytes there are %d rows; want %d",
					name, len(bound), len(got), len(want))
			}
		}
	}
	t.Do("Check", s.Check(t.Ctx))
}

func checkClearTx(t *kit.Trial) {
	s, tab := openOne(t)
	load(t, tab, 5)
	mine := errors.New("mine")
	for _, failure := range []error{mine, nil} {
		err := s.Update(t.Ctx, func(tx *core.Tx) error {
			in := tab.In(tx)
			t.Do("Put", in.Put(t.Ctx, "some000009", "pending"))
			t.Do("Clear", in.Scan().From("some000002").Clear(t.Ctx))
			if n, err := in.Count(t.Ctx); n != 2 || err != nil {
				t.Errorf("after Clear in an Update there are %d rows, %v; want 2", n, err)
			}
			t.Do("Put", in.Put(t.Ctx, "some000003", "after"))
			return failure
		})
		if err != failure {
			t.Errorf("Update gives %v; want %v", err, failure)
		}
		if n, _ := tab.Count(t.Ctx); failure != nil && n != 5 {
			t.Errorf("after the Update was rolled back there are %d rows; want 5", n)
		}
	}
	holds(t, tab, kit.KV("some000000", "value 0"), kit.KV("some000001", "value 1"),
		kit.KV("some000003", "after"))
	t.Do("View", s.View(t.Ctx, func(tx *core.Tx) error {
		t.Is("Clear in a View", tab.In(tx).Scan().Clear(t.Ctx), core.ErrReadOnly)
		return nil
	}))
}

func checkClearReaders(t *kit.Trial) {
	s, tab := openOne(t)
	load(t, tab, 100)
	g := guard(t, tab, "some000001")
	c, err := tab.Scan().Cursor(t.Ctx)
	t.Do("Cursor", err)
	n := 0
	if t.Shared() { // the first row settles the state
		n = len(pulled(c, 1))
	}
	t.Do("View", s.View(t.Ctx, func(tx *core.Tx) error {
		n, err := tab.In(tx).Count(t.Ctx)
		t.Do("Count", err)
		t.Do("Clear", tab.Scan().Clear(t.Ctx))
		again, err := tab.In(tx).Count(t.Ctx)
		if n != 100 || again != 100 || err != nil {
			t.Errorf("a View that was open counts %d rows, then %d, %v; want 100", n, again, err)
		}
		return nil
	}))
	holds(t, tab)
	if n += len(pulled(c, -1)); n != 100 || c.Err() != nil {
		t.Errorf("a Cursor that was open gives %d rows, %v; want 100", n, c.Err())
	}
	if g.Value() != "value 1" {
		t.Errorf("the guard's value became %q", g.Value())
	}
	t.Close(c)
	t.Close(g)
}

func checkClearDurable(t *kit.Trial) {
	s, tab := openOne(t)
	beside := openWords(t, s, "beside")
	put1(t, beside, "k", "v")
	load(t, tab, 3000)
	t.Do("Clear", tab.Scan().From("some000002").Clear(t.Ctx))
	put1(t, tab, "some000007", "later")
	want := []kit.Row{
		kit.KV("some000000", "value 0"), kit.KV("some000001", "value 1"),
		kit.KV("some000007", "later"),
	}
	holds(t, tab, want...)
	closeStorage(t, s)
	s = open(t)
	holds(t, openWords(t, s, "words"), want...)
	holds(t, openWords(t, s, "beside"), kit.KV("k", "v"))
	_, err := s.Compact(t.Ctx)
	t.Do("Compact", err)
	holds(t, openWords(t, s, "words"), want...)
	t.Do("Check", s.Check(t.Ctx))
}
