// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"bytes"
	"slices"
	"sync"
)

// KeyPool keeps the memory in which the keys of maps of one type are sorted.
type KeyPool[K comparable] struct {
	Compare func(a, b K) int
	pool    sync.Pool // of *[]K
}

// Sorted returns the keys of a map in order. Done takes them back.
func Sorted[K comparable, V any, M ~map[K]V](p *KeyPool[K], m M) *[]K {
	keys, ok := p.pool.Get().(*[]K)
	if !ok {
		keys = new([]K)
	}
	for k := range m {
		*keys = append(*keys, k)
	}
	slices.SortFunc(*keys, p.Compare)
	return keys
}

// Done takes back what Sorted returned.
func (p *KeyPool[K]) Done(keys *[]K) {
	clear(*keys)
	*keys = (*keys)[:0]
	p.pool.Put(keys)
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
