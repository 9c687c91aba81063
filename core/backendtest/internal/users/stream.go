// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package users

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/decorate"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
)

var streamPromises = []kit.Promise{
	{
		Name: "put stream/chunks", Check: checkStreamChunks,
		Explanation: "PutStream commits bounded chunks and reports what is committed",
	},
	{
		Name: "put stream/source fails", Check: checkStreamSourceFails,
		Explanation: "PutStream stops cleanly on error: what its statistics count is stored, " +
			"nothing else",
	},
	{
		Name: "put stream/cancelled", Check: checkStreamCancelled,
		Explanation: "PutStream stops cleanly on cancel: what its statistics count is stored, " +
			"nothing else",
	},
	{
		Name: "put stream/bad row", Check: checkStreamBadRow,
		Explanation: "a row that cannot be stored stops PutStream with ErrTooLarge; the " +
			"committed prefix stays",
	},
	{
		Name: "put stream/engine fails", Check: checkStreamEngineFails,
		Explanation: "a commit that fails stops PutStream; the committed prefix stays",
	},
	{
		Name: "put stream/duplicates", Check: checkStreamDuplicates,
		Explanation: "of rows with the same key the last counts, in one chunk and over several",
	},
	{
		Name: "put stream/source writes", Check: checkStreamSourceWrites,
		Explanation: "the source of PutStream may read and write the same table",
	},
}

func checkStreamChunks(t *kit.Trial) {
	_, tab := openOne(t)
	n := t.Pick(20_000, 4_000)
	before := t.Tracker.Applies.Load()
	t.Tracker.MaxBatch.Store(0)
	stats, err := tab.PutStream(t.Ctx, someRows(n), core.WithChunkBytes(chunk))
	t.Do("PutStream", err)
	isPrefix(t, tab, stats)
	commits := t.Tracker.Applies.Load() - before
	if stats.Rows != int64(n) || stats.Bytes < int64(n)*15 ||
		int64(stats.Commits) != commits || commits < 3 {
		t.Errorf("statistics are %+v of %d rows and %d commits", stats, n, commits)
	}
	if most := t.Tracker.MaxBatch.Load(); most > 2*chunk {
		t.Errorf("the largest commit has %d bytes; a chunk has %d", most, chunk)
	}
	stats, err = tab.PutStream(t.Ctx, someRows(0))
	if stats != (core.StreamStats{}) || err != nil {
		t.Errorf("PutStream of nothing = %+v, %v", stats, err)
	}
}

func checkStreamSourceFails(t *kit.Trial) {
	_, tab := openOne(t)
	failure := errors.New("of the source")
	stats, err := tab.PutStreamFunc(t.Ctx, func(put func(k, v string) error) error {
		for k, v := range someRows(t.Pick(5000, 2000)) {
			if err := put(k, v); err != nil {
				return err
			}
		}
		return failure
	}, core.WithChunkBytes(chunk))
	if err != failure {
		t.Errorf("PutStreamFunc gives %v; want the source's own error", err)
	}
	if stats.Commits == 0 {
		t.Errorf("nothing was committed before the source failed")
	}
	isPrefix(t, tab, stats)
}

func checkStreamCancelled(t *kit.Trial) {
	_, tab := openOne(t)
	ctx, cancel := context.WithCancel(t.Ctx)
	defer cancel()
	n := 0
	stats, err := tab.PutStream(ctx, func(yield func(k, v string) bool) {
		for k, v := range someRows(1_000_000) {
			if n++; n == 2000 {
				cancel()
			}
			if !yield(k, v) {
				return
			}
		}
	}, core.WithChunkBytes(chunk))
	if !kit.IsCancelled(err) {
		t.Errorf("PutStream gives %v; want context.Canceled", err)
	}
	if n == 1_000_000 {
		t.Errorf("a cancelled PutStream took all rows")
	}
	isPrefix(t, tab, stats)
}

func checkStreamBadRow(t *kit.Trial) {
	_, tab := openOne(t)
	bad := badRow(t)
	if bad.Key == "" {
		return
	}
	stats, err := tab.PutStream(t.Ctx, func(yield func(k, v string) bool) {
		for k, v := range someRows(3000) {
			if !yield(k, v) {
				return
			}
		}
		_ = yield(bad.Key, bad.Value) && yield("after", "v")
	}, core.WithChunkBytes(chunk))
	t.Is("PutStream", err, core.ErrTooLarge)
	isPrefix(t, tab, stats)
}

// fullDisk is an error of Apply that is not settled: after one that says nothing about the
// outcome a shared storage finds it out.
func fullDisk(t *kit.Trial) error {
	if t.Shared() {
		return core.ErrNoRoom
	}
	return errors.New("the disk is full")
}

func checkStreamEngineFails(t *kit.Trial) {
	failure := fullDisk(t)
	b := decorate.Fault(t.Backend)
	s, err := tryOpen(t, b)
	t.Do("Open", err)
	tab := openWords(t, s, "words")
	b.Fail(decorate.Failure{Op: decorate.OpApply, N: 3, Err: failure})
	stats, err := tab.PutStream(t.Ctx, someRows(5000), core.WithChunkBytes(chunk))
	t.Is("PutStream", err, failure)
	if stats.Commits != 2 {
		t.Errorf("statistics are %+v; want 2 commits", stats)
	}
	closeStorage(t, s)
	_, tab = openOne(t)
	isPrefix(t, tab, stats)
}

func checkStreamDuplicates(t *kit.Trial) {
	_, tab := openOne(t)
	_, err := tab.PutStream(t.Ctx, func(yield func(k, v string) bool) {
		for i := range 2000 {
			if !yield(fmt.Sprintf("%03d", (i*7)%100), fmt.Sprint(i)) || !yield("same",
				strings.Repeat("x", i%10)+fmt.Sprint(i)) {
				return
			}
		}
	}, core.WithChunkBytes(4<<10))
	t.Do("PutStream", err)
	reads(t, tab, "same", "xxxxxxxxx1999")
	for i := 1900; i < 2000; i++ {
		reads(t, tab, fmt.Sprintf("%03d", (i*7)%100), fmt.Sprint(i))
	}
	if n, err := tab.Count(t.Ctx); n != 101 || err != nil {
		t.Errorf("Count = %d, %v; want 101", n, err)
	}
}

func checkStreamSourceWrites(t *kit.Trial) {
	_, tab := openOne(t)
	t.Within(kit.Soon, "PutStream whose source writes", func() {
		_, err := tab.PutStream(t.Ctx, func(yield func(k, v string) bool) {
			for k, v := range someRows(300) {
				put1(t, tab, "x"+k, v)
				reads(t, tab, "x"+k, v)
				if !yield(k, v) {
					return
				}
			}
		}, core.WithChunkBytes(1<<10))
		t.Do("PutStream", err)
	})
	if n, err := tab.Count(t.Ctx); n != 600 || err != nil {
		t.Errorf("Count = %d, %v; want 600", n, err)
	}
}
