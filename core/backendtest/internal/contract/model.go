// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/backendtest/internal/kit"
)

var modelPromises = []kit.Promise{
	{
		Name: "model/random programs", Check: checkModel,
		Explanation: "whatever is done in whatever order, a storage behaves like a sorted map, " +
			"and its snapshots like copies of it",
	},
}

// model runs a random program on a storage and on a map.
type model struct {
	t     *kit.Trial
	s     *kit.Store
	rnd   *rand.Rand
	rows  map[string]string
	snaps []modelSnapshot
	held  []kit.Held
}

// modelSnapshot is a snapshot and what it must show.
type modelSnapshot struct {
	core.Snapshot
	rows map[string]string
}

func checkModel(t *kit.Trial) {
	t.Logf("seeds 0 to %d", t.Pick(3, 2)-1)
	for seed := range uint64(t.Pick(3, 2)) {
		s := t.OpenStore(fmt.Sprintf("%s%d", t.Path, seed),
			core.EngineOptions{Mark: kit.SomeMark, NoSync: true})
		m := &model{t: t, s: s, rnd: rand.New(rand.NewPCG(seed, 0)), rows: map[string]string{}}
		for range t.Pick(400, 120) {
			m.step()
		}
		m.closeAll()
		m.compare(m.s.All(), m.rows, core.ScanRange{})
	}
}

// step does something, mostly writes.
func (m *model) step() {
	switch n := m.rnd.IntN(100); {
	case n < 40:
		m.write()
	case n < 60:
		m.get()
	case n < 70:
		m.snaps = append(m.snaps, modelSnapshot{m.s.MustSnapshot(), maps.Clone(m.rows)})
	case n < 88:
		m.scan()
	case n < 94:
		m.closeOne()
	case n < 97:
		m.s.Compact()
	case n < 98:
		m.t.Do("SetMark", m.s.SetMark(m.t.Ctx, []byte(m.key())))
	default:
		m.closeAll()
		m.s = m.s.Reopen()
	}
}

// key returns one of few keys, so that most were there before.
func (m *model) key() string {
	const letters = "\x00\x01a\xfe\xff"
	b := make([]byte, 1+m.rnd.IntN(3))
	for i := range b {
		b[i] = letters[m.rnd.IntN(len(letters))]
	}
	return string(b)
}

// write applies a batch that may delete what is absent.
func (m *model) write() {
	batch := map[string]core.Write{}
	for range 1 + m.rnd.IntN(12) {
		k := m.key()
		if m.rnd.IntN(3) == 0 {
			batch[k] = kit.Del(k)
			delete(m.rows, k)
			continue
		}
		v := strings.Repeat(k, m.rnd.IntN(1<<m.rnd.IntN(14)))
		batch[k] = kit.Put(k, v)
		m.rows[k] = v
	}
	m.s.MustApply(slices.Collect(maps.Values(batch))...)
}

func (m *model) get() {
	k := m.key()
	want, ok := m.rows[k]
	if !ok {
		m.s.Lacks(k)
		return
	}
	m.s.Wants(k, want)
	if m.rnd.IntN(4) == 0 {
		m.held = append(m.held, m.s.Hold(k))
	}
}

// scan compares a random range of the present state or of an older one.
func (m *model) scan() {
	if n := len(m.snaps); n > 0 && m.rnd.IntN(2) == 0 {
		m.compareSnapshot(m.snaps[m.rnd.IntN(n)])
		return
	}
	now := modelSnapshot{m.s.MustSnapshot(), m.rows}
	m.compareSnapshot(now)
	m.t.Close(now)
}

func (m *model) compareSnapshot(s modelSnapshot) {
	r := core.ScanRange{Reverse: m.rnd.IntN(2) == 0}
	if m.rnd.IntN(2) == 0 {
		r.Low = []byte(m.key())
	}
	if m.rnd.IntN(2) == 0 {
		r.High = []byte(m.key())
	}
	m.compare(m.t.Rows(s, r), s.rows, r)
}

// compare ends the check if got is not the part of rows that r selects.
func (m *model) compare(got []kit.Row, rows map[string]string, r core.ScanRange) {
	var want []kit.Row
	for _, k := range slices.Sorted(maps.Keys(rows)) {
		want = append(want, kit.KV(k, rows[k]))
	}
	want = kit.Between(want, r)
	if !slices.Equal(got, want) {
		m.t.Fatalf("from %q to %q, reverse %v: %v; want %v", r.Low, r.High, r.Reverse, got, want)
	}
}

// closeOne ends a random snapshot or releaser.
func (m *model) closeOne() {
	if n := len(m.snaps); n > 0 {
		i := m.rnd.IntN(n)
		m.compareSnapshot(m.snaps[i])
		m.t.Close(m.snaps[i])
		m.snaps = slices.Delete(m.snaps, i, i+1)
	}
	if n := len(m.held); n > 0 {
		i := m.rnd.IntN(n)
		m.held[i].Check(m.t, "when released")
		m.held[i].Releaser.Release()
		m.held = slices.Delete(m.held, i, i+1)
	}
}

func (m *model) closeAll() {
	for len(m.snaps)+len(m.held) > 0 {
		m.closeOne()
	}
}
