// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"strings"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
)

// words is the table that most checks use.
type words = *core.Table[string, string, string]

// open opens the trial's storage, and closes it after the check.
func (t *trial) open(opts ...core.Option) *core.Storage {
	t.tb.Helper()
	s, err := t.tryOpen(t.backend, opts...)
	t.do("Open", err)
	t.Cleanup(func() { t.closeStorage(s) })
	return s
}

// tryOpen opens the trial's storage, without the cost of durability.
func (t *trial) tryOpen(b core.Backend, opts ...core.Option) (*core.Storage, error) {
	opts = append([]core.Option{core.WithLogger(slog.New(slog.DiscardHandler)), core.WithoutSync()}, opts...)
	return core.Open(t.ctx, t.path, b, opts...)
}

// openOn is open with a backend that the check prepared.
func (t *trial) openOn(b core.Backend, opts ...core.Option) *core.Storage {
	t.tb.Helper()
	s, err := t.tryOpen(b, opts...)
	t.do("Open", err)
	t.Cleanup(func() { t.closeStorage(s) })
	return s
}

// closeStorage may be called again.
func (t *trial) closeStorage(s *core.Storage) {
	t.tb.Helper()
	t.do("Close", s.Close())
}

// words opens a table of strings.
func (t *trial) words(s *core.Storage, name string, opts ...core.TableOption) words {
	t.tb.Helper()
	return table(t, s, name, keys.String(), values.String(), opts...)
}

func table[K, V, W any](t *trial, s *core.Storage, name string, k core.KeyFormat[K], v core.ValueFormat[V, W], opts ...core.TableOption) *core.Table[K, V, W] {
	t.tb.Helper()
	tab, err := core.OpenTable(t.ctx, s, name, k, v, opts...)
	t.do("OpenTable "+name, err)
	return tab
}

// one opens a storage with one table of strings.
func (t *trial) one(opts ...core.Option) (*core.Storage, words) {
	t.tb.Helper()
	s := t.open(opts...)
	return s, t.words(s, "words")
}

// put puts a row.
func put1[K, V, W any](t *trial, tab *core.Table[K, V, W], k K, v V) {
	t.tb.Helper()
	t.do("Put", tab.Put(t.ctx, k, v))
}

// load puts the first n of someRows, in as many writes as the engine needs.
func load(t *trial, tab words, n int) {
	t.tb.Helper()
	_, err := tab.PutStream(t.ctx, someRows(n))
	t.do("PutStream", err)
}

// reads ends the check unless the row at k has this value.
func reads(t *trial, tab words, k, want string) {
	t.tb.Helper()
	got, err := tab.Load(t.ctx, k)
	t.do("Load", err)
	if got != want {
		t.Fatalf("the row at %q is %s; want %s", k, brief(got), brief(want))
	}
}

// absent ends the check if there is a row at k.
func absent(t *trial, tab words, k string) {
	t.tb.Helper()
	t.is("Load of "+k, func() error { _, err := tab.Load(t.ctx, k); return err }(), core.ErrNotFound)
}

// scanned returns copies of the rows of a scan.
func scanned(t *trial, s core.Scan[string, string, string]) (rows []row) {
	t.tb.Helper()
	for r, err := range s.Rows(t.ctx) {
		t.do("Rows", err)
		rows = append(rows, row{r.Key, copyOf(r.Value)})
	}
	return rows
}

// holds ends the check unless a table has exactly these rows.
func holds(t *trial, tab words, want ...row) {
	t.tb.Helper()
	if got := scanned(t, tab.Scan()); !slices.Equal(got, want) {
		t.Fatalf("the table holds %v; want %v", got, want)
	}
}

// guard gets a row that is there.
func guard[K, V, W any](t *trial, tab *core.Table[K, V, W], k K) core.Guard[W] {
	t.tb.Helper()
	g, err := tab.Get(t.ctx, k)
	t.do("Get", err)
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

func update(t *trial, s *core.Storage, fn func(tx *core.Tx) error) {
	t.tb.Helper()
	t.do("Update", s.Update(t.ctx, fn))
}

// updateError ends the check unless the Update gives this error.
func updateError(t *trial, s *core.Storage, want error, fn func(tx *core.Tx) error) {
	t.tb.Helper()
	if err := s.Update(t.ctx, fn); err != want {
		t.Fatalf("Update gives %v; want the function's error %v", err, want)
	}
}

// errRollBack is what checks return to undo an Update.
var errRollBack = errors.New("roll back")

// modify stores v at k.
func modify(ctx context.Context, tab words, k, v string) error {
	return tab.Modify(ctx, k, func(string, bool) (string, core.Change, error) { return v, core.Store, nil })
}

// limits returns the limits of the engine under test.
func (t *trial) limits() core.Limits {
	s := t.openStore(t.path+".limits", core.EngineOptions{Mark: aMark, NoSync: true})
	defer s.close()
	return s.Limits()
}

// powers returns the powers of the engine under test.
func (t *trial) powers() core.Powers {
	s := t.openStore(t.path+".powers", core.EngineOptions{Mark: aMark, NoSync: true})
	defer s.close()
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
func cursorError(t *trial, scan core.Scan[string, string, string]) error {
	c, err := scan.Cursor(t.ctx)
	if err != nil {
		return err
	}
	for c.Next() {
	}
	t.do("Close", c.Close())
	return c.Err()
}

func sameKeys[K comparable, V, W any](t *trial, what string, s core.Scan[K, V, W], want []K) {
	t.tb.Helper()
	var got []K
	for k, err := range s.Keys(t.ctx) {
		t.do("Keys", err)
		got = append(got, k)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s: keys are %.999q; want %.999q", what, fmt.Sprint(got), fmt.Sprint(want))
	}
}

// isPrefix ends the check unless exactly the first rows of someRows are stored.
func isPrefix(t *trial, tab words, stats core.StreamStats) {
	t.tb.Helper()
	rows := scanned(t, tab.Scan())
	if int64(len(rows)) != stats.Rows {
		t.Fatalf("%d rows are stored; the statistics are %+v", len(rows), stats)
	}
	i := 0
	for k, v := range someRows(len(rows)) {
		if rows[i] != (row{k, v}) {
			t.Fatalf("row %d is %v; want %v", i, rows[i], row{k, v})
		}
		i++
	}
}

// rowsOf returns how many rows a table has, 0 if there is none, which is not created.
func (t *trial) rowsOf(s *core.Storage, name string) int {
	t.tb.Helper()
	infos, err := s.Tables(t.ctx)
	t.do("Tables", err)
	if !slices.ContainsFunc(infos, func(i core.TableInfo) bool { return i.Name == name }) {
		return 0
	}
	n, err := t.words(s, name).Count(t.ctx)
	t.do("Count", err)
	return n
}

var quietly = core.WithLogger(slog.New(slog.DiscardHandler))

// names ends the check unless the error's text has all words.
func (t *trial) names(err error, words ...string) {
	t.tb.Helper()
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Fatalf("the error %q does not name %q", err, w)
		}
	}
}
