// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package keys

import (
	"encoding/binary"
	"sync"

	"github.com/guardkv/guardkv/core"
)

// Desc is a format in the reverse order of part: keys.Desc(keys.Time()) has the newest time first. A decoded key
// owns its memory, even where part is a view.
func Desc[K any](part Part[K]) Part[K] {
	need("Desc", "only", part)
	return desc[K]{part, isOwned(part)}
}

// desc stores the part encoding with all bits inverted. Since no part encoding is a prefix of another, any two of them
// differ in some byte, and there the order is reversed. Standalone encodings may be prefixes of each other.
type desc[K any] struct {
	part    Part[K]
	recycle bool // no decoded key refers to the bytes that part decodes
}

var (
	_ core.Prefixer[string] = desc[string]{}
	_ PartPrefixer[string]  = desc[string]{}
)

func (f desc[K]) ID() string    { return "desc(" + f.part.ID() + ")" }
func (f desc[K]) Ordered() bool { return f.part.Ordered() }
func (f desc[K]) Owned() bool   { return true }

func (f desc[K]) Append(dst []byte, k K) ([]byte, error) { return f.AppendPart(dst, k) }

func (f desc[K]) AppendPart(dst []byte, k K) ([]byte, error) {
	n := len(dst)
	dst, err := f.part.AppendPart(dst, k)
	return invertFrom(dst, n, err)
}

func (f desc[K]) AppendPartPrefix(dst []byte, k K) ([]byte, error) {
	n := len(dst)
	dst, err := appendPartPrefix(dst, f.part, k)
	return invertFrom(dst, n, err)
}

// Prefix returns the range of all keys that start with k, if part has prefixes.
func (f desc[K]) Prefix(k K) core.KeyRange[K] {
	return prefixRange[K](f.AppendPartPrefix(nil, k))
}

func (f desc[K]) Decode(b []byte) (k K, err error) {
	d, rest, err := f.TakePart(b)
	if err == nil && len(rest) > 0 {
		err = corrupt(f.ID(), "has %d bytes too many", len(rest))
	}
	if err != nil {
		return k, err
	}
	return d, nil
}

func (f desc[K]) TakePart(b []byte) (k K, rest []byte, err error) {
	if !f.recycle {
		return f.take(b, make([]byte, len(b)))
	}
	buf := inverted.Get().(*[]byte)
	defer inverted.Put(buf)
	*buf = append((*buf)[:0], b...)
	return f.take(b, *buf)
}

func (f desc[K]) take(b, buf []byte) (k K, rest []byte, err error) {
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
