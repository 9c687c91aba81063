// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package users

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/decorate"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
)

var modifyPromises = []kit.Promise{
	{
		Name: "modify/changes", Check: checkModify,
		Explanation: "Modify gives the row, or tells that there is none, and stores, removes or " +
			"leaves it as its function says",
	},
	{
		Name: "modify/counters", Check: checkModifyCounters,
		Explanation: "concurrent Modifies lose nothing, of one row and of many",
	},
	{
		Name: "modify/mixed", Check: checkModifyMixed,
		Explanation: "a Modify sees what the writes of its group before it did, of whatever kind",
	},
	{
		Name: "modify/neighbors", Check: checkModifyNeighbors,
		Explanation: "a function that fails, panics or ends its goroutine fails no other write " +
			"of its group",
	},
	{
		Name: "modify/shared", Check: checkModifyShared,
		Explanation: "concurrent Modifies are grouped into one commit",
	},
	{
		Name: "modify/nested", Check: checkModifyNested,
		Explanation: "a write inside the function of a Modify returns ErrNestedWrite, not a " +
			"deadlock; reads see what is committed",
	},
	{
		Name: "modify/too large", Check: checkModifyTooLarge,
		Explanation: "Modify to a value that the engine cannot take returns ErrTooLarge; the row stays",
	},
	{
		Name: "modify/old value", Check: checkModifyOld,
		Explanation: "the old value stays as it is until the function returns, and may be returned",
	},
}

// increment adds one to the number at k.
func increment(ctx context.Context, tab words, k string) error {
	return tab.Modify(ctx, k, func(old string, found bool) (string, core.Change, error) {
		n, err := strconv.Atoi(old)
		if err != nil && found {
			return "", core.Leave, err
		}
		return strconv.Itoa(n + 1), core.Store, nil
	})
}

func checkModify(t *kit.Trial) {
	s := open(t)
	for _, tab := range []words{
		openWords(t, s, "words"),
		openWords(t, s, "checked", core.WithChecksums()),
	} {
		put1(t, tab, "k", "v")
		mine := errors.New("mine")
		for _, c := range []struct {
			what, key string
			change    core.Change
			err       error
			want      string // the row after that
		}{
			{"Leave", "k", core.Leave, nil, "v"},
			{"an error", "k", core.Store, mine, "v"},
			{"Store", "k", core.Store, nil, "new"},
			{"Remove", "k", core.Remove, nil, ""},
			{"Leave of an absent row", "k", core.Leave, nil, ""},
			{"Remove of an absent row", "k", core.Remove, nil, ""},
			{"an error of an absent row", "k", core.Store, mine, ""},
			{"Store of an absent row", "k", core.Store, nil, "new"},
			{"Store at the empty key", "", core.Store, nil, "new"},
		} {
			before, err := tab.Load(t.Ctx, c.key)
			there := err == nil
			runs := 0
			err = tab.Modify(t.Ctx, c.key,
				func(old string, found bool) (string, core.Change, error) {
					if runs++; old != before || found != there {
						t.Errorf("%s: the function gets %q, %v; want %q, %v",
							c.what, old, found, before, there)
					}
					return "new", c.change, c.err
				})
			if err != c.err || runs != 1 {
				t.Errorf("%s: Modify gives %v after %d runs; want %v after one",
					c.what, err, runs, c.err)
			}
			if c.want == "" {
				absent(t, tab, c.key)
			} else {
				reads(t, tab, c.key, c.want)
			}
		}
		if err := tab.Modify(t.Ctx, "k", nil); err == nil {
			t.Errorf("a nil function is no error")
		}
		unknown := func(string, bool) (string, core.Change, error) {
			return "x", core.Change(99), nil
		}
		if err := tab.Modify(t.Ctx, "k", unknown); err == nil {
			t.Errorf("an unknown Change is no error")
		}
		reads(t, tab, "k", "new")
	}
	closeStorage(t, s)
	s = open(t)
	holds(t, openWords(t, s, "words"), kit.KV("", "new"), kit.KV("k", "new"))
}

func checkModifyCounters(t *kit.Trial) {
	b := decorate.Fault(t.Backend)
	tab := openWords(t, openOn(t, b), "words")
	const rounds = 5
	for _, keys := range []int{1, 3, writers} {
		crowd(t, b, tab, func(i int) {
			for range rounds {
				if err := increment(t.Ctx, tab, fmt.Sprint(keys, "/", i%keys)); err != nil {
					t.Errorf("Modify: %v", err)
				}
			}
		})
		sum := 0
		for _, r := range scanned(t, tab.Scan().Prefix(fmt.Sprint(keys, "/"))) {
			n, err := strconv.Atoi(r.Value)
			t.Do("Atoi", err)
			sum += n
		}
		if sum != rounds*writers {
			t.Errorf("%d counters that were incremented %d times have the sum %d",
				keys, rounds*writers, sum)
		}
	}
}

// checkModifyMixed counts what was done to a few contested rows: a row is there exactly if it was
// made once more than it was removed.
func checkModifyMixed(t *kit.Trial) {
	b := decorate.Fault(t.Backend)
	tab := openWords(t, openOn(t, b), "words")
	var there [4]atomic.Int64
	crowd(t, b, tab, func(i int) {
		at := i % len(there)
		k := fmt.Sprint("contested ", at)
		for round := range 4 {
			switch (i/len(there) + round) % 4 {
			case 0:
				if tab.Insert(t.Ctx, k, "inserted") == nil {
					there[at].Add(1)
				}
			case 1:
				if existed, _ := tab.Delete(t.Ctx, k); existed {
					there[at].Add(-1)
				}
			case 2:
				toggle(t, tab, k, &there[at])
			case 3:
				if err := modify(t.Ctx, tab, fmt.Sprint("own ", i), "v"); err != nil {
					t.Errorf("Modify: %v", err)
				}
			}
		}
	})
	for at := range there {
		found, err := tab.Has(t.Ctx, fmt.Sprint("contested ", at))
		t.Do("Has", err)
		if n := there[at].Load(); n != 0 && n != 1 || found != (n == 1) {
			t.Errorf("row %d: Has = %v, and the writes left %d", at, found, n)
		}
	}
}

// toggle removes a row, or makes it if it is not there, and keeps count.
func toggle(t *kit.Trial, tab words, k string, there *atomic.Int64) {
	var by int64
	err := tab.Modify(t.Ctx, k, func(_ string, found bool) (string, core.Change, error) {
		if by = 1; found {
			by = -1
			return "", core.Remove, nil
		}
		return "toggled", core.Store, nil
	})
	if err != nil {
		t.Errorf("Modify: %v", err)
		return
	}
	there.Add(by)
}

func checkModifyNeighbors(t *kit.Trial) {
	b := decorate.Fault(t.Backend)
	s := openOn(t, b, core.WithTracking())
	tab := openWords(t, s, "words")
	mine := errors.New("mine")
	var wrong sync.Map
	crowd(t, b, tab, func(i int) {
		k := fmt.Sprintf("%02d", i)
		switch i % 8 {
		case 1:
			survive(func() {
				tab.Modify(t.Ctx, k,
					func(string, bool) (string, core.Change, error) { panic("mine") })
				wrong.Store(k, "returned after a panic")
			})
		case 3:
			survive(func() {
				tab.Modify(t.Ctx, k, func(string, bool) (string, core.Change, error) {
					abruptEnds["Goexit"]()
					return "", core.Store, nil
				})
				wrong.Store(k, "returned after Goexit")
			})
		case 5:
			err := tab.Modify(t.Ctx, k,
				func(string, bool) (string, core.Change, error) { return "x", core.Store, mine })
			if err != mine {
				wrong.Store(k, err)
			}
		case 6:
			if err := tab.Put(t.Ctx, k, "v"); err != nil {
				wrong.Store(k, err)
			}
		default:
			if err := modify(t.Ctx, tab, k, "v"); err != nil {
				wrong.Store(k, err)
			}
		}
	})
	wrong.Range(func(k, v any) bool {
		t.Errorf("writer %v: %v", k, v)
		return true
	})
	for i := range writers {
		found, err := tab.Has(t.Ctx, fmt.Sprintf("%02d", i))
		t.Do("Has", err)
		if failed := i%8 == 1 || i%8 == 3 || i%8 == 5; found == failed {
			t.Errorf("row %d: Has = %v", i, found)
		}
	}
	put1(t, tab, "later", "v")
}

func checkModifyShared(t *kit.Trial) {
	b := decorate.Fault(t.Backend)
	tab := openWords(t, openOn(t, b), "words")
	fewest := int64(writers)
	for try := 0; try < 20 && fewest > writers/2; try++ {
		before := t.Tracker.Applies.Load()
		crowd(t, b, tab, func(i int) {
			if err := increment(t.Ctx, tab, fmt.Sprint(i)); err != nil {
				t.Errorf("Modify: %v", err)
			}
		})
		fewest = min(fewest, t.Tracker.Applies.Load()-before-1)
	}
	if fewest > writers/2 {
		t.Errorf("%d concurrent Modifies took %d commits", writers, fewest)
	}
}

func checkModifyNested(t *kit.Trial) {
	s, tab := openOne(t)
	load(t, tab, 5)
	put1(t, tab, "k", "v")
	for _, v := range writeVerbs {
		t.Within(kit.Soon, v.name+" inside a Modify", func() {
			err := tab.Modify(t.Ctx, "k", func(old string, _ bool) (string, core.Change, error) {
				t.Is(v.name, v.do(t, s, tab), core.ErrNestedWrite)
				reads(t, tab, "k", old)
				return old, core.Leave, nil
			})
			t.Do("Modify", err)
		})
		t.Do(v.name+" after the Modify", v.do(t, s, tab))
		put1(t, tab, "k", "v")
	}
	other, err := core.Open(t.Ctx, t.Path+".other", t.Backend)
	t.Do("Open", err)
	defer closeStorage(t, other)
	there := openWords(t, other, "words")
	t.Do("Modify", tab.Modify(t.Ctx, "k", func(string, bool) (string, core.Change, error) {
		return "w", core.Store, there.Put(t.Ctx, "k", "in another storage")
	}))
	reads(t, tab, "k", "w")
	reads(t, there, "k", "in another storage")
}

func checkModifyTooLarge(t *kit.Trial) {
	_, tab := openOne(t)
	limits := limitsOf(t)
	put1(t, tab, "k", "v")
	if limits.Key != 0 {
		t.Is("Modify of a long key",
			modify(t.Ctx, tab, strings.Repeat("k", limits.Key-3), "v"), core.ErrTooLarge)
	}
	for _, most := range []int{limits.Value, limits.BatchBytes} {
		if most != 0 && most <= t.Testable() {
			t.Is("Modify to a large value",
				modify(t.Ctx, tab, "k", strings.Repeat("v", most+1)), core.ErrTooLarge)
		}
	}
	holds(t, tab, kit.KV("k", "v"))
	put1(t, tab, "k", "w")
}

func checkModifyOld(t *kit.Trial) {
	s, tab := openOne(t)
	long := strings.Repeat("long", 5000)
	for _, v := range []string{"", "short", long} {
		put1(t, tab, "k", v)
		kept := ""
		t.Do("Modify",
			tab.Modify(t.Ctx, "k", func(old string, _ bool) (string, core.Change, error) {
				t.Do("View", s.View(t.Ctx, func(tx *core.Tx) error {
					holds(t, tab, kit.KV("k", v))
					return nil
				}))
				kept = kit.CopyOf(old)
				return old, core.Store, nil
			}))
		if kept != v {
			t.Errorf("the old value is %s; want %s", kit.Brief(kept), kit.Brief(v))
		}
		reads(t, tab, "k", v)
		t.Do("Modify",
			tab.Modify(t.Ctx, "k", func(old string, _ bool) (string, core.Change, error) {
				return old + old, core.Store, nil
			}))
		reads(t, tab, "k", v+v)
	}
}
