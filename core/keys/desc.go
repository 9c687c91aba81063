// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package keys

import (
	"encoding/binary"
	"sync"

	"github.com/guardkv/guardkv/core"
)

// DescFormat is the format of keys in reverse order. [Desc] makes it.
//
// It stores the part encoding with all bits inverted. Since no part encoding is a prefix of
// another, any two of them differ in some byte, and inverting it reverses their order.
// Standalone encodings would not do, since one may be a prefix of another.
type DescFormat[K any] struct {
	part    Part[K]
	id      string
	recycle bool // no decoded key refers to the bytes that part decodes
}

var (
	_ Part[string]          = DescFormat[string]{}
	_ Owner                 = DescFormat[string]{}
	_ core.KeyChecker       = DescFormat[string]{}
	_ core.Prefixer[string] = DescFormat[string]{}
	_ PartPrefixer[string]  = DescFormat[string]{}
)

// Desc is a format in the reverse order of part: keys.Desc(keys.Time()) has the newest time first.
// A decoded key owns its memory, even where part is a view.
func Desc[K any](part Part[K]) DescFormat[K] {
	need("Desc", "only", part)
	return DescFormat[K]{part, composite("desc", part.ID()), isOwned(part)}
}

// ID is desc(part).
func (f DescFormat[K]) ID() string { return f.id }

// Ordered is true if part is ordered, as all formats of this package are.
func (f DescFormat[K]) Ordered() bool { return f.part.Ordered() }

// Owned implements [Owner]. It is true.
func (f DescFormat[K]) Owned() bool { return true }

// CheckKey returns why part cannot be a key, if it knows.
func (f DescFormat[K]) CheckKey() error { return checkPart(f.part) }

// Append does what AppendPart does: both encodings are the same.
func (f DescFormat[K]) Append(dst []byte, k K) ([]byte, error) { return f.AppendPart(dst, k) }

// AppendPart appends k as a part, inverted.
func (f DescFormat[K]) AppendPart(dst []byte, k K) ([]byte, error) {
	n := len(dst)
	dst, err := f.part.AppendPart(dst, k)
	return invertFrom(dst, n, err)
}

// AppendPartPrefix appends, inverted, the bytes that begin the part encodings of all keys that
// start with k.
func (f DescFormat[K]) AppendPartPrefix(dst []byte, k K) ([]byte, error) {
	n := len(dst)
	dst, err := appendPartPrefix(dst, f.part, k)
	return invertFrom(dst, n, err)
}

// Prefix is the range of all keys that start with k, if part has prefixes.
func (f DescFormat[K]) Prefix(k K) core.KeyRange[K] {
	return made[K](f.id, f.Ordered(), beginning(f.AppendPartPrefix(nil, k)))
}

// Range is the range that holds the same keys as r, a range that part made. If pair is a [Pair],
// keys.Desc(pair).Range(pair.First(x)) has the keys whose first component is x.
func (f DescFormat[K]) Range(r core.KeyRange[K]) core.KeyRange[K] {
	return made[K](f.id, f.Ordered(), spanOf(r, f.part.ID()).inverted())
}

// Decode decodes what Append appended, and nothing else.
func (f DescFormat[K]) Decode(b []byte) (k K, err error) {
	d, rest, err := f.TakePart(b)
	if err == nil && len(rest) > 0 {
		err = corrupt(f.id, "has %d bytes too many", len(rest))
	}
	if err != nil {
		return k, err
	}
	return d, nil
}

// TakePart takes what AppendPart appended, and nothing else.
func (f DescFormat[K]) TakePart(b []byte) (k K, rest []byte, err error) {
	if !f.recycle {
		return f.take(b, make([]byte, len(b)))
	}
	buf := inverted.Get().(*[]byte)
	defer inverted.Put(buf)
	*buf = append((*buf)[:0], b...)
	return f.take(b, *buf)
}

func (f DescFormat[K]) take(b, buf []byte) (k K, rest []byte, err error) {
	invert(buf, b)
	k, rest, err = f.part.TakePart(buf)
	if err != nil {
		return k, nil, err
	}
	return k, b[len(b)-len(rest):], nil
}

// inverted holds *[]byte that keys are inverted into for decoding.
var inverted = sync.Pool{New: func() any { return new([]byte) }}

func invertFrom(dst []byte, n int, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	invert(dst[n:], dst[n:])
	return dst, nil
}

// inversion returns the inverted bytes of b in new memory.
func inversion(b []byte) []byte {
	c := make([]byte, len(b))
	invert(c, b)
	return c
}

// invert writes the inverted bytes of src to dst, which has the same length and may be src.
func invert(dst, src []byte) {
	for len(src) >= 8 {
		binary.NativeEndian.PutUint64(dst, ^binary.NativeEndian.Uint64(src))
		dst, src = dst[8:], src[8:]
	}
	for i := range src {
		dst[i] = ^src[i]
	}
}
