// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
)

var conditionPromises = []kit.Promise{
	{
		Name: "conditions/one", Check: checkConditionAlone,
		Explanation: "a write takes effect if its condition is met, and Met says whether it was",
	},
	{
		Name: "conditions/with other writes", Check: checkConditionBatch,
		Explanation: "a condition concerns only its own write, and the row before the batch",
	},
	{
		Name: "conditions/durable", Check: checkConditionDurable,
		Explanation: "a write whose condition was met is durable when Apply returns, and one " +
			"whose condition was not never shows",
	},
	{
		Name: "conditions/large batch", Check: checkConditionLarge,
		Explanation: "a batch of many rows may have conditions",
	},
}

// conditional makes a storage, unless its engine does not check conditions.
func conditional(t *kit.Trial, opts core.EngineOptions) (s *kit.Store, ok bool) {
	t.TB.Helper()
	opts.Mark = kit.SomeMark
	s = t.OpenStore(t.Path, opts)
	return s, s.Powers().Conditions
}

// When returns a write with a condition.
func When(w core.Write, c core.When) core.Write {
	w.When = c
	return w
}

// applyIf applies a batch of which some writes have conditions, and returns which were met.
func applyIf(s *kit.Store, writes ...core.Write) []bool {
	s.T.TB.Helper()
	met := make([]bool, len(writes))
	s.T.Do("Apply", s.Apply(s.T.Ctx, core.Batch{Writes: writes, Met: met}))
	return met
}

func checkConditionAlone(t *kit.Trial) {
	s, ok := conditional(t, core.EngineOptions{NoSync: true})
	if !ok {
		return
	}
	old, changed := kit.KV("k", "old"), kit.KV("k", "new")
	for _, c := range []struct {
		there bool
		write core.Write
		met   bool
		after []kit.Row
	}{
		{false, When(kit.Put("k", "new"), core.IfAbsent), true, []kit.Row{changed}},
		{true, When(kit.Put("k", "new"), core.IfAbsent), false, []kit.Row{old}},
		{false, When(kit.Put("k", "new"), core.IfPresent), false, nil},
		{true, When(kit.Put("k", "new"), core.IfPresent), true, []kit.Row{changed}},
		{false, When(kit.Del("k"), core.IfPresent), false, nil},
		{true, When(kit.Del("k"), core.IfPresent), true, nil},
		{false, When(kit.Del("k"), core.IfAbsent), true, nil},
		{true, When(kit.Del("k"), core.IfAbsent), false, []kit.Row{old}},
	} {
		s.MustApply(kit.Del("k"))
		if c.there {
			s.MustApply(kit.Put("k", "old"))
		}
		if met := applyIf(s, c.write); met[0] != c.met {
			t.Errorf("with a row %v, %v: met is %v", c.there, c.write, met[0])
		}
		s.Has(c.after...)
	}
}

// checkConditionBatch compares random batches with a model.
func checkConditionBatch(t *kit.Trial) {
	s, ok := conditional(t, core.EngineOptions{NoSync: true})
	if !ok {
		return
	}
	rnd := rand.New(rand.NewPCG(22, 0))
	var rows []kit.Row
	for round := range t.Pick(150, 50) {
		var writes []core.Write
		var want []bool
		some := false
		after := slices.Clone(rows)
		for at := 0; at < 60; at += 1 + rnd.IntN(9) {
			k, v := fmt.Sprintf("%03d", at), fmt.Sprint(round)
			found := slices.ContainsFunc(rows, func(r kit.Row) bool { return r.Key == k })
			w := When(kit.Put(k, v), core.When(rnd.IntN(3)))
			if rnd.IntN(3) == 0 {
				w = When(kit.Del(k), w.When)
			}
			met := w.When.Met(found)
			if met {
				after = kit.Without(after, k, k+"\x00")
			}
			if met && !w.Delete {
				after = append(after, kit.KV(k, v))
			}
			some = some || w.When != core.Unconditional
			writes, want = append(writes, w), append(want, met && w.When != core.Unconditional)
		}
		slices.SortFunc(after, func(a, b kit.Row) int { return kit.Compare(a.Key, b.Key) })
		if rows = after; !some {
			s.MustApply(writes...)
		} else if got := applyIf(s, writes...); !slices.Equal(got, want) {
			t.Fatalf("%v were met; want %v of %v", got, want, writes)
		}
		s.Has(rows...)
	}
}

func checkConditionDurable(t *kit.Trial) {
	s, ok := conditional(t, core.EngineOptions{})
	if !ok {
		return
	}
	s.MustApply(kit.Put("a", "old"), kit.Put("b", "old"))
	s = s.Reopen()
	for _, w := range []core.Write{
		When(kit.Put("a", "new"), core.IfAbsent), When(kit.Del("b"), core.IfPresent),
		When(kit.Put("c", "new"), core.IfAbsent),
	} {
		applyIf(s, w)
		s = s.Reopen()
	}
	s.Has(kit.KV("a", "old"), kit.KV("c", "new"))
}

func checkConditionLarge(t *kit.Trial) {
	s, ok := conditional(t, core.EngineOptions{NoSync: true})
	if !ok {
		return
	}
	var writes []core.Write
	var want []kit.Row
	n, value := sizeOfLarge(s, 200)
	last := n - 1
	s.MustApply(kit.Put("d000", "old"), kit.Put(fmt.Sprintf("d%03d", last), "old"))
	for i := range n {
		k := fmt.Sprintf("d%03d", i)
		writes, want = append(writes, When(kit.Put(k, value), core.IfAbsent)), append(want,
			kit.KV(k, value))
	}
	want[0].Value, want[last].Value = "old", "old"
	met := applyIf(s, writes...)
	if met[0] || met[last] || slices.Contains(met[1:last], false) {
		t.Errorf("met are %v", met)
	}
	s.Has(want...)
	s.Reopen().Has(want...)
}

// sizeOfLarge returns how many rows make a large batch, at most that many, and the value of each.
// Together they are more than engines write to a log, or as much as the engine takes.
func sizeOfLarge(s *kit.Store, most int) (rows int, value string) {
	const key = 64 // and room for what an engine may add
	rows, size := kit.Fits(most, s.Limits().BatchRows), 32<<10
	if all := s.Limits().BatchBytes; all != 0 {
		size = min(size, all/rows-key)
	}
	return rows, kit.Incompressible(size)
}
