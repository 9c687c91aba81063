// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/memory"
	"github.com/guardkv/guardkv/core/values"
)

// A storage was opened, and before its fence was read another process moved it away. There was no
// fence then, as in a new storage, so it got one in its new place: from then on, without a word,
// writes went to a storage that had been set aside.
func TestAStorageIsMovedWhileItIsOpened(t *testing.T) {
	for _, readOnly := range []bool{false, true} {
		b := memory.NewShared()
		sharedStorage(t, b, core.WithVersion(1)).Close()
		p := &process{Backend: b}
		p.opened = func() {
			p.opened = nil
			sharedStorage(t, b, core.WithVersion(2), core.WithRecreate(core.OnVersionBump))
		}
		options := []core.Option{core.WithAnyVersion()}
		if readOnly {
			options = append(options, core.WithReadOnly())
		}
		s := sharedStorage(t, p, options...)
		if s.Version() != 2 {
			t.Errorf("read-only %v: the storage that was opened is the old one", readOnly)
		}
		s.Close()
		p.opened = func() {
			p.opened = nil
			sharedStorage(t, b, core.WithVersion(3), core.WithRecreate(core.OnVersionBump))
		}
		if _, err := core.Open(t.Context(), "db", p, core.WithVersion(2)); !errors.Is(err,
			core.ErrVersionMismatch) {
			t.Errorf("read-only %v: Open in a version that was replaced: %v", readOnly, err)
		}
	}
}

// Open and Restore waited forever for a server that does not answer to the first write.
func TestOpeningDoesNotHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var stored bytes.Buffer
		b := memory.NewShared()
		s := sharedStorage(t, b)
		put(t, sharedTable(t, s), 1, "v")
		if err := s.Backup(t.Context(), &stored); err != nil {
			t.Fatal(err)
		}
		s.Close()
		for name, open := range map[string]func(context.Context, core.Backend) (*core.Storage, error){
			"Open": func(ctx context.Context, b core.Backend) (*core.Storage, error) {
				return core.Open(ctx, "new", b)
			},
			"Restore": func(ctx context.Context, b core.Backend) (*core.Storage, error) {
				return core.Restore(ctx, "restored", b, bytes.NewReader(stored.Bytes()))
			},
		} {
			p := &process{Backend: b}
			p.hangs.Store(true)
			began := time.Now()
			_, err := open(t.Context(), p)
			if waited := time.Since(began); err == nil || waited > 2*time.Minute {
				t.Errorf("%s gives %v after %v", name, err, waited)
			}
			if errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s says that its context has ended, which it has not: %v", name, err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			began = time.Now()
			_, err = open(ctx, p)
			if waited := time.Since(began); !errors.Is(err, context.DeadlineExceeded) ||
				waited > 2*time.Second {
				t.Errorf("%s with a second gives %v after %v", name, err, waited)
			}
			p.hangs.Store(false)
			s, err := open(t.Context(), p)
			if err != nil {
				t.Fatalf("%s, when the server answers again: %v", name, err)
			}
			s.Close()
		}
	})
}

// Two processes of a new version start at once, and set the table aside under OnFormatChange: one
// of them does, and the other one finds the new table.
func TestTwoProcessesSetATableAsideAtOnce(t *testing.T) {
	b := memory.NewShared()
	put(t, sharedTable(t, sharedStorage(t, b)), 1, "old")
	one := &process{Backend: b}
	first := sharedStorage(t, one, core.WithRecreate(core.OnFormatChange))
	second := sharedStorage(t, b, core.WithRecreate(core.OnFormatChange))
	open := func(s *core.Storage) (*core.Table[uint64, int, int], error) {
		return core.OpenTable(t.Context(), s, "t", keys.Uint64(), values.JSON[int]())
	}
	var theirs *core.Table[uint64, int, int]
	one.apply = func(batch core.Batch, apply func() error) error {
		if len(batch.Writes) < 3 { // it makes the row of its outcome
			return apply()
		}
		one.apply = nil
		var err error
		if theirs, err = open(second); err != nil { // faster
			t.Error(err)
		}
		return apply()
	}
	mine, err := open(first)
	if err != nil {
		t.Fatal(err)
	}
	if _, replaced := first.Recreated(); replaced {
		t.Error("the slower process says that it has set the table aside")
	}
	if err := mine.Put(t.Context(), 1, 1); err != nil {
		t.Fatal(err)
	}
	if got, err := theirs.Load(t.Context(), 1); got != 1 || err != nil {
		t.Errorf("the faster process reads %d, %v", got, err)
	}
	infos, err := first.Tables(t.Context())
	if err != nil || len(infos) != 2 || !strings.HasPrefix(infos[1].Name, "t.replaced-") {
		t.Errorf("there are the tables %+v, %v; want t, and what was set aside once", infos, err)
	}
}

// schema is a format that keeps what it is called with the table. during runs while a table is
// being bound to it.
type schema struct {
	core.ValueFormat[string, string]
	name   string
	during func()
}

func (f schema) Powers() core.FormatPowers[string, string] {
	return core.FormatPowers[string, string]{
		Bind: func(stored []byte) (core.ValueFormat[string, string], []byte, error) {
			if f.during != nil {
				f.during()
			}
			return f.ValueFormat, []byte(f.name), nil
		},
	}
}

// Another process opens a table with a new schema, which closes the handles of the old one. A
// handle that was just about to be given out stayed open.
func TestASchemaChangesWhileATableIsOpened(t *testing.T) {
	b := memory.NewShared()
	first, second := sharedStorage(t, b), sharedStorage(t, b)
	beside := sharedTable(t, first)
	open := func(s *core.Storage, f schema) (*core.Table[uint64, string, string], error) {
		f.ValueFormat = values.String()
		return core.OpenTable(t.Context(), s, "s", keys.Uint64(), f)
	}
	if _, err := open(second, schema{name: "old"}); err != nil {
		t.Fatal(err)
	}
	changes := 0
	table, err := open(first, schema{name: "old", during: func() {
		if changes++; changes > 1 {
			return
		}
		if _, err := open(second, schema{name: "new"}); err != nil {
			t.Error(err)
		}
		beside.Has(t.Context(), 1) // the process hears of it
	}})
	if err != nil {
		return // it was noticed
	}
	err = table.Put(t.Context(), 1, "v")
	infos, failed := second.Tables(t.Context())
	if failed != nil {
		t.Fatal(failed)
	}
	if stored := string(infos[0].Meta); stored == "new" && !errors.Is(err, core.ErrFormatMismatch) {
		t.Errorf("Put through a handle of the old schema gives %v, and the table has the new one",
			err)
	}
}

// While a table is dropped, renamed and made anew by another process, a transaction, a guard and
// a scan that are open go on with what they saw, whenever the own process reads the catalog again.
func TestReloadsBesideOpenReads(t *testing.T) {
	b := memory.NewShared()
	s, other := sharedStorage(t, b), sharedStorage(t, b)
	table, beside := sharedTable(t, s), "beside"
	for i := range uint64(10) {
		put(t, table, i, "old")
	}
	hear := func() {
		if _, err := core.OpenTable(t.Context(), s, beside, keys.Uint64(), values.String()); err != nil {
			t.Error(err)
		}
	}
	g, err := table.Get(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for row, err := range table.Scan().Rows(t.Context()) {
		if n++; err != nil || row.Value != "old" {
			t.Errorf("row %d is %q, %v", n, row.Value, err)
		}
		if n == 1 {
			for _, err := range []error{
				other.RenameTable(t.Context(), "t", "gone"), other.DropTable(t.Context(), "gone"),
			} {
				if err != nil {
					t.Error(err)
				}
			}
			put(t, sharedTable(t, other), 1, "new")
			hear()
		}
	}
	if n != 10 {
		t.Errorf("the scan ended after %d rows", n)
	}
	if g.Value() != "old" {
		t.Errorf("the guard shows %q", g.Value())
	}
	if err := g.Close(); err != nil {
		t.Error(err)
	}
	if _, err := table.Load(t.Context(), 1); !errors.Is(err, core.ErrDropped) {
		t.Errorf("Load: %v", err)
	}
	if got, err := sharedTable(t, s).Load(t.Context(), 1); got != "new" || err != nil {
		t.Errorf("the new table has %q, %v", got, err)
	}
}

// Two processes restore to one path at once, whose claims lock nothing: one of them does, and the
// other one says why it did not.
func TestTwoRestoresToOnePath(t *testing.T) {
	var stored bytes.Buffer
	b := memory.NewShared()
	s := sharedStorage(t, b)
	table := sharedTable(t, s)
	for i := range uint64(1000) {
		put(t, table, i, "v")
	}
	if err := s.Backup(t.Context(), &stored); err != nil {
		t.Fatal(err)
	}
	restore := func(b core.Backend) (*core.Storage, error) {
		return core.Restore(t.Context(), "restored", b, bytes.NewReader(stored.Bytes()))
	}
	slow := &process{Backend: b}
	applied := 0
	var theirs *core.Storage
	slow.apply = func(batch core.Batch, apply func() error) error {
		if applied++; applied > 1 && len(batch.Conditions) != 1 {
			t.Errorf("write %d of a Restore does not demand that the storage is still there", applied)
		}
		if applied == 2 { // behind the fence
			var err error
			if theirs, err = restore(b); err != nil {
				t.Error(err)
			}
		}
		return apply()
	}
	_, err := restore(slow)
	if !errors.Is(err, core.ErrConflict) && !errors.Is(err, core.ErrLocked) &&
		!errors.Is(err, fs.ErrExist) && !errors.Is(err, core.ErrExists) {
		t.Errorf("the slower Restore: %v", err)
	}
	if err != nil && !strings.Contains(err.Error(), "another Restore") {
		t.Errorf("the slower Restore does not say what happened: %v", err)
	}
	defer theirs.Close()
	infos, err := theirs.Tables(t.Context())
	if err != nil || len(infos) != 1 {
		t.Fatalf("there are the tables %v, %v", infos, err)
	}
	if n, err := sharedTable(t, theirs).Count(t.Context()); n != 1000 || err != nil {
		t.Errorf("the faster one restored %d rows, %v", n, err)
	}
	for _, path := range []string{"restored.restoring"} {
		if left, err := b.List(t.Context(), path); len(left) > 0 || err != nil {
			t.Errorf("%q is left, %v", left, err)
		}
	}
}

// Two processes open a new storage at once. The slower one leaves the fence of the faster one
// alone, or that one would take the storage for another.
func TestTheFirstFenceIsMadeOnce(t *testing.T) {
	b := memory.NewShared()
	slow := &process{Backend: b}
	var theirs *core.Table[uint64, string, string]
	slow.apply = func(_ core.Batch, apply func() error) error {
		slow.apply = nil
		theirs = sharedTable(t, sharedStorage(t, b))
		put(t, theirs, 1, "v")
		return apply()
	}
	mine := sharedTable(t, sharedStorage(t, slow))
	put(t, mine, 2, "v")
	put(t, theirs, 3, "v")
	for _, table := range []*core.Table[uint64, string, string]{mine, theirs} {
		if n, err := table.Count(t.Context()); n != 3 || err != nil {
			t.Errorf("%d rows, %v; want 3", n, err)
		}
	}
}

// Policies that replace a storage at every start would take it from those who use it.
func TestPoliciesThatSharedStoragesRefuse(t *testing.T) {
	b := memory.NewShared()
	table := sharedTable(t, sharedStorage(t, b))
	put(t, table, 1, "v")
	for _, policy := range []core.Recreate{core.Always, core.OnValidationFail} {
		if _, err := core.Open(t.Context(), "db", b, core.WithRecreate(policy)); err == nil {
			t.Errorf("Open with the policy %v succeeded", policy)
		}
	}
	if got, err := table.Load(t.Context(), 1); got != "v" || err != nil {
		t.Errorf("the row is %q, %v", got, err)
	}
}

// A change of the tables waited for a turn while it had the lock of the catalog. If an Update had
// the last turn, and its function opened a table, which looks at the catalog, the two waited for
// each other.
func TestTablesAreOpenedInsideUpdatesWhileOthersChange(t *testing.T) {
	for _, writers := range []int{1, 3} {
		synctest.Test(t, func(t *testing.T) {
			slow := &process{
				Backend: memory.NewShared(), writers: writers,
				apply: func(_ core.Batch, apply func() error) error {
					time.Sleep(time.Millisecond)
					return apply()
				},
			}
			s := sharedStorage(t, slow)
			table := sharedTable(t, s)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			done := make(chan error)
			for i := range 8 {
				go func() {
					done <- s.Update(ctx, func(tx *core.Tx) error {
						time.Sleep(time.Millisecond)
						again, err := core.OpenTable(ctx, s, "t", keys.Uint64(), values.String())
						if err != nil {
							return err
						}
						return again.In(tx).Put(ctx, uint64(i), "")
					})
				}()
				go func() {
					_, err := core.OpenTable(ctx, s, fmt.Sprint("new ", i), keys.Uint64(),
						values.String())
					done <- err
				}()
				go func() { done <- table.Put(ctx, uint64(100+i), "") }()
			}
			for range 3 * 8 {
				if err := <-done; err != nil {
					t.Errorf("with %d turns: %v", writers, err)
				}
			}
			if n, err := table.Count(ctx); n != 16 || err != nil {
				t.Errorf("with %d turns: %d rows, %v", writers, n, err)
			}
			s.Close()
		})
	}
}

// A storage that was set aside, and then opened there, is not the one that its old users opened:
// they find it closed, whenever they look.
func TestAStorageThatWasMovedIsClosedForGood(t *testing.T) {
	b := memory.NewShared()
	old := sharedTable(t, sharedStorage(t, b, core.WithVersion(1)))
	put(t, old, 1, "old")
	s := sharedStorage(t, b, core.WithVersion(2), core.WithRecreate(core.OnVersionBump))
	r, replaced := s.Recreated()
	if !replaced {
		t.Fatal("the storage was not replaced")
	}
	aside, err := core.Open(t.Context(), r.Path, b, core.WithVersion(1)) // which gives it a new fence
	if err != nil {
		t.Fatal(err)
	}
	defer aside.Close()
	if err := old.Put(t.Context(), 1, "late"); !errors.Is(err, core.ErrClosed) {
		t.Errorf("Put to a storage that was moved: %v; want ErrClosed", err)
	}
	if got, err := sharedTable(t, aside).Load(t.Context(), 1); got != "old" || err != nil {
		t.Errorf("in the storage that was moved the row is %q, %v", got, err)
	}
}

// The number of a table that was dropped is not given to the next one, whichever process makes it.
func TestTableNumbersAreNotGivenAgain(t *testing.T) {
	b := memory.NewShared()
	var numbers []byte // of the tables that were written to, in their order
	seen := func(b core.Batch, apply func() error) error {
		for _, w := range b.Writes {
			if w.Key[0] == 0 && w.Key[3] != 0 && w.End == nil {
				numbers = append(numbers, w.Key[3])
			}
		}
		return apply()
	}
	first := sharedStorage(t, &process{Backend: b, apply: seen})
	other := sharedStorage(t, &process{Backend: b, apply: seen})
	for _, s := range []*core.Storage{first, other, first} {
		put(t, sharedTable(t, s), 1, "")
		if err := s.DropTable(t.Context(), "t"); err != nil {
			t.Fatal(err)
		}
	}
	if len(numbers) != 3 || numbers[0] >= numbers[1] || numbers[1] >= numbers[2] {
		t.Errorf("the tables have the numbers %v", numbers)
	}
}
