// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"bytes"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/decorate"
)

// Batch gives n keys the same value; every third key is absent in odd rounds.
func Batch(n, round int) (writes []core.Write) {
	for i := range n {
		key := fmt.Sprintf("key%04d", i)
		if i%3 == 0 && round%2 == 1 {
			writes = append(writes, Del(key))
		} else {
			writes = append(writes, Put(key, strconv.Itoa(round)))
		}
	}
	return writes
}

// Whole complains unless the rows are one round of Batch.
func Whole(t *Trial, rows []Row, n int) {
	if len(rows) == 0 {
		return
	}
	round, _ := strconv.Atoi(rows[len(rows)-1].Value)
	want := n - (n+2)/3*(round%2)
	for _, r := range rows {
		if r.Value != strconv.Itoa(round) {
			t.Errorf("a snapshot shows %v beside rows of round %d", r, round)
			return
		}
	}
	if len(rows) != want {
		t.Errorf("a snapshot shows %d of %d rows of round %d", len(rows), want, round)
	}
}

// ReadWhole reads snapshots beside the writer, until stop is called, and complains about any
// that is not whole.
func ReadWhole(t *Trial, s *Store, n int) (stop func()) {
	var stopped atomic.Bool
	var readers sync.WaitGroup
	for range 2 {
		readers.Go(func() {
			for !stopped.Load() && !t.Failed() {
				snap := s.MustSnapshot()
				Whole(t, t.Rows(snap, core.ScanRange{}), n)
				t.Close(snap)
			}
		})
	}
	return func() {
		stopped.Store(true)
		readers.Wait()
	}
}

// ApplyAndSpoil makes one write and overwrites its arguments after the call. It complains if
// the engine did so.
func (s *Store) ApplyAndSpoil(writes ...core.Write) {
	s.T.TB.Helper()
	var lent, before [][]byte // with room behind each slice, to see whether it is written to
	for i, w := range writes {
		writes[i].Key, writes[i].Value = decorate.Lend(w.Key), decorate.Lend(w.Value)
		writes[i].End = decorate.Lend(w.End)
		lent = append(lent, writes[i].Key, writes[i].Value, writes[i].End)
	}
	for _, b := range lent {
		before = append(before, bytes.Clone(b[:cap(b)]))
	}
	s.T.Do("Apply", s.Apply(s.T.Ctx, core.Batch{Writes: writes}))
	for i, b := range lent {
		if !bytes.Equal(b[:cap(b)], before[i]) {
			s.T.Fatalf("Apply changed an argument from %q to %q", before[i], b[:cap(b)])
		}
		decorate.Overwrite(b)
	}
	clear(writes)
}
