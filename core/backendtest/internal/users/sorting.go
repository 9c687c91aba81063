// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package users

import (
	"context"
	"errors"
	"fmt"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/decorate"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
)

var sortingPromises = []kit.Promise{
	{
		Name: "put stream/sorting", Check: checkSorting,
		Explanation: "WithSorting stores rows in no order, the last of each key, in bounded " +
			"commits that ascend",
	},
	{
		Name: "put stream/sorting, nothing before the end", Check: checkSortingFails,
		Explanation: "a stream that sorts stores nothing if its source fails, panics or is " +
			"cancelled, and leaves no file",
	},
	{
		Name: "put stream/sorting, engine fails", Check: checkSortingEngineFails,
		Explanation: "when a commit fails, a stream that sorts has stored the rows that it " +
			"counts, those of the lowest keys",
	},
}

// shuffled yields the rows of someRows(n) in no order, each twice, the first time with another
// value.
func shuffled(n int) func(yield func(k, v string) bool) {
	var keys, values []string
	for k, v := range someRows(n) {
		keys, values = append(keys, k), append(values, v)
	}
	return func(yield func(k, v string) bool) {
		for _, old := range []string{"old ", ""} {
			for i := range n {
				at := (i*7919 + 13) % n // 7919 is prime and divides no n
				if !yield(keys[at], old+values[at]) {
					return
				}
			}
		}
	}
}

func checkSorting(t *kit.Trial) {
	_, tab := openOne(t)
	dir := t.TB.TempDir()
	n := t.Pick(20_000, 3_000)
	for _, bound := range []int{chunk, 1 << 30} { // through files, and in memory
		before := t.Tracker.Applies.Load()
		t.Tracker.MaxBatch.Store(0)
		stats, err := tab.PutStream(t.Ctx, shuffled(n), core.WithChunkBytes(bound),
			core.WithSorting(dir))
		t.Do("PutStream", err)
		isPrefix(t, tab, core.StreamStats{Rows: int64(n)})
		if stats.Rows != int64(2*n) || int64(stats.Commits) != t.Tracker.Applies.Load()-before {
			t.Errorf("statistics are %+v of %d rows", stats, 2*n)
		}
		if most := t.Tracker.MaxBatch.Load(); bound == chunk && (stats.Commits < 3 ||
			most > 2*chunk) {
			t.Errorf("of %d commits the largest has %d bytes; a chunk has %d",
				stats.Commits, most, chunk)
		}
	}
	leavesNoFile(t, dir)
	stats, err := tab.PutStream(t.Ctx, someRows(0), core.WithSorting(dir))
	if stats != (core.StreamStats{}) || err != nil {
		t.Errorf("PutStream of nothing = %+v, %v", stats, err)
	}
}

func checkSortingFails(t *kit.Trial) {
	_, tab := openOne(t)
	dir := t.TB.TempDir()
	failure := errors.New("of the source")
	ends := map[string]func(cancel func()) error{
		"fails":        func(func()) error { return failure },
		"panics":       func(func()) error { panic(failure) },
		"is cancelled": func(cancel func()) error { cancel(); return nil },
	}
	for name, end := range ends {
		ctx, cancel := context.WithCancel(t.Ctx)
		err := sortUntil(ctx, tab, dir, func() error { return end(cancel) })
		cancel()
		if !errors.Is(err, failure) && !errors.Is(err, context.Canceled) {
			t.Errorf("when the source %s the error is %v", name, err)
		}
		isPrefix(t, tab, core.StreamStats{})
		leavesNoFile(t, dir)
	}
}

// sortUntil streams more than a chunk, and then calls end. It turns a panic with an error into
// that error.
func sortUntil(ctx context.Context, tab words, dir string, end func() error) (err error) {
	defer func() {
		if p, ok := recover().(error); ok {
			err = p
		}
	}()
	stats, err := tab.PutStreamFunc(ctx, func(put func(k, v string) error) error {
		for k, v := range shuffled(2000) {
			if err := put(k, v); err != nil {
				return err
			}
		}
		return end()
	}, core.WithChunkBytes(chunk), core.WithSorting(dir))
	if stats != (core.StreamStats{}) {
		return fmt.Errorf("the statistics are %+v", stats)
	}
	return err
}

func checkSortingEngineFails(t *kit.Trial) {
	failure := fullDisk(t)
	b := decorate.Fault(t.Backend)
	s, err := tryOpen(t, b)
	t.Do("Open", err)
	tab := openWords(t, s, "words")
	b.Fail(decorate.Failure{Op: decorate.OpApply, N: 3, Err: failure})
	dir := t.TB.TempDir()
	stats, err := tab.PutStream(t.Ctx, shuffled(5000), core.WithChunkBytes(chunk),
		core.WithSorting(dir))
	t.Is("PutStream", err, failure)
	if stats.Commits != 2 {
		t.Errorf("statistics are %+v; want 2 commits", stats)
	}
	leavesNoFile(t, dir)
	closeStorage(t, s)
	_, tab = openOne(t)
	isPrefix(t, tab, stats) // someRows ascend
}
