// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"strconv"
	"strings"

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
