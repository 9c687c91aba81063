// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/guardkv/guardkv/core"
)

var clearPromises = []promise{
	{
		name: "clear/ranges", check: checkClear,
		explanation: "Clear deletes the rows that its scan has, with bounds, limits and in reverse, and no other",
	},
	{
		name: "clear/long bounds", check: checkClearLongBounds,
		explanation: "a bound of Clear may be longer than any key that the engine takes, such as After the longest",
	},
	{
		name: "clear/transaction", check: checkClearTx,
		explanation: "inside a transaction Clear sees and deletes the transaction's own rows, and is rolled back with it",
	},
	{
		name: "clear/readers", check: checkClearReaders,
		explanation: "open guards, scans and transactions keep the rows that Clear deletes",
	},
	{
		name: "clear/durable", check: checkClearDurable,
		explanation: "what Clear deleted stays deleted, what is put there later stays, and the table beside it is untouched",
	},
}

func checkClear(t *trial) {
	s, tab, all, _ := oddTable(t)
	behind := t.words(s, "behind")
	put1(t, behind, "\x00", "stays")
	rnd := rand.New(rand.NewPCG(22, 0))
	for range t.pick(150, 40) {
		a := randomScan(rnd, tab.Scan(), all)
		t.do("Clear", a.scan.Clear(t.ctx))
		want := all
		for _, r := range a.rows {
			want = without(want, r.key, r.key+"\x00")
		}
		if got := scanned(t, tab.Scan()); !slices.Equal(got, want) {
			t.Fatalf("after Clear of %v there are %v; want %v", a.words, got, want)
		}
		for _, r := range a.rows {
			put1(t, tab, r.key, r.value)
		}
	}
	t.do("Clear", tab.Scan().Clear(t.ctx))
	holds(t, tab)
	t.do("Clear of nothing", tab.Scan().Clear(t.ctx))
	t.do("Clear of an empty range", tab.Scan().From("b").To("a").Clear(t.ctx))
	holds(t, behind, row{"\x00", "stays"})
}

func checkClearLongBounds(t *trial) {
	s, tab := t.one()
	most := t.limits().Key
	if most == 0 {
		most = 2 << 10
	}
	longest := strings.Repeat("k", most-4) // in front of it is the table's number
	before, behind := longest[:len(longest)-1]+"j", longest[:len(longest)-1]+"l"
	all := []string{"a", longest[:len(longest)-1], before, longest, behind, "z"}
	bounds := []string{longest, longest + "\x00", longest + "x", longest + longest, behind + "\xff", longest + "\xff\xff"}
	for _, bound := range bounds[:t.pick(len(bounds), 2)] {
		scan := tab.Scan()
		for name, c := range byName(map[string]struct {
			scan core.Scan[string, string, string]
			has  func(k string) bool
		}{
			"From":          {scan.From(bound), func(k string) bool { return k >= bound }},
			"To":            {scan.To(bound), func(k string) bool { return k < bound }},
			"After":         {scan.After(bound), func(k string) bool { return k > bound }},
			"Reverse After": {scan.Reverse().After(bound), func(k string) bool { return k < bound }},
			"From and To":   {scan.From(bound).To(bound + "\x00"), func(k string) bool { return k == bound }},
		}) {
			var want []row
			for _, k := range all {
				put1(t, tab, k, "v")
				if !c.has(k) {
					want = append(want, row{k, "v"})
				}
			}
			t.do("Clear "+name, c.scan.Clear(t.ctx))
			if got := scanned(t, tab.Scan()); !slices.Equal(got, want) {
				t.Errorf("after Clear %s a bound of %d bytes there are %d rows; want %d", name, len(bound), len(got), len(want))
			}
		}
	}
	t.do("Check", s.Check(t.ctx))
}

func checkClearTx(t *trial) {
	s, tab := t.one()
	load(t, tab, 5)
	mine := errors.New("mine")
	for _, failure := range []error{mine, nil} {
		err := s.Update(t.ctx, func(tx *core.Tx) error {
			in := tab.In(tx)
			t.do("Put", in.Put(t.ctx, "some000009", "pending"))
			t.do("Clear", in.Scan().From("some000002").Clear(t.ctx))
			if n, err := in.Count(t.ctx); n != 2 || err != nil {
				t.Errorf("after Clear in an Update there are %d rows, %v; want 2", n, err)
			}
			t.do("Put", in.Put(t.ctx, "some000003", "after"))
			return failure
		})
		if err != failure {
			t.Errorf("Update gives %v; want %v", err, failure)
		}
		if n, _ := tab.Count(t.ctx); failure != nil && n != 5 {
			t.Errorf("after the Update was rolled back there are %d rows; want 5", n)
		}
	}
	holds(t, tab, row{"some000000", "value 0"}, row{"some000001", "value 1"}, row{"some000003", "after"})
	t.do("View", s.View(t.ctx, func(tx *core.Tx) error {
		t.is("Clear in a View", tab.In(tx).Scan().Clear(t.ctx), core.ErrReadOnly)
		return nil
	}))
}

func checkClearReaders(t *trial) {
	s, tab := t.one()
	load(t, tab, 100)
	g := guard(t, tab, "some000001")
	c, err := tab.Scan().Cursor(t.ctx)
	t.do("Cursor", err)
	t.do("View", s.View(t.ctx, func(tx *core.Tx) error {
		t.do("Clear", tab.Scan().Clear(t.ctx))
		if n, err := tab.In(tx).Count(t.ctx); n != 100 || err != nil {
			t.Errorf("a View that was open counts %d rows, %v; want 100", n, err)
		}
		return nil
	}))
	holds(t, tab)
	if n := len(pulled(c, -1)); n != 100 || c.Err() != nil {
		t.Errorf("a Cursor that was open gives %d rows, %v; want 100", n, c.Err())
	}
	if g.Value() != "value 1" {
		t.Errorf("the guard's value became %q", g.Value())
	}
	t.close(c)
	t.close(g)
}

func checkClearDurable(t *trial) {
	s, tab := t.one()
	beside := t.words(s, "beside")
	put1(t, beside, "k", "v")
	load(t, tab, 3000)
	t.do("Clear", tab.Scan().From("some000002").Clear(t.ctx))
	put1(t, tab, "some000007", "later")
	want := []row{{"some000000", "value 0"}, {"some000001", "value 1"}, {"some000007", "later"}}
	holds(t, tab, want...)
	t.closeStorage(s)
	s = t.open()
	holds(t, t.words(s, "words"), want...)
	holds(t, t.words(s, "beside"), row{"k", "v"})
	_, err := s.Compact(t.ctx)
	t.do("Compact", err)
	holds(t, t.words(s, "words"), want...)
	t.do("Check", s.Check(t.ctx))
}
