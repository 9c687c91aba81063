// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package users

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/decorate"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
)

var panicPromises = []kit.Promise{
	{
		Name: "panics/callbacks", Check: checkPanics,
		Explanation: "a panic in a format, a function, an iterator or a loop's body that is " +
			"recovered, or runtime.Goexit there, leaves nothing open and no turn taken",
	},
	{
		Name: "panics/engine reads", Check: checkEnginePanics,
		Explanation: "a panic of the engine in a read that is recovered leaves nothing open",
	},
	{
		Name: "panics/migration", Check: checkMigrationPanics,
		Explanation: "a migration that panics, or ends its goroutine, gives the lock back",
	},
}

// failpoint makes one call of a callback fail.
type failpoint struct {
	at   string // the place of the callback; "" once it has failed
	fail func()
}

func (f *failpoint) pass(at string) {
	if f.at == at {
		f.at = ""
		f.fail()
	}
}

// failingKeys and failingValues are formats, each of whose methods may fail.
type (
	failingKeys struct {
		keys.Part[string]
		*failpoint
	}
	failingValues struct {
		core.ValueFormat[string, string]
		*failpoint
	}
)

func (f failingKeys) CheckKey() error { f.pass("CheckKey"); return nil }
func (f failingKeys) ID() string      { f.pass("key ID"); return "fused" }

func (f failingKeys) Append(dst []byte, k string) ([]byte, error) {
	f.pass("key Append")
	return f.Part.Append(dst, k)
}

func (f failingKeys) Decode(b []byte) (string, error) {
	f.pass("key Decode")
	return f.Part.Decode(b)
}

func (f failingValues) ID() string { f.pass("value ID"); return "fused" }

func (f failingValues) Append(dst []byte, v string) ([]byte, error) {
	dst, err := f.ValueFormat.Append(dst, v)
	f.pass("value Append")
	return dst, err
}

func (f failingValues) View(b []byte) (string, error) {
	f.pass("View")
	return f.ValueFormat.View(b)
}

func (f failingValues) Powers() core.FormatPowers[string, string] {
	return core.FormatPowers[string, string]{Bind: f.Bind, ViewTrusted: f.ViewTrusted}
}

func (f failingValues) ViewTrusted(b []byte) (string, error) {
	f.pass("ViewTrusted")
	return f.ValueFormat.View(b)
}

func (f failingValues) Bind([]byte) (core.ValueFormat[string, string], []byte, error) {
	f.pass("Bind")
	return f, nil, nil
}

// panicVerb is a call with a callback that fails.
type panicVerb struct {
	name string
	at   []string // of the callbacks that fail, each in a call of its own
	do   func(t *kit.Trial, s *core.Storage, tab words, f *failpoint) error
}

// here is the place of a callback that is not a method of a format.
const here = "here"

var panicVerbs = []panicVerb{
	{
		"Get",
		[]string{"key Append", "View", "ViewTrusted"},
		func(t *kit.Trial, _ *core.Storage, tab words, _ *failpoint) error {
			g, err := tab.Get(t.Ctx, "k")
			g.Close()
			return err
		},
	},
	{
		"Load",
		[]string{"key Append", "View", "ViewTrusted"},
		func(t *kit.Trial, _ *core.Storage, tab words, _ *failpoint) error {
			_, err := tab.Load(t.Ctx, "k")
			return err
		},
	},
	{
		"Has",
		[]string{"key Append"},
		func(t *kit.Trial, _ *core.Storage, tab words, _ *failpoint) error {
			_, err := tab.Has(t.Ctx, "k")
			return err
		},
	},
	{
		"Table.View",
		[]string{"View", "ViewTrusted", here},
		func(t *kit.Trial, _ *core.Storage, tab words, f *failpoint) error {
			return tab.View(t.Ctx, "k", func(string) error { f.pass(here); return nil })
		},
	},
	{
		"Put",
		[]string{"key Append", "value Append"},
		func(t *kit.Trial, _ *core.Storage, tab words, _ *failpoint) error {
			return tab.Put(t.Ctx, "put", "v")
		},
	},
	{
		"Insert",
		[]string{"key Append", "value Append"},
		func(t *kit.Trial, _ *core.Storage, tab words, _ *failpoint) error {
			return tab.Insert(t.Ctx, "insert", "v")
		},
	},
	{
		"Delete",
		[]string{"key Append"},
		func(t *kit.Trial, _ *core.Storage, tab words, _ *failpoint) error {
			_, err := tab.Delete(t.Ctx, "absent")
			return err
		},
	},
	{
		"Modify",
		[]string{"key Append", "value Append", "View", "ViewTrusted", here},
		func(t *kit.Trial, _ *core.Storage, tab words, f *failpoint) error {
			return tab.Modify(t.Ctx, "k", func(old string, _ bool) (string, core.Change, error) {
				f.pass(here)
				return old, core.Store, nil
			})
		},
	},
	{
		"PutAll",
		[]string{"key Append", "value Append", here},
		func(t *kit.Trial, _ *core.Storage, tab words, f *failpoint) error {
			return tab.PutAll(t.Ctx, f.rows)
		},
	},
	{
		"PutStream",
		[]string{"key Append", "value Append", here, "progress"},
		func(t *kit.Trial, _ *core.Storage, tab words, f *failpoint) error {
			_, err := tab.PutStream(t.Ctx, f.rows, core.WithChunkBytes(1),
				core.WithProgress(func(core.StreamStats) { f.pass("progress") }))
			return err
		},
	},
	{
		"sorting PutStream",
		[]string{"value Append", here, "progress"},
		func(t *kit.Trial, _ *core.Storage, tab words, f *failpoint) error {
			dir := t.TB.TempDir()
			defer leavesNoFile(t, dir)
			_, err := tab.PutStream(t.Ctx, f.rows, core.WithSorting(dir), core.WithChunkBytes(1),
				core.WithProgress(func(core.StreamStats) { f.pass("progress") }))
			return err
		},
	},
	{
		"Rows",
		[]string{"key Decode", "View", "ViewTrusted", here},
		func(t *kit.Trial, _ *core.Storage, tab words, f *failpoint) error {
			for _, err := range tab.Scan().Rows(t.Ctx) {
				f.pass(here)
				if err != nil {
					return err
				}
			}
			return nil
		},
	},
	{
		"Keys",
		[]string{"key Decode", here},
		func(t *kit.Trial, _ *core.Storage, tab words, f *failpoint) error {
			for range tab.Scan().Keys(t.Ctx) {
				f.pass(here)
			}
			return nil
		},
	},
	{
		"Scan.Stream",
		[]string{"key Decode", here},
		func(t *kit.Trial, _ *core.Storage, tab words, f *failpoint) error {
			return tab.Scan().Stream(t.Ctx, func(rows iter.Seq2[string, string]) error {
				for range rows {
					f.pass(here)
				}
				return nil
			})
		},
	},
	{
		"Cursor",
		[]string{"key Append", "key Decode", "View", "ViewTrusted"},
		func(t *kit.Trial, _ *core.Storage, tab words, _ *failpoint) error {
			c, err := tab.Scan().Cursor(t.Ctx)
			if err != nil {
				return err
			}
			defer c.Close()
			c.Seek("a")
			c.Next()
			return c.Err()
		},
	},
	{
		"GetMany",
		[]string{"key Append", "key Decode", "View", "ViewTrusted", here},
		func(t *kit.Trial, _ *core.Storage, tab words, f *failpoint) error {
			return lastError(tab.GetMany(t.Ctx, func(yield func(string) bool) {
				f.pass(here)
				yield("k")
			}))
		},
	},
	{
		"the loop of GetMany",
		[]string{here},
		func(t *kit.Trial, _ *core.Storage, tab words, f *failpoint) error {
			for range tab.GetMany(t.Ctx, slices.Values([]string{"k"})) {
				f.pass(here)
			}
			return nil
		},
	},
	{
		"Snapshot",
		[]string{"key Append", "key Decode", "View", "ViewTrusted", here},
		func(t *kit.Trial, s *core.Storage, tab words, f *failpoint) error {
			tx, err := s.Snapshot(t.Ctx)
			if err != nil {
				return err
			}
			defer tx.Close()
			return readFailing(t, tab.In(tx), f)
		},
	},
	{
		"TxTable.PutAll",
		[]string{"key Append", "value Append", here},
		func(t *kit.Trial, s *core.Storage, tab words, f *failpoint) error {
			return s.Update(t.Ctx,
				func(tx *core.Tx) error { return tab.In(tx).PutAll(t.Ctx, f.rows) })
		},
	},
	{
		"After",
		[]string{"key Append"},
		func(t *kit.Trial, _ *core.Storage, tab words, _ *failpoint) error {
			return tab.Scan().After("zz").Clear(t.Ctx)
		},
	},
	{
		"From",
		[]string{"key Append"},
		func(t *kit.Trial, _ *core.Storage, tab words, _ *failpoint) error {
			_, err := tab.Scan().From("a").Count(t.Ctx)
			return err
		},
	},
	{
		"View",
		[]string{"key Append", "View", "ViewTrusted", "key Decode", here},
		func(t *kit.Trial, s *core.Storage, tab words, f *failpoint) error {
			return s.View(t.Ctx, func(tx *core.Tx) error { return readFailing(t, tab.In(tx), f) })
		},
	},
	{
		"Update",
		[]string{"key Append", "value Append", "View", "ViewTrusted", "key Decode", here},
		func(t *kit.Trial, s *core.Storage, tab words, f *failpoint) error {
			return s.Update(t.Ctx, func(tx *core.Tx) error {
				if err := tab.In(tx).Put(t.Ctx, "in a Tx", "v"); err != nil {
					return err
				}
				return readFailing(t, tab.In(tx), f)
			})
		},
	},
	{
		"OpenTable",
		[]string{"CheckKey", "key ID", "value ID", "Bind"},
		func(t *kit.Trial, s *core.Storage, tab words, f *failpoint) error {
			_, err := core.OpenTable(t.Ctx, s, fmt.Sprint("new ", f.at),
				failingKeys{keys.String(), f},
				failingValues{values.String(), f})
			return err
		},
	},
	{
		"Check",
		[]string{"key Decode"},
		func(t *kit.Trial, s *core.Storage, _ words, _ *failpoint) error { return s.Check(t.Ctx) },
	},
	{"Backup", []string{here}, func(t *kit.Trial, s *core.Storage, _ words, f *failpoint) error {
		return s.Backup(t.Ctx,
			writerFunc(func(p []byte) (int, error) { f.pass(here); return len(p), nil }))
	}},
}

// rows is an iterator that may fail after its second row.
func (f *failpoint) rows(yield func(k, v string) bool) {
	if yield("streamed 1", "v") && yield("streamed 2", "v") {
		f.pass(here)
		yield("streamed 3", "v")
	}
}

// readFailing reads and scans in a transaction.
func readFailing(t *kit.Trial, tab core.TxTable[string, string, string], f *failpoint) error {
	if _, err := tab.Get(t.Ctx, "k"); err != nil {
		return err
	}
	for _, err := range tab.Scan().Rows(t.Ctx) {
		f.pass(here)
		if err != nil {
			return err
		}
	}
	return nil
}

func checkPanics(t *kit.Trial) {
	for how, fail := range kit.ByName(abruptEnds) {
		for _, checksums := range []bool{false, true} {
			checkFailpoints(t, how, checksums, &failpoint{fail: fail})
		}
	}
}

// checkFailpoints lets every callback of every verb fail, and proves after each that the storage is
// as usable as before.
func checkFailpoints(t *kit.Trial, how string, checksums bool, f *failpoint) {
	s, err := tryOpen(t, t.Backend, core.WithTracking())
	t.Do("Open", err)
	name, opts := "plain", []core.TableOption(nil)
	if checksums {
		name, opts = "checked", []core.TableOption{core.WithChecksums()}
	}
	tab := table(t, s, name, failingKeys{keys.String(), f},
		failingValues{values.String(), f}, opts...)
	put1(t, tab, "k", "v")
	for _, v := range panicVerbs {
		for _, at := range v.at {
			if at == "View" && checksums || at == "ViewTrusted" && !checksums {
				continue // no verb calls it
			}
			what := fmt.Sprintf("%s in %s of %s", how, at, v.name)
			f.at = at
			t.Within(kit.Soon, what, func() { survive(func() { t.Do(what, v.do(t, s, tab, f)) }) })
			if f.at != "" {
				t.Fatalf("%s: it was not called", what)
			}
			t.Within(kit.Soon, "Put after "+what, func() { put1(t, tab, "k", "v") })
		}
	}
	reads(t, tab, "k", "v")
	closeStorage(t, s)
	s, err = tryOpen(t, t.Backend)
	t.Do("Open after "+how, err)
	reads(t,
		table(t, s, name, failingKeys{keys.String(), f}, failingValues{values.String(), f}), "k",
		"v")
	t.Do("Check after "+how, s.Check(t.Ctx))
	closeStorage(t, s)
}

// checkEnginePanics lets the engine panic in each of its reads, for every call that reads.
func checkEnginePanics(t *kit.Trial) {
	b := decorate.Fault(t.Backend)
	s := openOn(t, b)
	tab := openWords(t, s, "words")
	put1(t, tab, "k", "v")
	read := func(in core.TxTable[string, string, string]) error {
		_, err := in.Load(t.Ctx, "k")
		return errors.Join(err, in.Scan().Stream(t.Ctx, drain))
	}
	for name, call := range kit.ByName(map[string]func() error{
		"Load": func() error { _, err := tab.Load(t.Ctx, "k"); return err },
		"Has":  func() error { _, err := tab.Has(t.Ctx, "k"); return err },
		"GetMany": func() error {
			return lastError(tab.GetMany(t.Ctx, slices.Values([]string{"k", "k"})))
		},
		"Rows": func() error { return lastError(tab.Scan().Rows(t.Ctx)) },
		"Cursor": func() error {
			c, err := tab.Scan().Cursor(t.Ctx)
			if err != nil {
				return err
			}
			defer c.Close()
			c.Next()
			return c.Err()
		},
		"Count": func() error { _, err := tab.Scan().Limit(2).Count(t.Ctx); return err },
		"View": func() error {
			return s.View(t.Ctx, func(tx *core.Tx) error { return read(tab.In(tx)) })
		},
		"Snapshot": func() error {
			tx, err := s.Snapshot(t.Ctx)
			if err != nil {
				return err
			}
			defer tx.Close()
			return read(tab.In(tx))
		},
		"Tables": func() error { _, err := s.Tables(t.Ctx); return err },
		"Check":  func() error { return s.Check(t.Ctx) },
		"Backup": func() error { return s.Backup(t.Ctx, io.Discard) },
	}) {
		for _, op := range []decorate.Op{
			decorate.OpGet, decorate.OpSnapshot,
			decorate.OpSnapshotGet, decorate.OpScan, decorate.OpNext,
		} {
			b.Fail(decorate.Failure{Op: op, N: 1, Do: func() { panic("the engine") }})
			what := fmt.Sprintf("%s with a panic in %s", name, op)
			t.Within(kit.Soon, what, func() { survive(func() { t.Do(what, call()) }) })
			b.Heal()
			t.Do(name+" after "+what, call())
		}
	}
	put1(t, tab, "l", "v")
	t.Do("Close", s.Close())
}

func checkMigrationPanics(t *kit.Trial) {
	s, tab := openOne(t)
	put1(t, tab, "k", "v")
	closeStorage(t, s)
	for _, fail := range kit.ByName(abruptEnds) {
		survive(func() {
			tryOpen(t, t.Backend, core.WithVersion(2),
				core.WithMigration(func(_ context.Context, s *core.Storage, _, _ uint64) error {
					put1(t, openWords(t, s, "words"), "l", "migrated")
					fail()
					return nil
				}))
		})
	}
	s, err := tryOpen(t, t.Backend)
	t.Do("Open without the migration", err)
	holds(t, openWords(t, s, "words"), kit.KV("k", "v"), kit.KV("l", "migrated"))
	t.Do("Backup", s.Backup(t.Ctx, io.Discard))
	closeStorage(t, s)
}
