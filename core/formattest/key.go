// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package formattest

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/guardkv/guardkv/core"
)

// asValue is a key format as a value format.
type asValue[K any] struct{ core.KeyFormat[K] }

func (f asValue[K]) View(b []byte) (K, error) { return f.Decode(b) }

type keySuite[K any] struct {
	*suite[K, K]
	keys    core.KeyFormat[K]
	compare func(a, b K) int // nil if there is no order
}

func newKeySuite[K any](f core.KeyFormat[K], x KeyExtras[K], samples []K) (*keySuite[K], error) {
	compare := x.Compare
	if compare == nil {
		compare = naturalOrder[K]()
	}
	same := x.Same
	if same == nil && compare != nil {
		same = func(a, b K) bool { return compare(a, b) == 0 }
	}
	s, err := newSuite(asValue[K]{f}, Extras[K, K]{Same: same, Borrows: x.Borrows}, samples)
	if err != nil {
		return nil, err
	}
	return &keySuite[K]{s, f, compare}, nil
}

// some returns the samples, and keys that damaged encodings decode to: those are often close to each other.
func (s *keySuite[K]) some() []good[K] {
	const most = 300
	all := slices.Clone(s.good)
	for _, b := range inputs(s.encodings()) {
		if len(all) >= most {
			break
		}
		k, err := s.read(b)
		if err != nil {
			continue
		}
		if again, err := s.encode(k); err == nil {
			all = append(all, good[K]{k, again, k})
		}
	}
	return all
}

func (s *keySuite[K]) eachPair(fn func(a, b good[K]) error) error {
	keys := s.some()
	for i, a := range keys {
		for _, b := range keys[i:] {
			if err := fn(a, b); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *keySuite[K]) equality() error {
	return s.eachPair(func(a, b good[K]) error {
		if bytes.Equal(a.encoded, b.encoded) == s.same(a.value, b.value) {
			return nil
		}
		return fmt.Errorf("%s is encoded as %s, %s as %s",
			showValue(a.value), show(a.encoded), showValue(b.value), show(b.encoded))
	})
}

func (s *keySuite[K]) order() error {
	if s.compare == nil {
		return errors.New("KeyExtras.Compare is needed: the format is ordered, and the order of its keys is not known")
	}
	return s.eachPair(func(a, b good[K]) error {
		if cmp.Compare(s.compare(a.value, b.value), 0) == bytes.Compare(a.encoded, b.encoded) {
			return nil
		}
		return fmt.Errorf("%s is encoded as %s, %s as %s: they compare %d, their encodings %d", showValue(a.value), show(a.encoded),
			showValue(b.value), show(b.encoded), s.compare(a.value, b.value), bytes.Compare(a.encoded, b.encoded))
	})
}

func (s *keySuite[K]) canonical(b []byte) error {
	k, err := s.read(b)
	if err != nil {
		return nil
	}
	again, err := s.encode(k)
	if err != nil {
		return fmt.Errorf("%s decodes to %s, which cannot be encoded: %w", show(b), showValue(k), err)
	}
	if !bytes.Equal(again, b) {
		return fmt.Errorf("%s decodes to %s, which is encoded as %s", show(b), showValue(k), show(again))
	}
	return nil
}

// prefix tests the ranges of keys that are strings or bytes.
func (s *keySuite[K]) prefix(p core.Prefixer[K]) error {
	text := keyText[K]()
	return s.eachPair(func(a, b good[K]) error {
		for _, x := range [][2]good[K]{{a, b}, {b, a}} {
			start, k := x[0], x[1]
			r := p.Prefix(start.value)
			low, high, _ := r.Bounds()
			if err := r.MadeBy(s.keys.ID()); err != nil { // so does a scan
				return fmt.Errorf("the range of %s: %w", showValue(start.value), err)
			}
			in := bytes.Compare(k.encoded, low) >= 0 && (high == nil || bytes.Compare(k.encoded, high) < 0)
			if in != strings.HasPrefix(text(k.value), text(start.value)) {
				return fmt.Errorf("the range of %s is from %s to %s; that of the key %s is %s",
					showValue(start.value), show(low), show(high), showValue(k.value), show(k.encoded))
			}
		}
		return nil
	})
}
