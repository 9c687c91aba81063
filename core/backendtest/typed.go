// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"errors"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/keys"
	"github.com/guardkv/guardkv/core/values"
)

// typed is what package core promises to users, whatever the backend.
func typed() []promise {
	return slices.Concat(guardPromises, closePromises, orderPromises, scanPromises, pullPromises, verbPromises, txPromises, serialPromises, nestedPromises,
		writePromises, groupPromises, modifyPromises, clearPromises, streamPromises, cancelPromises, recreatePromises, migrationPromises,
		formatPromises, formatPowerPromises, layoutPromises, tablePromises, damagePromises, argumentPromises, backupPromises, panicPromises, placePromises)
}

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

// is ends the check unless err is what is wanted.
func (t *trial) is(what string, err, want error) {
	t.tb.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("%s gives %v; want %v", what, err, want)
	}
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

// copyOf copies a string that may be a view.
func copyOf(s string) string { return string([]byte(s)) }

// holds ends the check unless a table has exactly these rows.
func holds(t *trial, tab words, want ...row) {
	t.tb.Helper()
	if got := scanned(t, tab.Scan()); !slices.Equal(got, want) {
		t.Fatalf("the table holds %v; want %v", got, want)
	}
}

// byName passes over a map in the order of its keys, so that checks do the same each time.
func byName[V any](m map[string]V) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, name := range slices.Sorted(maps.Keys(m)) {
			if !yield(name, m[name]) {
				return
			}
		}
	}
}

// within ends the check if f takes longer than the time that nothing should take. f goes on then.
func (t *trial) within(d time.Duration, what string, f func()) {
	t.tb.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(d):
		t.Fatalf("%s is blocked for %v; all goroutines:\n%s", what, d, stacks())
	}
}

// soon is a time that no call takes unless it is blocked.
const soon = 20 * time.Second
