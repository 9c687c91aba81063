// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package users

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
)

// These say what processes that have one storage open can rely on when others change its tables.
// The checks have two handles, as two processes would.
var sharedTablePromises = []kit.Promise{
	{
		Name: "shared tables/numbers", Check: checkSharedNumbers, Shared: true,
		Explanation: "tables that several processes create at once never share rows, not even " +
			"with one that was dropped",
	},
	{
		Name: "shared tables/the same at once", Check: checkSameTable, Shared: true,
		Explanation: "a table that several processes create at once is one",
	},
	{
		Name: "shared tables/dropped", Check: checkSharedDrop, Shared: true,
		Explanation: "every call on a table that another process has dropped returns ErrDropped, " +
			"also if it was created anew; the new one gets nothing that was meant for the old one",
	},
	{
		Name: "shared tables/renamed", Check: checkSharedRename, Shared: true,
		Explanation: "handles go on when another process renames their table, also if it creates " +
			"another one under the old name",
	},
	{
		Name: "shared tables/set aside", Check: checkSharedFormatChange, Shared: true,
		Explanation: "a table that another process has set aside under OnFormatChange returns " +
			"ErrClosed to every call, and keeps its rows",
	},
	{
		Name: "shared tables/dropped under use", Check: checkSharedDropUnderUse, Shared: true,
		Explanation: "a View goes on with what it saw when another process drops the table; an " +
			"Update writes nothing to it",
	},
}

// two opens the trial's storage as two processes do.
func two(t *kit.Trial, opts ...core.Option) (a, b *core.Storage) {
	t.TB.Helper()
	return open(t, opts...), openOn(t, t.Second, opts...)
}

// twoOf is two with a table of words in each.
func twoOf(t *kit.Trial, opts ...core.Option) (a, b *core.Storage, inA, inB words) {
	t.TB.Helper()
	a, b = two(t, opts...)
	return a, b, openWords(t, a, "words"), openWords(t, b, "words")
}

func checkSharedNumbers(t *kit.Trial) {
	a, b := two(t)
	all := map[string]*core.Storage{}
	for i := range t.Pick(40, 10) {
		all[fmt.Sprint("a", i)], all[fmt.Sprint("b", i)] = a, b
	}
	var opening sync.WaitGroup
	for name, s := range all {
		opening.Go(func() { put1(t, openWords(t, s, name), "mine", name) })
	}
	opening.Wait()
	for _, s := range []*core.Storage{a, b} {
		for name := range kit.ByName(all) {
			holds(t, openWords(t, s, name), kit.KV("mine", name))
		}
	}
	for i := range t.Pick(20, 5) { // one drops, the other one creates
		s, other := []*core.Storage{a, b}[i%2], []*core.Storage{b, a}[i%2]
		old := openWords(t, s, fmt.Sprint("a", i))
		t.Do("DropTable", s.DropTable(t.Ctx, fmt.Sprint("a", i)))
		holds(t, openWords(t, other, fmt.Sprint("c", i)))
		t.Is("Put", old.Put(t.Ctx, "mine", "late"), core.ErrDropped)
		holds(t, openWords(t, s, fmt.Sprint("c", i)))
	}
	t.Do("Check", a.Check(t.Ctx))
	t.Do("Check", b.Check(t.Ctx))
}

func checkSameTable(t *kit.Trial) {
	a, b := two(t)
	n := t.Pick(20, 5)
	for i := range n {
		name := fmt.Sprint("same", i)
		var both sync.WaitGroup
		for _, s := range []*core.Storage{a, b} {
			for range 2 {
				both.Go(func() {
					put1(t, openWords(t, s, name), fmt.Sprintf("%p", s), "v")
				})
			}
		}
		both.Wait()
		for _, s := range []*core.Storage{a, b} {
			if got := scanned(t, openWords(t, s, name).Scan()); len(got) != 2 {
				t.Errorf("a table that two created at once holds %v; want a row of each", got)
			}
		}
	}
	if infos, err := a.Tables(t.Ctx); len(infos) != n || err != nil {
		t.Errorf("there are %d tables, %v; want %d", len(infos), err, n)
	}
}

// everyVerb has all calls of a table's handle, on the row "k".
func everyVerb(ctx context.Context, s *core.Storage) map[string]func(words) error {
	row := func(yield func(k, v string) bool) { yield("k", "written") }
	verbs := map[string]func(words) error{
		"Put":    func(tab words) error { return tab.Put(ctx, "k", "written") },
		"PutAll": func(tab words) error { return tab.PutAll(ctx, row) },
		"PutStream": func(tab words) error {
			_, err := tab.PutStream(ctx, row)
			return err
		},
		"Insert": func(tab words) error {
			if err := tab.Insert(ctx, "k", "written"); !errors.Is(err, core.ErrExists) {
				return err
			}
			return tab.Insert(ctx, "new", "written")
		},
		"Delete": func(tab words) error { _, err := tab.Delete(ctx, "absent"); return err },
		"Modify": func(tab words) error { return modify(ctx, tab, "k", "written") },
		"Update": func(tab words) error {
			return s.Update(ctx, func(tx *core.Tx) error {
				return tab.In(tx).Put(ctx, "k", "written")
			})
		},
		"Update that reads": func(tab words) error {
			return s.Update(ctx, func(tx *core.Tx) error {
				if _, err := tab.In(tx).Load(ctx, "k"); err != nil {
					return err
				}
				return tab.In(tx).Put(ctx, "k", "written")
			})
		},
		"Clear": func(tab words) error { return tab.Scan().From("l").Clear(ctx) },
		"Scan.Delete": func(tab words) error {
			_, err := tab.Scan().From("l").Delete(ctx)
			return err
		},
	}
	for name, read := range everyRead(ctx, s) {
		verbs[name] = read
	}
	return verbs
}

// everyRead are the verbs that write nothing.
func everyRead(ctx context.Context, s *core.Storage) map[string]func(words) error {
	loads := func(tx *core.Tx, tab words) error {
		_, err := tab.In(tx).Load(ctx, "k")
		return err
	}
	return map[string]func(words) error{
		"Get": func(tab words) error {
			g, err := tab.Get(ctx, "k")
			if err != nil {
				return err
			}
			return g.Close()
		},
		"Load": func(tab words) error { _, err := tab.Load(ctx, "k"); return err },
		"Load of an absent row": func(tab words) error {
			if _, err := tab.Load(ctx, "absent"); !errors.Is(err, core.ErrNotFound) {
				return err
			}
			return nil
		},
		"Has":   func(tab words) error { _, err := tab.Has(ctx, "absent"); return err },
		"Count": func(tab words) error { _, err := tab.Count(ctx); return err },
		"GetMany": func(tab words) error {
			return lastError(tab.GetMany(ctx, slices.Values([]string{"k", "absent"})))
		},
		"Rows": func(tab words) error { return lastError(tab.Scan().Rows(ctx)) },
		"Keys": func(tab words) error { return lastError(tab.Scan().Keys(ctx)) },
		"a scan of nothing": func(tab words) error {
			return lastError(tab.Scan().From("l").Rows(ctx))
		},
		"Cursor": func(tab words) error {
			c, err := tab.Scan().Cursor(ctx)
			if err != nil {
				return err
			}
			c.Next()
			return errors.Join(c.Err(), c.Close())
		},
		"View": func(tab words) error {
			return s.View(ctx, func(tx *core.Tx) error { return loads(tx, tab) })
		},
		"Snapshot": func(tab words) error {
			tx, err := s.Snapshot(ctx)
			if err != nil {
				return err
			}
			return errors.Join(loads(tx, tab), tx.Close())
		},
	}
}

// eachVerb makes a table with a row "k" for every verb, and lets the other process do something to
// it. It ends the check unless the verb then returns want.
func eachVerb(
	t *kit.Trial, a, b *core.Storage, want error,
	do func(name string), after func(verb, name string),
) {
	t.TB.Helper()
	i := 0
	for verb, call := range kit.ByName(everyVerb(t.Ctx, a)) {
		name := fmt.Sprint("table", i)
		i++
		tab := openWords(t, a, name)
		put1(t, openWords(t, b, name), "k", "old")
		if i%2 == 0 { // test with used and with unused handles
			reads(t, tab, "k", "old")
		}
		do(name)
		if err := call(tab); !errors.Is(err, want) {
			t.Errorf("%s gives %v; want %v", verb, err, want)
		}
		after(verb, name)
	}
}

func checkSharedDrop(t *kit.Trial) {
	a, b := two(t)
	drop := func(name string) { t.Do("DropTable", b.DropTable(t.Ctx, name)) }
	gone := func(verb, name string) {
		if n := rowsOf(t, a, name); n != 0 {
			t.Errorf("after %s to a table that was dropped it has %d rows", verb, n)
		}
	}
	eachVerb(t, a, b, core.ErrDropped, drop, gone)
	again := func(name string) {
		drop(name)
		put1(t, openWords(t, b, name), "k", "new")
	}
	untouched := func(verb, name string) {
		for _, s := range []*core.Storage{a, b} {
			holds(t, openWords(t, s, name), kit.KV("k", "new"))
		}
		drop(name)
	}
	eachVerb(t, a, b, core.ErrDropped, again, untouched)
	t.Do("Check", a.Check(t.Ctx))
}

func checkSharedRename(t *kit.Trial) {
	a, b := two(t)
	rename := func(name string) {
		t.Do("RenameTable", b.RenameTable(t.Ctx, name, name+"'"))
		put1(t, openWords(t, b, name), "k", "another table")
	}
	eachVerb(t, a, b, nil, rename, func(verb, name string) {
		holds(t, openWords(t, b, name), kit.KV("k", "another table"))
		if got, err := openWords(t, b, name+"'").Load(t.Ctx, "k"); err != nil ||
			got != "old" && got != "written" {
			t.Errorf("after %s the row of the renamed table is %q, %v", verb, got, err)
		}
	})
	t.Do("Check", a.Check(t.Ctx))
}

func checkSharedFormatChange(t *kit.Trial) {
	a := open(t)
	b := openOn(t, t.Second, core.WithRecreate(core.OnFormatChange))
	setAside := func(name string) {
		_, err := core.OpenTable(t.Ctx, b, name, keys.String(), values.JSON[int]())
		t.Do("OpenTable", err)
	}
	handles := map[string]words{}
	i := 0
	for verb, call := range kit.ByName(everyVerb(t.Ctx, a)) {
		name := fmt.Sprint("table", i)
		i++
		tab := openWords(t, a, name)
		handles[name] = tab
		put1(t, tab, "k", "old")
		setAside(name)
		if err := call(tab); !errors.Is(err, core.ErrClosed) {
			t.Errorf("%s gives %v; want ErrClosed", verb, err)
		}
		if n, err := table(t, b, name, keys.String(), values.JSON[int]()).Count(t.Ctx); n != 0 {
			t.Errorf("after %s the new table has %d rows, %v", verb, n, err)
		}
	}
	infos, err := b.Tables(t.Ctx)
	t.Do("Tables", err)
	if len(infos) != 2*len(handles) {
		t.Errorf("there are %d tables; want %d, and as many that were set aside",
			len(infos), len(handles))
	}
	for _, info := range infos {
		if handles[info.Name] == nil {
			holds(t, openWords(t, a, info.Name), kit.KV("k", "old"))
		}
	}
}

func checkSharedDropUnderUse(t *kit.Trial) {
	a, b, inA, inB := twoOf(t)
	put1(t, inB, "k", "v")
	dropped := false
	t.Do("View", a.View(t.Ctx, func(tx *core.Tx) error {
		if _, err := inA.In(tx).Load(t.Ctx, "k"); err != nil {
			return err
		}
		t.Do("DropTable", b.DropTable(t.Ctx, "words"))
		got, err := inA.In(tx).Load(t.Ctx, "k")
		if got != "v" || err != nil {
			t.Errorf("a View that was open reads %q, %v; want %q", got, err, "v")
		}
		return nil
	}))
	inA, inB = openWords(t, a, "words"), openWords(t, b, "words")
	put1(t, inB, "k", "v")
	err := a.Update(t.Ctx, func(tx *core.Tx) error {
		if _, err := inA.In(tx).Load(t.Ctx, "k"); err != nil {
			return err
		}
		if !dropped {
			dropped = true
			t.Do("DropTable", b.DropTable(t.Ctx, "words"))
		}
		return inA.In(tx).Put(t.Ctx, "k", "late")
	})
	t.Is("Update of a table that is dropped meanwhile", err, core.ErrDropped)
	holds(t, openWords(t, b, "words"))
}
