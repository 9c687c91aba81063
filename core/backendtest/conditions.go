// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/guardkv/guardkv/core"
)

var conditionPromises = []promise{
	{
		name: "conditions/one", check: checkConditionAlone,
		explanation: "a write takes effect if its condition is met, and Met says whether it was",
	},
	{
		name: "conditions/with other writes", check: checkConditionBatch,
		explanation: "a condition concerns its own write alone, and the row before the batch",
	},
	{
		name: "conditions/durable", check: checkConditionDurable,
		explanation: "a write whose condition was met is durable when Apply returns, and one whose condition was not never shows",
	},
	{
		name: "conditions/large batch", check: checkConditionLarge,
		explanation: "a batch of many rows may have conditions",
	},
}

// conditional makes a storage, unless its engine does not look at conditions.
func conditional(t *trial, opts core.EngineOptions) (s *store, ok bool) {
	t.tb.Helper()
	opts.Mark = aMark
	s = t.openStore(t.path, opts)
	return s, s.Powers().Conditions
}

// when returns a write with a condition.
func when(w core.Write, c core.When) core.Write {
	w.When = c
	return w
}

// applyIf applies a batch of which some writes have conditions, and returns which were met.
func (s *store) applyIf(writes ...core.Write) []bool {
	s.t.tb.Helper()
	met := make([]bool, len(writes))
	s.t.do("Apply", s.Apply(s.t.ctx, core.Batch{Writes: writes, Met: met}))
	return met
}

func checkConditionAlone(t *trial) {
	s, ok := conditional(t, core.EngineOptions{NoSync: true})
	if !ok {
		return
	}
	old, changed := row{"k", "old"}, row{"k", "new"}
	for _, c := range []struct {
		there bool
		write core.Write
		met   bool
		after []row
	}{
		{false, when(put("k", "new"), core.IfAbsent), true, []row{changed}},
		{true, when(put("k", "new"), core.IfAbsent), false, []row{old}},
		{false, when(put("k", "new"), core.IfPresent), false, nil},
		{true, when(put("k", "new"), core.IfPresent), true, []row{changed}},
		{false, when(del("k"), core.IfPresent), false, nil},
		{true, when(del("k"), core.IfPresent), true, nil},
		{false, when(del("k"), core.IfAbsent), true, nil},
		{true, when(del("k"), core.IfAbsent), false, []row{old}},
	} {
		s.apply(del("k"))
		if c.there {
			s.apply(put("k", "old"))
		}
		if met := s.applyIf(c.write); met[0] != c.met {
			t.Errorf("with a row %v, %v: met is %v", c.there, c.write, met[0])
		}
		s.has(c.after...)
	}
}

// checkConditionBatch compares random batches with a model.
func checkConditionBatch(t *trial) {
	s, ok := conditional(t, core.EngineOptions{NoSync: true})
	if !ok {
		return
	}
	rnd := rand.New(rand.NewPCG(22, 0))
	var rows []row
	for round := range t.pick(150, 50) {
		var writes []core.Write
		var want []bool
		some := false
		after := slices.Clone(rows)
		for at := 0; at < 60; at += 1 + rnd.IntN(9) {
			k, v := fmt.Sprintf("%03d", at), fmt.Sprint(round)
			found := slices.ContainsFunc(rows, func(r row) bool { return r.key == k })
			w := when(put(k, v), core.When(rnd.IntN(3)))
			if rnd.IntN(3) == 0 {
				w = when(del(k), w.When)
			}
			met := w.When.Met(found)
			if met {
				after = without(after, k, k+"\x00")
			}
			if met && !w.Delete {
				after = append(after, row{k, v})
			}
			some = some || w.When != core.Unconditional
			writes, want = append(writes, w), append(want, met && w.When != core.Unconditional)
		}
		slices.SortFunc(after, func(a, b row) int { return compare(a.key, b.key) })
		if rows = after; !some {
			s.apply(writes...)
		} else if got := s.applyIf(writes...); !slices.Equal(got, want) {
			t.Fatalf("%v were met; want %v of %v", got, want, writes)
		}
		s.has(rows...)
	}
}

func checkConditionDurable(t *trial) {
	s, ok := conditional(t, core.EngineOptions{})
	if !ok {
		return
	}
	s.apply(put("a", "old"), put("b", "old"))
	s = s.reopen()
	for _, w := range []core.Write{
		when(put("a", "new"), core.IfAbsent), when(del("b"), core.IfPresent), when(put("c", "new"), core.IfAbsent),
	} {
		s.applyIf(w)
		s = s.reopen()
	}
	s.has(row{"a", "old"}, row{"c", "new"})
}

func checkConditionLarge(t *trial) {
	s, ok := conditional(t, core.EngineOptions{NoSync: true})
	if !ok {
		return
	}
	var writes []core.Write
	var want []row
	value := noise(32 << 10)
	s.apply(put("d000", "old"), put("d199", "old"))
	for i := range 200 { // together more than engines write to a log
		k := fmt.Sprintf("d%03d", i)
		writes, want = append(writes, when(put(k, value), core.IfAbsent)), append(want, row{k, value})
	}
	want[0].value, want[199].value = "old", "old"
	met := s.applyIf(writes...)
	if met[0] || met[199] || slices.Index(met, false) != 0 || slices.Contains(met[1:199], false) {
		t.Errorf("met are %v", met)
	}
	s.has(want...)
	s.reopen().has(want...)
}
