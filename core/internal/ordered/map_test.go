// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package ordered

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
)

func TestZeroMap(t *testing.T) {
	p := newPair()
	p.check(t)
	p.get(t, "a")
	p.delete(t, "a")
	p.scan(t, nil, nil)
	c := p.clone()
	c.set(t, "a", 1)
	c.check(t)
	p.check(t)
	p.get(t, "a")
}

// TestRandomPrograms runs random programs on several maps that were cloned from each other,
// beside their models. After each step the map that was changed must be a sound tree, and now
// and then all of them must equal their models.
func TestRandomPrograms(t *testing.T) {
	for seed := range uint64(32) {
		t.Run(fmt.Sprint("seed", seed), func(t *testing.T) { randomProgram(t, seed) })
	}
}

func randomProgram(t *testing.T, seed uint64) {
	const steps, most = 1500, 5
	r := rand.New(rand.NewPCG(seed, 1))
	keys := []int{4, 100, 600, 3000}[seed%4]
	pairs := []*pair{newPair()}
	for step := range steps {
		p := pairs[r.IntN(len(pairs))]
		key := randomKey(r, keys)
		switch op := r.IntN(100); {
		case op < 2:
			c := p.clone()
			if len(pairs) < most {
				pairs = append(pairs, c)
			} else {
				pairs[r.IntN(most)] = c
			}
		case op < 4:
			p.scan(t, randomBound(r, keys), randomBound(r, keys))
		case op < 20:
			p.get(t, key)
		case op < growth(step, steps):
			p.set(t, key, step)
			p.check(t)
		default:
			p.delete(t, key)
			p.check(t)
		}
		if step%100 == 99 {
			for _, p := range pairs {
				p.check(t)
				p.scan(t, nil, nil)
			}
		}
	}
}

// growth lets maps grow for two thirds of a program, and then shrink.
func growth(step, steps int) int {
	if step < steps*2/3 {
		return 90
	}
	return 30
}

// TestDeepTree grows trees of three and four levels in several orders and takes them down
// again, while a clone of the full tree must stay as it was.
func TestDeepTree(t *testing.T) {
	const n = 30_000
	orders := map[string]func(i int) int{
		"up":       func(i int) int { return i },
		"down":     func(i int) int { return n - 1 - i },
		"shuffled": func(i int) int { return i * 48271 % n }, // 48271 is prime to n
	}
	for up, upOrder := range orders {
		for down, downOrder := range orders {
			t.Run(up+"/"+down, func(t *testing.T) {
				t.Parallel()
				growAndShrink(t, n, upOrder, downOrder)
			})
		}
	}
}

func growAndShrink(t *testing.T, n int, up, down func(i int) int) {
	var m Map[int]
	for i := range n {
		m.Set(number(up(i)), up(i))
	}
	if _, depth, err := m.root.check(nil, nil, true); depth < 3 || err != nil {
		t.Fatalf("depth %d, error %v", depth, err)
	}
	full := m.Clone()
	for i := range n {
		if !m.Delete(number(down(i))) {
			t.Fatalf("%d was not there", down(i))
		}
		if i%(n/16) == 0 || m.Len() < 3*maxItems {
			if err := m.check(); err != nil {
				t.Fatalf("after %d deletes: %v", i+1, err)
			}
		}
	}
	if m.root != nil {
		t.Error("an empty map has a root")
	}
	checkNumbers(t, &full, n)
}

// number encodes n so that the order of numbers is that of their encodings.
func number(n int) []byte { return binary.BigEndian.AppendUint32(nil, uint32(n)) }

// checkNumbers finds exactly the numbers below n in m, forwards and backwards.
func checkNumbers(t *testing.T, m *Map[int], n int) {
	t.Helper()
	if err := m.check(); err != nil {
		t.Error(err)
	}
	up, down := m.Scan(nil, nil, false), m.Scan(nil, nil, true)
	for i := range n {
		if _, v, ok := up.Next(); !ok || v != i {
			t.Fatalf("row %d is %d, %v", i, v, ok)
		}
		if _, v, ok := down.Next(); !ok || v != n-1-i {
			t.Fatalf("row %d from the end is %d, %v", i, v, ok)
		}
		if v, ok := m.Get(number(i)); !ok || v != i {
			t.Fatalf("Get(%d) = %d, %v", i, v, ok)
		}
	}
	if _, _, ok := up.Next(); ok {
		t.Error("a row after the last")
	}
	if _, _, ok := down.Next(); ok {
		t.Error("a row before the first")
	}
}

// TestSetKeepsTheNewKey: callers put key and value into one allocation, so the old key would
// keep the old value alive.
func TestSetKeepsTheNewKey(t *testing.T) {
	var m Map[int]
	for i := range 1000 {
		m.Set(number(i), i)
	}
	for i := range 1000 {
		key := number(i)
		m.Set(key, i)
		c := m.Scan(key, nil, false)
		if got, _, _ := c.Next(); &got[0] != &key[0] {
			t.Fatalf("the map kept the old slice of key %d", i)
		}
	}
}

// TestCopiesOnlyWhatChanges: a change after Clone copies the way to the row, and nothing if
// there is no change.
func TestCopiesOnlyWhatChanges(t *testing.T) {
	var m Map[int]
	for i := range 10_000 {
		m.Set(number(i), i)
	}
	c := m.Clone()
	if m.Delete(number(10_000)); m.root != c.root {
		t.Error("deleting an absent key copied the root")
	}
	m.Set(number(0), 1)
	if m.root == c.root {
		t.Fatal("a change after Clone went to the shared root")
	}
	last := len(m.root.children) - 1
	if m.root.children[last] != c.root.children[last] {
		t.Error("a change of the first row copied the last child of the root")
	}
	root := m.root
	if m.Set(number(0), 2); m.root != root {
		t.Error("a node that the map owns was copied")
	}
}

// TestConcurrentClones: a writer hands clones to readers and goes on. Each clone has the
// numbers below its length. Readers share a clone, scan it, and clone it again for changes of
// their own. Run with -race.
func TestConcurrentClones(t *testing.T) {
	const rounds, rows = 50, 100
	clones := make(chan *Map[int])
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for shared := range clones {
				var pair sync.WaitGroup
				for range 2 {
					pair.Go(func() { useClone(t, shared) })
				}
				pair.Wait()
			}
		})
	}
	var m Map[int]
	for range rounds {
		for range rows {
			m.Set(number(m.Len()), m.Len())
		}
		for i := range rows / 2 { // leaves no trace, but moves items between nodes
			v := m.Len() - 1 - i*2%m.Len()
			m.Delete(number(v))
			m.Set(number(v), v)
		}
		c := m.Clone()
		clones <- &c
	}
	close(clones)
	readers.Wait()
	checkNumbers(t, &m, rounds*rows)
}

func useClone(t *testing.T, shared *Map[int]) {
	own := shared.Clone()
	n := own.Len()
	for i := 0; i < n; i += 2 {
		own.Delete(number(i))
	}
	for i := range n {
		if v, ok := shared.Get(number(i)); !ok || v != i {
			t.Errorf("Get(%d) = %d, %v in a clone of %d rows", i, v, ok, n)
			return
		}
	}
	c := shared.Scan(nil, nil, true)
	for i := n - 1; i >= 0; i-- {
		if _, v, ok := c.Next(); !ok || v != i {
			t.Errorf("row %d is %d, %v in a clone of %d rows", i, v, ok, n)
			return
		}
	}
	if err := own.check(); err != nil || own.Len() != n/2 {
		t.Errorf("half of %d rows: %d, error %v", n, own.Len(), err)
	}
}

func TestAllocations(t *testing.T) {
	var m Map[[]byte]
	for i := range 100_000 {
		m.Set(number(i), nil)
	}
	key, low, high := number(77_777), number(100), number(300)
	tests := []struct {
		name string
		most float64
		run  func()
	}{
		{"Get", 0, func() { m.Get(key) }},
		{"Set of a present key", 0, func() { m.Set(key, nil) }},
		{"Scan of 200 rows", 0, func() {
			c := m.Scan(low, high, false)
			for _, _, ok := c.Next(); ok; _, _, ok = c.Next() {
			}
		}},
		{"Clone", 0, func() { m.Clone() }},
		// the token and a node per level
		{"Set after Clone", 1 + 4, func() { m.Clone(); m.Set(key, nil) }},
	}
	for _, test := range tests {
		if got := testing.AllocsPerRun(100, test.run); got > test.most {
			t.Errorf("%s allocates %v times, want at most %v", test.name, got, test.most)
		}
	}
}
