// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"bytes"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/guardkv/guardkv/core"
)

// batch gives n keys the same value; every third key is absent in odd rounds.
func batch(n, round int) (writes []core.Write) {
	for i := range n {
		key := fmt.Sprintf("key%04d", i)
		if i%3 == 0 && round%2 == 1 {
			writes = append(writes, del(key))
		} else {
			writes = append(writes, put(key, strconv.Itoa(round)))
		}
	}
	return writes
}

// whole complains about rows that are not one round of batch.
func whole(t *trial, rows []row, n int) {
	if len(rows) == 0 {
		return
	}
	round, _ := strconv.Atoi(rows[len(rows)-1].value)
	want := n - (n+2)/3*(round%2)
	for _, r := range rows {
		if r.value != strconv.Itoa(round) {
			t.Errorf("a snapshot shows %v beside rows of round %d", r, round)
			return
		}
	}
	if len(rows) != want {
		t.Errorf("a snapshot shows %d of %d rows of round %d", len(rows), want, round)
	}
}

// readWhole reads snapshots beside the writer, until stop is called, and complains about any that is not whole.
func readWhole(t *trial, s *store, n int) (stop func()) {
	var stopped atomic.Bool
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for !stopped.Load() && !t.Failed() {
				snap := s.snapshot()
				whole(t, t.rows(snap, core.ScanRange{}), n)
				t.close(snap)
			}
		})
	}
	return func() {
		stopped.Store(true)
		readers.Wait()
	}
}

// applyAndSpoil makes one write and overwrites its arguments after the call. It complains if the engine did so.
func (s *store) applyAndSpoil(writes ...core.Write) {
	s.t.tb.Helper()
	var lent, before [][]byte // with room behind each slice, to see that nobody writes there
	for i, w := range writes {
		writes[i].Key, writes[i].Value, writes[i].End = lend(w.Key), lend(w.Value), lend(w.End)
		lent = append(lent, writes[i].Key, writes[i].Value, writes[i].End)
	}
	for _, b := range lent {
		before = append(before, bytes.Clone(b[:cap(b)]))
	}
	s.t.do("Apply", s.Apply(s.t.ctx, core.Batch{Writes: writes}))
	for i, b := range lent {
		if !bytes.Equal(b[:cap(b)], before[i]) {
			s.t.Fatalf("Apply changed an argument from %q to %q", before[i], b[:cap(b)])
		}
		spoil(b)
	}
	clear(writes)
}
