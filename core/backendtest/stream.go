// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/guardkv/guardkv/core"
)

var streamPromises = []promise{
	{
		name: "put stream/chunks", check: checkStreamChunks,
		explanation: "PutStream commits bounded chunks and reports what is committed",
	},
	{
		name: "put stream/source fails", check: checkStreamSourceFails,
		explanation: "PutStream stops cleanly on error: what its statistics count is stored, nothing else",
	},
	{
		name: "put stream/cancelled", check: checkStreamCancelled,
		explanation: "PutStream stops cleanly on cancel: what its statistics count is stored, nothing else",
	},
	{
		name: "put stream/bad row", check: checkStreamBadRow,
		explanation: "a row that cannot be stored stops PutStream with ErrTooLarge; the committed prefix stays",
	},
	{
		name: "put stream/engine fails", check: checkStreamEngineFails,
		explanation: "a commit that fails stops PutStream; the committed prefix stays",
	},
	{
		name: "put stream/duplicates", check: checkStreamDuplicates,
		explanation: "of rows with the same key the last counts, in one chunk and over several",
	},
	{
		name: "put stream/source writes", check: checkStreamSourceWrites,
		explanation: "the source of PutStream may read and write the same table",
	},
}

func checkStreamChunks(t *trial) {
	_, tab := t.one()
	n := t.pick(20_000, 4_000)
	before := t.account.applies.Load()
	t.account.maxBatch.Store(0)
	stats, err := tab.PutStream(t.ctx, someRows(n), core.WithChunkBytes(chunk))
	t.do("PutStream", err)
	isPrefix(t, tab, stats)
	commits := t.account.applies.Load() - before
	if stats.Rows != int64(n) || stats.Bytes < int64(n)*15 || int64(stats.Commits) != commits || commits < 3 {
		t.Errorf("statistics are %+v of %d rows and %d commits", stats, n, commits)
	}
	if most := t.account.maxBatch.Load(); most > 2*chunk {
		t.Errorf("the largest commit has %d bytes; a chunk has %d", most, chunk)
	}
	stats, err = tab.PutStream(t.ctx, someRows(0))
	if stats != (core.StreamStats{}) || err != nil {
		t.Errorf("PutStream of nothing = %+v, %v", stats, err)
	}
}

func checkStreamSourceFails(t *trial) {
	_, tab := t.one()
	failure := errors.New("of the source")
	stats, err := tab.PutStreamFunc(t.ctx, func(put func(k, v string) error) error {
		for k, v := range someRows(t.pick(5000, 2000)) {
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

func checkStreamCancelled(t *trial) {
	_, tab := t.one()
	ctx, cancel := context.WithCancel(t.ctx)
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
	if !isCancelled(err) {
		t.Errorf("PutStream gives %v; want context.Canceled", err)
	}
	if n == 1_000_000 {
		t.Errorf("a cancelled PutStream took all rows")
	}
	isPrefix(t, tab, stats)
}

func checkStreamBadRow(t *trial) {
	_, tab := t.one()
	bad := t.badRow()
	if bad.key == "" {
		return
	}
	stats, err := tab.PutStream(t.ctx, func(yield func(k, v string) bool) {
		for k, v := range someRows(3000) {
			if !yield(k, v) {
				return
			}
		}
		_ = yield(bad.key, bad.value) && yield("after", "v")
	}, core.WithChunkBytes(chunk))
	t.is("PutStream", err, core.ErrTooLarge)
	isPrefix(t, tab, stats)
}

func checkStreamEngineFails(t *trial) {
	failure := errors.New("the disk is full")
	b := Fault(t.backend)
	s, err := t.tryOpen(b)
	t.do("Open", err)
	tab := t.words(s, "words")
	b.Fail(Failure{Op: OpApply, N: 3, Err: failure})
	stats, err := tab.PutStream(t.ctx, someRows(5000), core.WithChunkBytes(chunk))
	t.is("PutStream", err, failure)
	if stats.Commits != 2 {
		t.Errorf("statistics are %+v; want 2 commits", stats)
	}
	t.closeStorage(s)
	_, tab = t.one()
	isPrefix(t, tab, stats)
}

func checkStreamDuplicates(t *trial) {
	_, tab := t.one()
	_, err := tab.PutStream(t.ctx, func(yield func(k, v string) bool) {
		for i := range 2000 {
			if !yield(fmt.Sprintf("%03d", (i*7)%100), fmt.Sprint(i)) || !yield("same", strings.Repeat("x", i%10)+fmt.Sprint(i)) {
				return
			}
		}
	}, core.WithChunkBytes(4<<10))
	t.do("PutStream", err)
	reads(t, tab, "same", "xxxxxxxxx1999")
	for i := 1900; i < 2000; i++ {
		reads(t, tab, fmt.Sprintf("%03d", (i*7)%100), fmt.Sprint(i))
	}
	if n, err := tab.Count(t.ctx); n != 101 || err != nil {
		t.Errorf("Count = %d, %v; want 101", n, err)
	}
}

func checkStreamSourceWrites(t *trial) {
	_, tab := t.one()
	t.within(soon, "PutStream whose source writes", func() {
		_, err := tab.PutStream(t.ctx, func(yield func(k, v string) bool) {
			for k, v := range someRows(300) {
				put1(t, tab, "x"+k, v)
				reads(t, tab, "x"+k, v)
				if !yield(k, v) {
					return
				}
			}
		}, core.WithChunkBytes(1<<10))
		t.do("PutStream", err)
	})
	if n, err := tab.Count(t.ctx); n != 600 || err != nil {
		t.Errorf("Count = %d, %v; want 600", n, err)
	}
}
