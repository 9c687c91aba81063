// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package keys

import (
	"slices"

	"github.com/guardkv/guardkv/core"
)

// The ranges of composite keys. An encoding that failed becomes a range that carries the error to the scan.

func failedRange[K any](err error) core.KeyRange[K] { return core.NewKeyRange[K](nil, nil, err) }

func prefixRange[K any](prefix []byte, err error) core.KeyRange[K] {
	if err != nil {
		return failedRange[K](err)
	}
	return core.NewPrefixRange[K](prefix)
}

// rangeBetween is the range of keys whose leading component is in [low, high). Part encodings end themselves, so
// the encoding of a component is the bound of all keys that begin with it.
func rangeBetween[K, A any](low, high A, encode func([]byte, A) ([]byte, error)) core.KeyRange[K] {
	from, err := encode(nil, low)
	if err != nil {
		return failedRange[K](err)
	}
	to, err := encode(nil, high)
	return core.NewKeyRange[K](from, to, err)
}

// lastPrefix is the range of keys that begin with head and whose last component, the standalone one behind head, starts
// with k.
func lastPrefix[K, L any](head []byte, err error, last Part[L], k L) core.KeyRange[K] {
	if err != nil {
		return failedRange[K](err)
	}
	p, ok := last.(core.Prefixer[L])
	if !ok {
		return failedRange[K](noPrefix(last.ID()))
	}
	low, high, err := p.Prefix(k).Bounds()
	if err != nil {
		return failedRange[K](err)
	}
	if high == nil {
		_, end, _ := core.NewPrefixRange[K](head).Bounds()
		return core.NewKeyRange[K](slices.Concat(head, low), end, nil)
	}
	return core.NewKeyRange[K](slices.Concat(head, low), slices.Concat(head, high), nil)
}
