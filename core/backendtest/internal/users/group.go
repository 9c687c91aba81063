// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package users

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/decorate"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
)

var groupPromises = []kit.Promise{
	{
		Name: "group commit/shared", Check: checkGroupShared,
		Explanation: "concurrent single writes are grouped into one commit",
	},
	{
		Name: "group commit/neighbors", Check: checkGroupNeighbors,
		Explanation: "one failing write does not fail its neighbors",
	},
	{
		Name: "group commit/same keys", Check: checkGroupSameKeys,
		Explanation: "writes of one group see each other: of concurrent Inserts of a key one " +
			"succeeds, of Deletes one finds the row",
	},
	{
		Name: "group commit/in order", Check: checkGroupOrder,
		Explanation: "what a group leaves behind is what its writes found and did, one after the " +
			"other",
	},
	{
		Name: "group commit/failed apply", Check: checkGroupFailed, Alone: true,
		Explanation: "a failed sync fails its group and later writes until the storage is " +
			"reopened; reads go on",
	},
	{
		Name: "group commit/unknown outcome", Check: checkUnknownOutcome, Alone: true,
		Explanation: "after an error whose outcome is unknown nothing is written until the " +
			"storage is reopened",
	},
	{
		Name: "group commit/goes on", Check: checkGoesOn, Alone: true,
		Explanation: "ErrMaybe, ErrUnavailable and ErrSnapshotExpired fail one commit or " +
			"transaction, and none after it",
	},
}

func checkGroupShared(t *kit.Trial) {
	b := decorate.Fault(t.Backend)
	tab := openWords(t, openOn(t, b), "words")
	fewest := int64(writers)
	for try := 0; try < 20 && fewest > writers/2; try++ {
		before := t.Tracker.Applies.Load()
		crowd(t, b, tab, func(i int) {
			if err := tab.Put(t.Ctx, fmt.Sprintf("%d/%d", try, i), "v"); err != nil {
				t.Errorf("Put: %v", err)
			}
		})
		fewest = min(fewest, t.Tracker.Applies.Load()-before-1)
		if n, err := tab.Scan().Prefix(fmt.Sprintf("%d/", try)).Count(t.Ctx); n != writers ||
			err != nil {
			t.Fatalf("of %d writes %d are stored, %v", writers, n, err)
		}
	}
	if fewest > writers/2 {
		t.Errorf("%d concurrent writes took %d commits", writers, fewest)
	}
}

func checkGroupNeighbors(t *kit.Trial) {
	b := decorate.Fault(t.Backend)
	tab := openWords(t, openOn(t, b), "words")
	put1(t, tab, "taken", "v")
	var exists atomic.Int64
	crowd(t, b, tab, func(i int) {
		if i%8 == 0 {
			if err := tab.Insert(t.Ctx, "taken", "again"); errors.Is(err, core.ErrExists) {
				exists.Add(1)
			}
			return
		}
		if err := tab.Insert(t.Ctx, fmt.Sprint(i), "v"); err != nil {
			t.Errorf("Insert: %v", err)
		}
	})
	if exists.Load() != writers/8 {
		t.Errorf("%d Inserts gave ErrExists; want %d", exists.Load(), writers/8)
	}
	reads(t, tab, "taken", "v")
	if n, err := tab.Count(t.Ctx); n != 2+writers*7/8 || err != nil {
		t.Errorf("Count = %d, %v; want %d", n, err, 2+writers*7/8)
	}
}

func checkGroupSameKeys(t *kit.Trial) {
	b := decorate.Fault(t.Backend)
	tab := openWords(t, openOn(t, b), "words")
	put1(t, tab, "old", "v")
	var inserted, deleted atomic.Int64
	crowd(t, b, tab, func(i int) {
		if err := tab.Insert(t.Ctx, "new", fmt.Sprint(i)); err == nil {
			inserted.Add(1)
		} else if !errors.Is(err, core.ErrExists) {
			t.Errorf("Insert: %v", err)
		}
		existed, err := tab.Delete(t.Ctx, "old")
		if err != nil {
			t.Errorf("Delete: %v", err)
		}
		if existed {
			deleted.Add(1)
		}
	})
	if inserted.Load() != 1 || deleted.Load() != 1 {
		t.Errorf("%d Inserts of a key succeeded and %d Deletes found the row; want 1 and 1",
			inserted.Load(), deleted.Load())
	}
	absent(t, tab, "old")
}

// checkGroupOrder counts: every Insert that succeeded added a row, and every Delete that found
// one took it away.
func checkGroupOrder(t *kit.Trial) {
	b := decorate.Fault(t.Backend)
	tab := openWords(t, openOn(t, b), "words")
	for round := range 10 {
		before, err := tab.Count(t.Ctx)
		t.Do("Count", err)
		var added atomic.Int64
		crowd(t, b, tab, func(i int) {
			k := fmt.Sprint("contested ", i%4)
			if i/4%2 == round%2 {
				if tab.Insert(t.Ctx, k, "v") == nil {
					added.Add(1)
				}
			} else if existed, _ := tab.Delete(t.Ctx, k); existed {
				added.Add(-1)
			}
		})
		_, err = tab.Delete(t.Ctx, "first")
		t.Do("Delete", err)
		after, err := tab.Count(t.Ctx)
		t.Do("Count", err)
		if int64(after-before) != added.Load() {
			t.Fatalf("there were %d rows, the writes added %d, and there are %d",
				before, added.Load(), after)
		}
	}
}

func checkGroupFailed(t *kit.Trial) {
	failure := errors.New("the disk is full")
	b := decorate.Fault(t.Backend)
	s, err := tryOpen(t, b)
	t.Do("Open", err)
	tab := openWords(t, s, "words")
	put1(t, tab, "k", "v")
	var written [writers]error
	crowd(t, b, tab, func(i int) {
		if i == 0 {
			// the Apply under way does not count any more
			b.Fail(decorate.Failure{Op: decorate.OpApply, N: 1, Err: failure})
		}
		written[i] = tab.Put(t.Ctx, fmt.Sprint(i), "v")
	})
	for _, v := range writeVerbs[:10] {
		t.Is(v.name+" after a failed commit", v.do(t, s, tab), failure)
	}
	reads(t, tab, "k", "v")
	closeStorage(t, s)
	_, tab = openOne(t)
	for i, err := range written {
		if found, hasErr := tab.Has(t.Ctx, fmt.Sprint(i)); found != (err == nil) || hasErr != nil ||
			err != nil && !errors.Is(err, failure) {
			t.Errorf("Put gave %v; after opening again Has = %v, %v", err, found, hasErr)
		}
	}
	reads(t, tab, "k", "v")
	put1(t, tab, "l", "v")
}

func checkUnknownOutcome(t *kit.Trial) {
	failure := errors.New("the medium went away")
	b := decorate.Fault(t.Backend)
	for i, after := range []bool{false, true} {
		s, err := tryOpen(t, b)
		t.Do("Open", err)
		tab := openWords(t, s, "words")
		k := fmt.Sprint(i)
		b.Fail(decorate.Failure{Op: decorate.OpApply, N: 1, Err: failure, After: after})
		t.Is("Put", tab.Put(t.Ctx, k, "v"), failure)
		t.Is("Update", s.Update(t.Ctx,
			func(tx *core.Tx) error { return tab.In(tx).Put(t.Ctx, "x", "v") }), failure)
		closeStorage(t, s)
		s2, err := tryOpen(t, b)
		t.Do("Open", err)
		tab = openWords(t, s2, "words")
		if found, err := tab.Has(t.Ctx, k); found != after || err != nil {
			t.Errorf("after opening again Has = %v, %v; want %v", found, err, after)
		}
		absent(t, tab, "x")
		put1(t, tab, "works", "again")
		closeStorage(t, s2)
	}
}

// checkGoesOn has the engine lose its connection, before and after a write took effect, and
// while a transaction reads.
func checkGoesOn(t *kit.Trial) {
	b := decorate.Fault(t.Backend)
	s := openOn(t, b)
	tab := openWords(t, s, "words")
	put1(t, tab, "there", "v")
	verbs := map[string]func(k string) error{
		"Put":    func(k string) error { return tab.Put(t.Ctx, k, "v") },
		"Insert": func(k string) error { return tab.Insert(t.Ctx, k, "v") },
		"PutAll": func(k string) error {
			return tab.PutAll(t.Ctx, func(yield func(string, string) bool) { yield(k, "v") })
		},
		"Update": func(k string) error {
			return s.Update(t.Ctx, func(tx *core.Tx) error { return tab.In(tx).Put(t.Ctx, k, "v") })
		},
		"Modify": func(k string) error {
			return tab.Modify(t.Ctx, k,
				func(string, bool) (string, core.Change, error) { return "v", core.Store, nil })
		},
	}
	for _, f := range []decorate.Failure{
		{Op: decorate.OpApply, Err: core.ErrUnavailable},
		{Op: decorate.OpApply, Err: core.ErrSnapshotExpired},
		{Op: decorate.OpApply, Err: core.ErrMaybe},
		{Op: decorate.OpApply, Err: core.ErrMaybe, After: true},
	} {
		for name, write := range kit.ByName(verbs) {
			k := fmt.Sprint(name, f.Err, f.After)
			f.N = 1
			b.Fail(f)
			t.Is(name, write(k), f.Err)
			if found, err := tab.Has(t.Ctx, k); found != f.After || err != nil {
				t.Errorf("after %v of %s Has = %v, %v; want %v", f.Err, name, found, err, f.After)
			}
			put1(t, tab, k, "again")
			reads(t, tab, k, "again")
		}
	}
	for _, op := range []decorate.Op{decorate.OpSnapshotGet, decorate.OpNext} {
		b.Fail(decorate.Failure{Op: op, N: 1, Err: core.ErrSnapshotExpired})
		t.Is("Update", s.Update(t.Ctx, func(tx *core.Tx) error {
			in := tab.In(tx)
			if err := in.Put(t.Ctx, "unwritten", "v"); err != nil {
				return err
			}
			if _, err := in.Load(t.Ctx, "there"); err != nil {
				return err
			}
			_, err := in.Scan().Delete(t.Ctx)
			return err
		}), core.ErrSnapshotExpired)
		absent(t, tab, "unwritten")
		put1(t, tab, "there", "still")
	}
}
