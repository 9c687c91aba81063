// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/guardkv/guardkv/core"
)

var applyPromises = []promise{
	{
		name: "apply/puts and deletes", check: checkApply,
		explanation: "Apply makes the writes visible before it returns; deleting an absent key is no error",
	},
	{
		name: "apply/atomic", check: checkApplyAtomic,
		explanation: "Apply makes all writes or none: no reader sees a part of them",
	},
	{
		name: "apply/durable", check: checkApplyDurable,
		explanation: "Apply makes the writes durable before it returns",
	},
	{
		name: "apply/arguments", check: checkApplyArguments,
		explanation: "neither keys nor values may be kept or modified: the caller reuses them",
	},
	{
		name: "apply/cancelled", check: checkApplyCancelled,
		explanation: "the context is looked at before anything is written: a cancelled Apply writes nothing",
	},
	{
		name: "apply/base", check: checkApplyBase,
		explanation: "base is the snapshot that the writes were computed from; nothing changed since, so there is no conflict",
	},
	{
		name: "apply/large", check: checkApplyLarge,
		explanation: "one Apply takes many rows, up to the limits, and stays atomic",
	},
}

func checkApply(t *trial) {
	s := t.create()
	s.apply(del("absent"))
	s.has()
	s.apply(put("a", "1"), put("b", "2"), put("c", "3"), del("d"))
	s.has(row{"a", "1"}, row{"b", "2"}, row{"c", "3"})
	s.apply(del("a"), put("b", "22"), del("bb"), put("d", "4"))
	s.has(row{"b", "22"}, row{"c", "3"}, row{"d", "4"})
	s.apply(put("b", "22"))
	s.apply(del("b"), del("c"), del("d"))
	s.has()
	s.apply(put("b", "again"))
	s.has(row{"b", "again"})
}

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

func checkApplyAtomic(t *trial) {
	s := t.create()
	const n = 99
	stop := readWhole(t, s, n)
	for round := range t.pick(200, 40) {
		s.apply(batch(n, round)...)
	}
	stop()
}

func checkApplyDurable(t *trial) {
	s := t.openStore(t.path, core.EngineOptions{Mark: aMark})
	for i := range 5 {
		s.apply(put(strconv.Itoa(i), "v"))
		s = s.reopen()
		if got := len(s.all()); got != i+1 {
			t.Fatalf("after %d writes and opening again there are %d rows", i+1, got)
		}
	}
}

func checkApplyArguments(t *trial) {
	s := t.create()
	s.apply(put("old", "value"))
	long := strings.Repeat("long", 10_000)
	s.applyAndSpoil(put("empty", ""), put("key", "value"), put("long", long), del("old"))
	want := []row{{"empty", ""}, {"key", "value"}, {"long", long}}
	s.has(want...)
	s.apply(put("later", "x"))
	s.apply(del("later"))
	s.compact()
	s.has(want...)
	s.reopen().has(want...)
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

func checkApplyCancelled(t *trial) {
	s := t.create()
	s.apply(put("k", "v"))
	err := s.Apply(cancelled(), core.Batch{Writes: []core.Write{put("k", "w"), put("l", "w")}})
	if !isCancelled(err) {
		t.Fatalf("Apply gives %v; want context.Canceled", err)
	}
	s.has(row{"k", "v"})
	s.apply(put("m", "v"))
	s.reopen().has(row{"k", "v"}, row{"m", "v"})
}

func checkApplyBase(t *trial) {
	s := t.create()
	s.apply(put("k", "1"))
	base := s.snapshot()
	t.rows(base, core.ScanRange{})
	t.do("Apply", s.Apply(t.ctx, core.Batch{Base: base, Writes: []core.Write{put("k", "2")}}))
	if got := t.rows(base, core.ScanRange{}); len(got) != 1 || got[0].value != "1" {
		t.Errorf("the base snapshot became %v", got)
	}
	t.close(base)
	s.has(row{"k", "2"})
}

func checkApplyLarge(t *trial) {
	s := t.create()
	n := t.pick(20_000, 2_000)
	if most := s.Limits().BatchRows; most != 0 {
		n = min(n, most)
	}
	s.apply(batch(n, 0)...)
	whole(t, s.all(), n)
	s.apply(batch(n, 1)...)
	whole(t, s.all(), n)
	var deletes []core.Write
	for _, r := range s.all() {
		deletes = append(deletes, del(r.key))
	}
	s.apply(deletes...)
	s.reopen().has()
}

// tooLarge ends the check unless err says that a limit was passed.
func (t *trial) tooLarge(what string, err error) {
	t.tb.Helper()
	if !errors.Is(err, core.ErrTooLarge) {
		t.Fatalf("%s gives %v; want ErrTooLarge", what, err)
	}
}
