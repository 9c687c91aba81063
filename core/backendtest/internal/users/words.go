// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package users

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strings"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
)

// words is the table that most checks use.
type words = *core.Table[string, string, string]

// open opens the trial's storage, and closes it after the check.
func open(t *kit.Trial, opts ...core.Option) *core.Storage {
	t.TB.Helper()
	s, err := tryOpen(t, t.Backend, opts...)
	t.Do("Open", err)
	t.Cleanup(func() { closeStorage(t, s) })
	return s
}

// tryOpen opens the trial's storage, without the cost of durability.
func tryOpen(t *kit.Trial, b core.Backend, opts ...core.Option) (*core.Storage, error) {
	opts = append([]core.Option{core.WithLogger(slog.New(slog.DiscardHandler)), core.WithoutSync()},
		opts...)
	return core.Open(t.Ctx, t.Path, b, opts...)
}

// openOn is open with a backend that the check prepared.
func openOn(t *kit.Trial, b core.Backend, opts ...core.Option) *core.Storage {
	t.TB.Helper()
	s, err := tryOpen(t, b, opts...)
	t.Do("Open", err)
	t.Cleanup(func() { closeStorage(t, s) })
	return s
}

// closeStorage closes a storage, and may be called again.
func closeStorage(t *kit.Trial, s *core.Storage) {
	t.TB.Helper()
	t.Do("Close", s.Close())
}

// openWords opens a table of strings.
func openWords(t *kit.Trial, s *core.Storage, name string, opts ...core.TableOption) words {
	t.TB.Helper()
	return table(t, s, name, keys.String(), values.String(), opts...)
}

func table[K, V, W any](
	t *kit.Trial, s *core.Storage, name string,
	k core.KeyFormat[K], v core.ValueFormat[V, W], opts ...core.TableOption,
) *core.Table[K, V, W] {
	t.TB.Helper()
	tab, err := core.OpenTable(t.Ctx, s, name, k, v, opts...)
	t.Do("OpenTable "+name, err)
	return tab
}

// openOne opens a storage with one table of strings.
func openOne(t *kit.Trial, opts ...core.Option) (*core.Storage, words) {
	t.TB.Helper()
	s := open(t, opts...)
	return s, openWords(t, s, "words")
}

// put puts a row.
func put1[K, V, W any](t *kit.Trial, tab *core.Table[K, V, W], k K, v V) {
	t.TB.Helper()
	t.Do("Put", tab.Put(t.Ctx, k, v))
}

// load puts the first n of someRows, in as many writes as the engine needs.
func load(t *kit.Trial, tab words, n int) {
	t.TB.Helper()
	_, err := tab.PutStream(t.Ctx, someRows(n))
	t.Do("PutStream", err)
}

// reads ends the check unless the row at k has this value.
func reads(t *kit.Trial, tab words, k, want string) {
	t.TB.Helper()
	got, err := tab.Load(t.Ctx, k)
	t.Do("Load", err)
	if got != want {
		t.Fatalf("the row at %q is %s; want %s", k, kit.Brief(got), kit.Brief(want))
	}
}

// absent ends the check if there is a row at k.
func absent(t *kit.Trial, tab words, k string) {
	t.TB.Helper()
	t.Is("Load of "+k, func() error { _, err := tab.Load(t.Ctx, k); return err }(),
		core.ErrNotFound)
}

// scanned returns copies of the rows of a scan.
func scanned(t *kit.Trial, s core.Scan[string, string, string]) (rows []kit.Row) {
	t.TB.Helper()
	for r, err := range s.Rows(t.Ctx) {
		t.Do("Rows", err)
		rows = append(rows, kit.KV(r.Key, kit.CopyOf(r.Value)))
	}
	return rows
}

// holds ends the check unless a table has exactly these rows.
func holds(t *kit.Trial, tab words, want ...kit.Row) {
	t.TB.Helper()
	if got := scanned(t, tab.Scan()); !slices.Equal(got, want) {
		t.Fatalf("the table holds %v; want %v", got, want)
	}
}

// guard gets a row that is there.
func guard[K, V, W any](t *kit.Trial, tab *core.Table[K, V, W], k K) core.Guard[W] {
	t.TB.Helper()
	g, err := tab.Get(t.Ctx, k)
	t.Do("Get", err)
	return g
}

// someRows yields n rows.
func someRows(n int) func(yield func(k, v string) bool) {
	return func(yield func(k, v string) bool) {
		for i := range n {
			if !yield(fmt.Sprintf("some%06d", i), fmt.Sprintf("value %d", i)) {
				return
			}
		}
	}
}

func update(t *kit.Trial, s *core.Storage, fn func(tx *core.Tx) error) {
	t.TB.Helper()
	t.Do("Update", s.Update(t.Ctx, fn))
}

// updateError ends the check unless the Update gives this error.
func updateError(t *kit.Trial, s *core.Storage, want error, fn func(tx *core.Tx) error) {
	t.TB.Helper()
	if err := s.Update(t.Ctx, fn); err != want {
		t.Fatalf("Update gives %v; want the function's error %v", err, want)
	}
}

// errRollBack is what checks return to undo an Update.
var errRollBack = errors.New("roll back")

// modify stores v at k.
func modify(ctx context.Context, tab words, k, v string) error {
	return tab.Modify(ctx, k,
		func(string, bool) (string, core.Change, error) { return v, core.Store, nil })
}

// limitsOf returns the limits of the engine under test.
func limitsOf(t *kit.Trial) core.Limits {
	s := t.OpenStore(t.Path+".limits", core.EngineOptions{Mark: kit.SomeMark, NoSync: true})
	defer s.MustClose()
	return s.Limits()
}

// powersOf returns the powers of the engine under test.
func powersOf(t *kit.Trial) core.Powers {
	s := t.OpenStore(t.Path+".powers", core.EngineOptions{Mark: kit.SomeMark, NoSync: true})
	defer s.MustClose()
	return s.Powers()
}

// drain passes over all rows.
func drain(rows iter.Seq2[string, string]) error {
	for range rows {
	}
	return nil
}

// lastError returns the error that ended the rows.
func lastError[T any](rows iter.Seq2[T, error]) (last error) {
	for _, err := range rows {
		last = err
	}
	return last
}

// cursorError returns what ends a cursor, or keeps it from being made.
func cursorError(t *kit.Trial, scan core.Scan[string, string, string]) error {
	c, err := scan.Cursor(t.Ctx)
	if err != nil {
		return err
	}
	for c.Next() {
	}
	t.Do("Close", c.Close())
	return c.Err()
}

func sameKeys[K comparable, V, W any](t *kit.Trial, what string, s core.Scan[K, V, W], want []K) {
	t.TB.Helper()
	var got []K
	for k, err := range s.Keys(t.Ctx) {
		t.Do("Keys", err)
		got = append(got, k)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s: keys are %.999q; want %.999q", what, fmt.Sprint(got), fmt.Sprint(want))
	}
}

// isPrefix ends the check unless exactly the first rows of someRows are stored.
func isPrefix(t *kit.Trial, tab words, stats core.StreamStats) {
	t.TB.Helper()
	rows := scanned(t, tab.Scan())
	if int64(len(rows)) != stats.Rows {
		t.Fatalf("%d rows are stored; the statistics are %+v", len(rows), stats)
	}
	i := 0
	for k, v := range someRows(len(rows)) {
		if rows[i] != kit.KV(k, v) {
			t.Fatalf("row %d is %v; want %v", i, rows[i], kit.KV(k, v))
		}
		i++
	}
}

// rowsOf returns how many rows a table has, 0 if there is no table. It does not create one.
func rowsOf(t *kit.Trial, s *core.Storage, name string) int {
	t.TB.Helper()
	infos, err := s.Tables(t.Ctx)
	t.Do("Tables", err)
	if !slices.ContainsFunc(infos, func(i core.TableInfo) bool { return i.Name == name }) {
		return 0
	}
	n, err := openWords(t, s, name).Count(t.Ctx)
	t.Do("Count", err)
	return n
}

var quietly = core.WithLogger(slog.New(slog.DiscardHandler))

// errorNames ends the check unless the error's text has all words.
func errorNames(t *kit.Trial, err error, words ...string) {
	t.TB.Helper()
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Fatalf("the error %q does not name %q", err, w)
		}
	}
}
