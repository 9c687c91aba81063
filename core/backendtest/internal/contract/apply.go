// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"errors"
	"strconv"
	"strings"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
)

var applyPromises = []kit.Promise{
	{
		Name: "apply/puts and deletes", Check: checkApply,
		Explanation: "Apply makes the writes visible before it returns; deleting an absent key " +
			"is no error",
	},
	{
		Name: "apply/atomic", Check: checkApplyAtomic,
		Explanation: "Apply makes all writes or none: no reader sees a part of them",
	},
	{
		Name: "apply/durable", Check: checkApplyDurable,
		Explanation: "Apply makes the writes durable before it returns",
	},
	{
		Name: "apply/arguments", Check: checkApplyArguments,
		Explanation: "neither keys nor values may be kept or modified: the caller reuses them",
	},
	{
		Name: "apply/cancelled", Check: checkApplyCancelled,
		Explanation: "the context is looked at before anything is written: a cancelled Apply " +
			"writes nothing",
	},
	{
		Name: "apply/base", Check: checkApplyBase,
		Explanation: "base is the snapshot that the writes were computed from; nothing changed " +
			"since, so there is no conflict; it stays as it was, but that of a shared storage " +
			"may be over, and reading it then returns ErrClosed",
	},
	{
		Name: "apply/large", Check: checkApplyLarge,
		Explanation: "one Apply takes many rows, up to the limits, and stays atomic",
	},
}

func checkApply(t *kit.Trial) {
	s := t.Create()
	s.MustApply(kit.Del("absent"))
	s.Has()
	s.MustApply(kit.Put("a", "1"), kit.Put("b", "2"), kit.Put("c", "3"), kit.Del("d"))
	s.Has(kit.KV("a", "1"), kit.KV("b", "2"), kit.KV("c", "3"))
	s.MustApply(kit.Del("a"), kit.Put("b", "22"), kit.Del("bb"), kit.Put("d", "4"))
	s.Has(kit.KV("b", "22"), kit.KV("c", "3"), kit.KV("d", "4"))
	s.MustApply(kit.Put("b", "22"))
	s.MustApply(kit.Del("b"), kit.Del("c"), kit.Del("d"))
	s.Has()
	s.MustApply(kit.Put("b", "again"))
	s.Has(kit.KV("b", "again"))
}

func checkApplyAtomic(t *kit.Trial) {
	s := t.Create()
	const n = 99
	stop := kit.ReadWhole(t, s, n)
	for round := range t.Pick(200, 40) {
		s.MustApply(kit.Batch(n, round)...)
	}
	stop()
}

func checkApplyDurable(t *kit.Trial) {
	s := t.OpenStore(t.Path, core.EngineOptions{Mark: kit.SomeMark})
	for i := range 5 {
		s.MustApply(kit.Put(strconv.Itoa(i), "v"))
		s = s.Reopen()
		if got := len(s.All()); got != i+1 {
			t.Fatalf("after %d writes and opening again there are %d rows", i+1, got)
		}
	}
}

func checkApplyArguments(t *kit.Trial) {
	s := t.Create()
	s.MustApply(kit.Put("old", "value"))
	long := strings.Repeat("long", 10_000)
	s.ApplyAndSpoil(kit.Put("empty", ""), kit.Put("key", "value"), kit.Put("long", long),
		kit.Del("old"))
	want := []kit.Row{kit.KV("empty", ""), kit.KV("key", "value"), kit.KV("long", long)}
	s.Has(want...)
	s.MustApply(kit.Put("later", "x"))
	s.MustApply(kit.Del("later"))
	s.Compact()
	s.Has(want...)
	s.Reopen().Has(want...)
}

func checkApplyCancelled(t *kit.Trial) {
	s := t.Create()
	s.MustApply(kit.Put("k", "v"))
	err := s.Apply(kit.Cancelled(),
		core.Batch{Writes: []core.Write{kit.Put("k", "w"), kit.Put("l", "w")}})
	if !kit.IsCancelled(err) {
		t.Fatalf("Apply gives %v; want context.Canceled", err)
	}
	s.Has(kit.KV("k", "v"))
	s.MustApply(kit.Put("m", "v"))
	s.Reopen().Has(kit.KV("k", "v"), kit.KV("m", "v"))
}

func checkApplyBase(t *kit.Trial) {
	s := t.Create()
	s.MustApply(kit.Put("k", "1"))
	base := s.Base()
	t.Rows(base, core.ScanRange{})
	t.Do("Apply", s.Apply(t.Ctx, core.Batch{Base: base, Writes: []core.Write{kit.Put("k", "2")}}))
	v, err := kit.ValueIn(base, t.Ctx, "k")
	if err == nil && v != "1" || err != nil && !(s.Shared() && errors.Is(err, core.ErrClosed)) {
		t.Errorf("the base snapshot became %q, %v", v, err)
	}
	t.Close(base)
	s.Has(kit.KV("k", "2"))
}

func checkApplyLarge(t *kit.Trial) {
	s := t.Create()
	n := t.Pick(20_000, 2_000)
	if most := s.Limits().BatchRows; most != 0 {
		n = min(n, most)
	}
	s.MustApply(kit.Batch(n, 0)...)
	kit.Whole(t, s.All(), n)
	s.MustApply(kit.Batch(n, 1)...)
	kit.Whole(t, s.All(), n)
	var deletes []core.Write
	for _, r := range s.All() {
		deletes = append(deletes, kit.Del(r.Key))
	}
	s.MustApply(deletes...)
	s.Reopen().Has()
}
