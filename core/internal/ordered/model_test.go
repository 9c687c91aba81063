// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package ordered

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// pair is a map beside the model that it must equal.
type pair struct {
	m     Map[int]
	model map[string]int
}

func newPair() *pair { return &pair{model: map[string]int{}} }

func (p *pair) clone() *pair {
	c := &pair{m: p.m.Clone(), model: make(map[string]int, len(p.model))}
	for k, v := range p.model {
		c.model[k] = v
	}
	return c
}

func (p *pair) set(t *testing.T, key string, v int) {
	t.Helper()
	old, replaced := p.m.Set([]byte(key), v)
	want, had := p.model[key]
	if old != want || replaced != had {
		t.Fatalf("Set(%q) replaced %d, %v; want %d, %v", key, old, replaced, want, had)
	}
	p.model[key] = v
}

func (p *pair) delete(t *testing.T, key string) {
	t.Helper()
	got := p.m.Delete([]byte(key))
	if _, had := p.model[key]; got != had {
		t.Fatalf("Delete(%q) = %v, want %v", key, got, had)
	}
	delete(p.model, key)
}

func (p *pair) get(t *testing.T, key string) {
	t.Helper()
	got, ok := p.m.Get([]byte(key))
	if want, had := p.model[key]; got != want || ok != had {
		t.Fatalf("Get(%q) = %d, %v; want %d, %v", key, got, ok, want, had)
	}
}

// scan compares the rows of a range in both directions.
func (p *pair) scan(t *testing.T, low, high []byte) {
	t.Helper()
	want := p.keys(low, high)
	p.compare(t, p.m.Scan(low, high, false), want, low, high)
	slices.Reverse(want)
	p.compare(t, p.m.Scan(low, high, true), want, low, high)
}

func (p *pair) keys(low, high []byte) []string {
	keys := []string{}
	for k := range p.model {
		if k >= string(low) && (high == nil || k < string(high)) {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}

func (p *pair) compare(t *testing.T, c Cursor[int], want []string, low, high []byte) {
	t.Helper()
	for i, w := range want {
		k, v, ok := c.Next()
		if !ok || string(k) != w || v != p.model[w] {
			t.Fatalf("scan from %q to %q, reverse %v: row %d is %q: %d, %v; want %q: %d",
				low, high, c.reverse, i, k, v, ok, w, p.model[w])
		}
	}
	for range 2 {
		if k, v, ok := c.Next(); ok || k != nil || v != 0 {
			t.Fatalf("scan from %q to %q, reverse %v: %q: %d after the end",
				low, high, c.reverse, k, v)
		}
		if c.depth != 0 {
			t.Fatalf("scan from %q to %q, reverse %v: the cursor goes on behind the end",
				low, high, c.reverse)
		}
	}
}

func (p *pair) check(t *testing.T) {
	t.Helper()
	if err := p.m.check(); err != nil {
		t.Fatal(err)
	}
	if p.m.Len() != len(p.model) {
		t.Fatalf("Len() = %d, want %d", p.m.Len(), len(p.model))
	}
}

// check returns what is wrong with the tree.
func (m *Map[V]) check() error {
	if m.root == nil {
		if m.len != 0 {
			return fmt.Errorf("no root, but length %d", m.len)
		}
		return nil
	}
	if len(m.root.items) == 0 {
		return fmt.Errorf("the root is empty")
	}
	count, _, err := m.root.check(nil, nil, true)
	if err == nil && count != m.len {
		err = fmt.Errorf("%d items, but length %d", count, m.len)
	}
	return err
}

// check looks at everything under n, whose keys must be after low and before high.
func (n *node[V]) check(low, high []byte, root bool) (count, depth int, err error) {
	if err := n.checkItems(low, high, root); err != nil {
		return 0, 0, err
	}
	count = len(n.items)
	if n.leaf() {
		return count, 1, nil
	}
	if len(n.children) != len(n.items)+1 {
		return 0, 0, fmt.Errorf("%d items, but %d children", len(n.items), len(n.children))
	}
	for _, c := range n.children[len(n.children):cap(n.children)] {
		if c != nil {
			return 0, 0, fmt.Errorf("a child stays alive behind the last one")
		}
	}
	for i, c := range n.children {
		l, h := low, high
		if i > 0 {
			l = n.items[i-1].key
		}
		if i < len(n.items) {
			h = n.items[i].key
		}
		k, d, err := c.check(l, h, false)
		if err != nil {
			return 0, 0, err
		}
		if i > 0 && d != depth {
			return 0, 0, fmt.Errorf("leaves at depths %d and %d", depth, d)
		}
		count, depth = count+k, d
	}
	return count, depth + 1, nil
}

func (n *node[V]) checkItems(low, high []byte, root bool) error {
	if l := len(n.items); l > maxItems || l < minItems && !root {
		return fmt.Errorf("%d items in a node", l)
	}
	if cap(n.items) > maxItems || cap(n.children) > maxItems+1 {
		return fmt.Errorf("a node outgrew its room")
	}
	for i, it := range n.items {
		if i > 0 {
			low = n.items[i-1].key
		}
		if low != nil && bytes.Compare(low,
			it.key) >= 0 || high != nil && bytes.Compare(it.key, high) >= 0 {
			return fmt.Errorf("key %q is not between %q and %q", it.key, low, high)
		}
	}
	for _, it := range n.items[len(n.items):cap(n.items)] {
		if it.key != nil {
			return fmt.Errorf("key %q stays alive behind the last item", it.key)
		}
	}
	return nil
}

// randomKey returns one of some n keys, of different lengths, many of them prefixes of others.
// One is empty.
func randomKey(r *rand.Rand, n int) string {
	k := fmt.Sprintf("%x", r.IntN(n))
	switch {
	case k == "0":
		return ""
	case len(k) > 2 && k[0] == 'f':
		return "\xff\xff" + k[1:]
	}
	return k
}

// randomBound returns a key, or nil.
func randomBound(r *rand.Rand, n int) []byte {
	if r.IntN(5) == 0 {
		return nil
	}
	return append([]byte{}, randomKey(r, n)...)
}
