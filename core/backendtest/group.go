// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/guardkv/guardkv/core"
)

var groupPromises = []promise{
	{
		name: "group commit/shared", check: checkGroupShared,
		explanation: "concurrent single writes are grouped into one commit",
	},
	{
		name: "group commit/neighbours", check: checkGroupNeighbours,
		explanation: "one failing write does not fail its neighbours",
	},
	{
		name: "group commit/same keys", check: checkGroupSameKeys,
		explanation: "writes of one group see each other: of concurrent Inserts of a key one succeeds, of Deletes one finds the row",
	},
	{
		name: "group commit/in order", check: checkGroupOrder,
		explanation: "what a group leaves behind is what its writes found and did, one after the other",
	},
	{
		name: "group commit/failed apply", check: checkGroupFailed,
		explanation: "a failed sync fails its group and later writes until the storage is reopened; reads go on",
	},
	{
		name: "group commit/unknown outcome", check: checkUnknownOutcome,
		explanation: "after an error whose outcome is unknown nothing is written until the storage is reopened",
	},
	{
		name: "group commit/goes on", check: checkGoesOn,
		explanation: "ErrMaybe, ErrUnavailable and ErrSnapshotExpired fail one commit or transaction, and none after it",
	},
}

func checkGroupShared(t *trial) {
	b := Fault(t.backend)
	tab := t.words(t.openOn(b), "words")
	fewest := int64(writers)
	for try := 0; try < 20 && fewest > writers/2; try++ {
		before := t.account.applies.Load()
		crowd(t, b, tab, func(i int) {
			if err := tab.Put(t.ctx, fmt.Sprintf("%d/%d", try, i), "v"); err != nil {
				t.Errorf("Put: %v", err)
			}
		})
		fewest = min(fewest, t.account.applies.Load()-before-1)
		if n, err := tab.Scan().Prefix(fmt.Sprintf("%d/", try)).Count(t.ctx); n != writers || err != nil {
			t.Fatalf("of %d writes %d are stored, %v", writers, n, err)
		}
	}
	if fewest > writers/2 {
		t.Errorf("%d concurrent writes took %d commits", writers, fewest)
	}
}

func checkGroupNeighbours(t *trial) {
	b := Fault(t.backend)
	tab := t.words(t.openOn(b), "words")
	put1(t, tab, "taken", "v")
	var exists atomic.Int64
	crowd(t, b, tab, func(i int) {
		if i%8 == 0 {
			if err := tab.Insert(t.ctx, "taken", "again"); errors.Is(err, core.ErrExists) {
				exists.Add(1)
			}
			return
		}
		if err := tab.Insert(t.ctx, fmt.Sprint(i), "v"); err != nil {
			t.Errorf("Insert: %v", err)
		}
	})
	if exists.Load() != writers/8 {
		t.Errorf("%d Inserts gave ErrExists; want %d", exists.Load(), writers/8)
	}
	reads(t, tab, "taken", "v")
	if n, err := tab.Count(t.ctx); n != 2+writers*7/8 || err != nil {
		t.Errorf("Count = %d, %v; want %d", n, err, 2+writers*7/8)
	}
}

func checkGroupSameKeys(t *trial) {
	b := Fault(t.backend)
	tab := t.words(t.openOn(b), "words")
	put1(t, tab, "old", "v")
	var inserted, deleted atomic.Int64
	crowd(t, b, tab, func(i int) {
		if err := tab.Insert(t.ctx, "new", fmt.Sprint(i)); err == nil {
			inserted.Add(1)
		} else if !errors.Is(err, core.ErrExists) {
			t.Errorf("Insert: %v", err)
		}
		existed, err := tab.Delete(t.ctx, "old")
		if err != nil {
			t.Errorf("Delete: %v", err)
		}
		if existed {
			deleted.Add(1)
		}
	})
	if inserted.Load() != 1 || deleted.Load() != 1 {
		t.Errorf("%d Inserts of a key succeeded and %d Deletes found the row; want 1 and 1", inserted.Load(), deleted.Load())
	}
	absent(t, tab, "old")
}

// checkGroupOrder counts: every Insert that succeeded added a row, and every Delete that found one took it away.
func checkGroupOrder(t *trial) {
	b := Fault(t.backend)
	tab := t.words(t.openOn(b), "words")
	for round := range 10 {
		before, err := tab.Count(t.ctx)
		t.do("Count", err)
		var added atomic.Int64
		crowd(t, b, tab, func(i int) {
			k := fmt.Sprint("contested ", i%4)
			if i/4%2 == round%2 {
				if tab.Insert(t.ctx, k, "v") == nil {
					added.Add(1)
				}
			} else if existed, _ := tab.Delete(t.ctx, k); existed {
				added.Add(-1)
			}
		})
		_, err = tab.Delete(t.ctx, "first")
		t.do("Delete", err)
		after, err := tab.Count(t.ctx)
		t.do("Count", err)
		if int64(after-before) != added.Load() {
			t.Fatalf("there were %d rows, the writes added %d, and there are %d", before, added.Load(), after)
		}
	}
}

func checkGroupFailed(t *trial) {
	failure := errors.New("the disk is full")
	b := Fault(t.backend)
	s, err := t.tryOpen(b)
	t.do("Open", err)
	tab := t.words(s, "words")
	put1(t, tab, "k", "v")
	var written [writers]error
	crowd(t, b, tab, func(i int) {
		if i == 0 {
			b.Fail(Failure{Op: OpApply, N: 1, Err: failure}) // the Apply under way does not count any more
		}
		written[i] = tab.Put(t.ctx, fmt.Sprint(i), "v")
	})
	for _, v := range writeVerbs[:10] {
		t.is(v.name+" after a failed commit", v.do(t, s, tab), failure)
	}
	reads(t, tab, "k", "v")
	t.closeStorage(s)
	_, tab = t.one()
	for i, err := range written {
		if found, hasErr := tab.Has(t.ctx, fmt.Sprint(i)); found != (err == nil) || hasErr != nil || err != nil && !errors.Is(err, failure) {
			t.Errorf("Put gave %v; after opening again Has = %v, %v", err, found, hasErr)
		}
	}
	reads(t, tab, "k", "v")
	put1(t, tab, "l", "v")
}

func checkUnknownOutcome(t *trial) {
	failure := errors.New("the medium went away")
	b := Fault(t.backend)
	for i, after := range []bool{false, true} {
		s, err := t.tryOpen(b)
		t.do("Open", err)
		tab := t.words(s, "words")
		k := fmt.Sprint(i)
		b.Fail(Failure{Op: OpApply, N: 1, Err: failure, After: after})
		t.is("Put", tab.Put(t.ctx, k, "v"), failure)
		t.is("Update", s.Update(t.ctx, func(tx *core.Tx) error { return tab.In(tx).Put(t.ctx, "x", "v") }), failure)
		t.closeStorage(s)
		s2, err := t.tryOpen(b)
		t.do("Open", err)
		tab = t.words(s2, "words")
		if found, err := tab.Has(t.ctx, k); found != after || err != nil {
			t.Errorf("after opening again Has = %v, %v; want %v", found, err, after)
		}
		absent(t, tab, "x")
		put1(t, tab, "works", "again")
		t.closeStorage(s2)
	}
}

// checkGoesOn has the engine lose its connection, before and after a write took effect, and while a transaction reads.
func checkGoesOn(t *trial) {
	b := Fault(t.backend)
	s := t.openOn(b)
	tab := t.words(s, "words")
	put1(t, tab, "there", "v")
	verbs := map[string]func(k string) error{
		"Put":    func(k string) error { return tab.Put(t.ctx, k, "v") },
		"Insert": func(k string) error { return tab.Insert(t.ctx, k, "v") },
		"PutAll": func(k string) error {
			return tab.PutAll(t.ctx, func(yield func(string, string) bool) { yield(k, "v") })
		},
		"Update": func(k string) error {
			return s.Update(t.ctx, func(tx *core.Tx) error { return tab.In(tx).Put(t.ctx, k, "v") })
		},
		"Modify": func(k string) error {
			return tab.Modify(t.ctx, k, func(string, bool) (string, core.Change, error) { return "v", core.Store, nil })
		},
	}
	for _, f := range []Failure{
		{Op: OpApply, Err: core.ErrUnavailable},
		{Op: OpApply, Err: core.ErrSnapshotExpired},
		{Op: OpApply, Err: core.ErrMaybe},
		{Op: OpApply, Err: core.ErrMaybe, After: true},
	} {
		for name, write := range byName(verbs) {
			k := fmt.Sprint(name, f.Err, f.After)
			f.N = 1
			b.Fail(f)
			t.is(name, write(k), f.Err)
			if found, err := tab.Has(t.ctx, k); found != f.After || err != nil {
				t.Errorf("after %v of %s Has = %v, %v; want %v", f.Err, name, found, err, f.After)
			}
			put1(t, tab, k, "again")
			reads(t, tab, k, "again")
		}
	}
	for _, op := range []Op{OpSnapshotGet, OpNext} {
		b.Fail(Failure{Op: op, N: 1, Err: core.ErrSnapshotExpired})
		t.is("Update", s.Update(t.ctx, func(tx *core.Tx) error {
			in := tab.In(tx)
			if err := in.Put(t.ctx, "unwritten", "v"); err != nil {
				return err
			}
			if _, err := in.Load(t.ctx, "there"); err != nil {
				return err
			}
			_, err := in.Scan().Delete(t.ctx)
			return err
		}), core.ErrSnapshotExpired)
		absent(t, tab, "unwritten")
		put1(t, tab, "there", "still")
	}
}
