// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package remote

import (
	"bytes"
	"maps"
	"slices"
	"sync"
)

// notes record what was read through a snapshot. If there are too many, neighbors are joined to
// one range.
type notes struct {
	mu    sync.Mutex
	most  int // notes that taken returns; 0 if nothing is noted
	due   int // with more notes than this, shrink is due
	reads []Read
	spans []Span
	open  map[*cursor]struct{} // cursors that note what they pass when they are closed
}

// rows notes what was found at keys. Both are in order.
func (n *notes) rows(keys [][]byte, rows []Row) {
	if n.most <= 0 {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, key := range keys {
		row, found := find(rows, key)
		if !found {
			row.Key = bytes.Clone(key)
		}
		n.reads = append(n.reads, Read{row, found})
	}
	n.added()
}

// span notes that a cursor passed over a range.
func (n *notes) span(s Span) {
	if n.most <= 0 {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.spans = append(n.spans, s)
	n.added()
}

// opened is called for every cursor that is opened.
func (n *notes) opened(c *cursor) {
	if n.most <= 0 {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.open == nil {
		n.open = make(map[*cursor]struct{})
	}
	n.open[c] = struct{}{}
}

// closed is called for every cursor that is closed.
func (n *notes) closed(c *cursor) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.open, c)
}

// taken returns what was noted, and what open cursors have passed: a transaction closes the
// cursors that its function has left open only after it has written.
func (n *notes) taken() ([]Read, []Span) {
	n.mu.Lock()
	open := slices.Collect(maps.Keys(n.open))
	n.mu.Unlock()
	for _, c := range open {
		c.note()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.shrink()
	return n.reads, n.spans
}

func (n *notes) len() int { return len(n.reads) + len(n.spans) }

// added reduces the notes when there are many, which is rare.
func (n *notes) added() {
	if n.len() > max(n.due, 2*n.most) {
		n.shrink()
		n.due = 2 * n.len()
	}
}

// shrink leaves no more notes than there may be, but at least one for each table.
func (n *notes) shrink() {
	n.tidy()
	for before := 0; n.len() > n.most && n.len() != before; {
		before = n.len()
		n.halve()
	}
}

// tidy puts the notes in order, joins spans that overlap, and drops reads that are in one.
func (n *notes) tidy() {
	slices.SortFunc(n.spans, func(a, b Span) int { return bytes.Compare(a.Low, b.Low) })
	joined := n.spans[:0]
	for _, s := range n.spans {
		if last := len(joined) - 1; last >= 0 && joined[last].touches(s) {
			joined[last].High = higher(joined[last].High, s.High)
		} else {
			joined = append(joined, s)
		}
	}
	n.spans = joined
	slices.SortFunc(n.reads, func(a, b Read) int { return bytes.Compare(a.Key, b.Key) })
	n.reads = slices.CompactFunc(n.reads, func(a, b Read) bool { return bytes.Equal(a.Key, b.Key) })
	n.reads = slices.DeleteFunc(n.reads, func(r Read) bool { return n.passed(r.Key) })
}

// passed reports whether a key is in one of the spans, which are tidy.
func (n *notes) passed(key []byte) bool {
	i, found := slices.BinarySearchFunc(n.spans, key,
		func(s Span, key []byte) int { return bytes.Compare(s.Low, key) })
	if !found {
		i-- // the last one that begins before the key
	}
	return i >= 0 && (n.spans[i].High == nil || bytes.Compare(key, n.spans[i].High) < 0)
}

// halve joins neighbors within a table in pairs, whatever lies between them. Then all of them
// are spans.
func (n *notes) halve() {
	for _, r := range n.reads {
		n.spans = append(n.spans, Span{r.Key, successor(r.Key)})
	}
	n.reads = nil
	slices.SortFunc(n.spans, func(a, b Span) int { return bytes.Compare(a.Low, b.Low) })
	half := n.spans[:0]
	for i := 0; i < len(n.spans); i++ {
		s := n.spans[i]
		if i+1 < len(n.spans) && sameTable(s.Low, n.spans[i+1].Low) {
			i++
			s.High = n.spans[i].High
		}
		half = append(half, s)
	}
	n.spans = half
}

// sameTable reports whether two keys begin with the number of the same table.
func sameTable(a, b []byte) bool {
	const number = 4
	return len(a) >= number && len(b) >= number && bytes.Equal(a[:number], b[:number])
}

// touches reports whether t, which does not begin before s, overlaps s or begins where s ends.
func (s Span) touches(t Span) bool { return s.High == nil || bytes.Compare(t.Low, s.High) <= 0 }

// higher returns the higher of two upper bounds.
func higher(a, b []byte) []byte {
	if a == nil || b != nil && bytes.Compare(a, b) >= 0 {
		return a
	}
	return b
}
