// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package keys

import (
	"bytes"
	"fmt"

	"github.com/guardkv/guardkv/core"
)

// To scan a range of keys, an engine needs two byte strings: the lowest encoding in the range,
// and the first one past it. This file computes them. A key is encoded differently alone and as
// a component of a composite key, so a span keeps bounds for both.

// bounds are encoded bounds of a range: low is inclusive, high exclusive. nil is no bound.
type bounds struct{ low, high []byte }

func (b bounds) equal(c bounds) bool {
	return bytes.Equal(b.low, c.low) && bytes.Equal(b.high,
		c.high) && (b.high == nil) == (c.high == nil)
}

// span is a range of keys without their type. Formats that wrap others make their ranges from
// it.
//
// No part encoding is a proper prefix of a bound in part. So what follows a component never decides
// on which side of such a bound a key is.
type span struct {
	alone   bounds // of the keys as Append encodes them
	part    bounds // of the keys as AppendPart encodes them
	partErr error  // why part is not known
	err     error  // why there is no range
}

// spanOf returns the span of a range, which the format with this ID must have made.
func spanOf[K any](r core.KeyRange[K], id string) (s span) {
	if err := r.MadeBy(id); err != nil {
		return span{err: err}
	}
	s.alone.low, s.alone.high, _ = r.Bounds()
	s.part.low, s.part.high, s.partErr = r.PartBounds()
	return s
}

// made returns the range of a format. If something failed, the range carries the error to the scan.
func made[K any](id string, ordered bool, s span) core.KeyRange[K] {
	if !ordered {
		return core.NewKeyRange[K](id, nil, nil,
			fmt.Errorf("%w: keys in %s have no order", core.ErrUnordered, id))
	}
	r := core.NewKeyRange[K](id, s.alone.low, s.alone.high, s.err)
	if s.partErr == nil {
		return r.WithPart(s.part.low, s.part.high)
	}
	return r
}

// both returns the span whose bounds are the same alone and as a part.
func both(low, high []byte, err error) span {
	b := bounds{low, high}
	return span{alone: b, part: b, err: err}
}

// beginning returns the span of the keys whose encodings, alone and as a part, begin with
// prefix.
func beginning(prefix []byte, err error) span { return both(prefix, prefixEnd(prefix), err) }

// prefixEnd returns the least byte string that is above all that start with p, or nil if there
// is none.
func prefixEnd(p []byte) []byte {
	_, end, _ := core.NewPrefixRange[struct{}]("", p).Bounds()
	return end
}

// prefixOf returns the span of the keys of p that start with k.
func prefixOf[K any](p Part[K], k K) span {
	q, ok := p.(core.Prefixer[K])
	if !ok {
		return span{err: noPrefix(p.ID())}
	}
	s := spanOf(q.Prefix(k), p.ID())
	if s.err == nil && s.partErr != nil { // a part of another package
		in := partPrefixOf(p, k)
		s.part, s.partErr = in.part, in.err
	}
	return s
}

// partPrefixOf returns the span of the keys whose first component, encoded by p, starts with k.
func partPrefixOf[K any](p Part[K], k K) span { return beginning(appendPartPrefix(nil, p, k)) }

// between returns the span of the keys of p that are low or above, and below high.
func between[K any](p Part[K], low, high K) span {
	s := partBetween(p, low, high)
	if s.err == nil {
		s.alone = bounds{}
		if s.alone.low, s.err = p.Append([]byte{}, low); s.err == nil {
			s.alone.high, s.err = p.Append([]byte{}, high)
		}
	}
	return s
}

// partBetween returns the span of the keys whose first component, encoded by p, is low or above,
// and below high. Part encodings mark their own end, so the encoding of a component bounds all keys
// that begin with it.
func partBetween[K any](p Part[K], low, high K) span {
	from, err := p.AppendPart([]byte{}, low)
	if err != nil {
		return span{err: err}
	}
	to, err := p.AppendPart([]byte{}, high)
	return both(from, to, err)
}

// leading returns the span of the keys whose first component is in s.
func (s span) leading() span {
	if s.err == nil {
		s.err = s.partErr
	}
	return both(s.part.low, s.part.high, s.err)
}

// behind returns the span of the keys that consist of head followed by a key in s.
func (s span) behind(head []byte, err error) span {
	switch {
	case err != nil:
		return span{err: err}
	case s.err != nil:
		return s
	}
	same := s.partErr == nil && s.part.equal(s.alone)
	s.alone = s.alone.behind(head)
	if same {
		s.part = s.alone
	} else if s.partErr == nil {
		s.part = s.part.behind(head)
	}
	return s
}

func (b bounds) behind(head []byte) bounds {
	if b.high == nil {
		return bounds{join(head, b.low), prefixEnd(head)}
	}
	return bounds{join(head, b.low), join(head, b.high)}
}

// inverted returns the span of the keys in s for a format that inverts the bits of their part
// encodings, also in keys that stand alone. Inverting reverses the order of any two byte strings,
// unless one is a prefix of the other. Encodings that begin with a bound stay on the same side of
// it, so the new bounds must lie past them.
func (s span) inverted() span {
	s = s.leading()
	if s.err != nil {
		return s
	}
	var low, high []byte
	if s.part.high != nil {
		if low = prefixEnd(inversion(s.part.high)); low == nil { // nothing is below the old bound
			return both([]byte{}, []byte{}, nil)
		}
	}
	if s.part.low != nil {
		high = prefixEnd(inversion(s.part.low))
	}
	return both(low, high, nil)
}

// join returns a followed by b in new memory. The result is never nil.
func join(a, b []byte) []byte { return append(append(make([]byte, 0, len(a)+len(b)), a...), b...) }
