// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/guardkv/guardkv/core"
)

var modelPromises = []promise{
	{
		name: "model/random programs", check: checkModel,
		explanation: "whatever is done in whatever order, a storage behaves like a sorted map, and its snapshots like copies of it",
	},
}

// model runs a random program on a storage and on a map.
type model struct {
	t     *trial
	s     *store
	rnd   *rand.Rand
	rows  map[string]string
	snaps []modelSnapshot
	held  []held
}

// modelSnapshot is a snapshot and what it must show.
type modelSnapshot struct {
	core.Snapshot
	rows map[string]string
}

func checkModel(t *trial) {
	t.Logf("seeds 0 to %d", t.pick(3, 2)-1)
	for seed := range uint64(t.pick(3, 2)) {
		s := t.openStore(fmt.Sprintf("%s%d", t.path, seed), core.EngineOptions{Mark: aMark, NoSync: true})
		m := &model{t: t, s: s, rnd: rand.New(rand.NewPCG(seed, 0)), rows: map[string]string{}}
		for range t.pick(400, 120) {
			m.step()
		}
		m.closeAll()
		m.compare(m.s.all(), m.rows, core.ScanRange{})
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
		m.snaps = append(m.snaps, modelSnapshot{m.s.snapshot(), maps.Clone(m.rows)})
	case n < 88:
		m.scan()
	case n < 94:
		m.closeOne()
	case n < 97:
		m.s.compact()
	case n < 98:
		m.t.do("SetMark", m.s.SetMark(m.t.ctx, []byte(m.key())))
	default:
		m.closeAll()
		m.s = m.s.reopen()
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
			batch[k] = del(k)
			delete(m.rows, k)
			continue
		}
		v := strings.Repeat(k, m.rnd.IntN(1<<m.rnd.IntN(14)))
		batch[k] = put(k, v)
		m.rows[k] = v
	}
	m.s.apply(slices.Collect(maps.Values(batch))...)
}

func (m *model) get() {
	k := m.key()
	want, ok := m.rows[k]
	if !ok {
		m.s.lacks(k)
		return
	}
	m.s.wants(k, want)
	if m.rnd.IntN(4) == 0 {
		m.held = append(m.held, m.s.hold(k))
	}
}

// scan compares a random range of the present state or of an older one.
func (m *model) scan() {
	if n := len(m.snaps); n > 0 && m.rnd.IntN(2) == 0 {
		m.compareSnapshot(m.snaps[m.rnd.IntN(n)])
		return
	}
	now := modelSnapshot{m.s.snapshot(), m.rows}
	m.compareSnapshot(now)
	m.t.close(now)
}

func (m *model) compareSnapshot(s modelSnapshot) {
	r := core.ScanRange{Reverse: m.rnd.IntN(2) == 0}
	if m.rnd.IntN(2) == 0 {
		r.Low = []byte(m.key())
	}
	if m.rnd.IntN(2) == 0 {
		r.High = []byte(m.key())
	}
	m.compare(m.t.rows(s, r), s.rows, r)
}

// compare ends the check if got is not the part of rows that r selects.
func (m *model) compare(got []row, rows map[string]string, r core.ScanRange) {
	var want []row
	for _, k := range slices.Sorted(maps.Keys(rows)) {
		want = append(want, row{k, rows[k]})
	}
	want = between(want, r)
	if !slices.Equal(got, want) {
		m.t.Fatalf("from %q to %q, reverse %v: %v; want %v", r.Low, r.High, r.Reverse, got, want)
	}
}

// closeOne ends a random snapshot or releaser.
func (m *model) closeOne() {
	if n := len(m.snaps); n > 0 {
		i := m.rnd.IntN(n)
		m.compareSnapshot(m.snaps[i])
		m.t.close(m.snaps[i])
		m.snaps = slices.Delete(m.snaps, i, i+1)
	}
	if n := len(m.held); n > 0 {
		i := m.rnd.IntN(n)
		m.held[i].check(m.t, "when released")
		m.held[i].releaser.Release()
		m.held = slices.Delete(m.held, i, i+1)
	}
}

func (m *model) closeAll() {
	for len(m.snaps)+len(m.held) > 0 {
		m.closeOne()
	}
}
