// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"bytes"
	"slices"
	"sync"
)

// MapPool reuses the memory in which maps of one type are sorted.
type MapPool[K comparable, V any] struct {
	Compare func(a, b K) int // the order of the keys
	pool    sync.Pool        // of *[]Pair[K, V]
}

// Pair is a key of a map and its value.
type Pair[K comparable, V any] struct {
	Key   K // of the map
	Value V // of the key
}

// Sorted returns the pairs of a map, in the order of the keys. Done takes them back.
func Sorted[K comparable, V any, M ~map[K]V](p *MapPool[K, V], m M) *[]Pair[K, V] {
	pairs, ok := p.pool.Get().(*[]Pair[K, V])
	if !ok {
		pairs = new([]Pair[K, V])
	}
	for k, v := range m {
		*pairs = append(*pairs, Pair[K, V]{k, v})
	}
	slices.SortFunc(*pairs, func(a, b Pair[K, V]) int { return p.Compare(a.Key, b.Key) })
	return pairs
}

// Done takes back what Sorted returned.
func (p *MapPool[K, V]) Done(pairs *[]Pair[K, V]) {
	clear(*pairs)
	*pairs = (*pairs)[:0]
	p.pool.Put(pairs)
}

// CompareBools is the order of bools as keys: false is first.
func CompareBools[T ~bool](a, b T) int {
	switch {
	case a == b:
		return 0
	case bool(b):
		return -1
	}
	return 1
}

// CompareArrays is the order of arrays of bytes as keys.
func CompareArrays(a, b []byte) int { return bytes.Compare(a, b) }
