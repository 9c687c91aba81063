// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package formattest

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/guardkv/guardkv/core"
)

// keySuite is the suite of a key format.
type keySuite struct {
	*suite
	keys    keyFormat
	compare func(a, b any) int // nil if there is no order
	text    func(k any) string // nil if keys have no prefixes
}

func newKeySuite[K any](f core.KeyFormat[K], x KeyExtras[K], samples []K) (*keySuite, error) {
	s := &keySuite{
		suite: &suite{borrows: x.Borrows}, compare: naturalOrder(reflect.TypeFor[K]()),
		text: keyText(reflect.TypeFor[K]()),
	}
	s.format, s.keys = erasedKey(f)
	if x.Compare != nil {
		s.compare = func(a, b any) int { return x.Compare(as[K](a), as[K](b)) }
	}
	if x.Same != nil {
		s.same = func(a, b any) bool { return x.Same(as[K](a), as[K](b)) }
	} else if s.compare != nil {
		s.same = func(a, b any) bool { return s.compare(a, b) == 0 }
	}
	return s, s.start(boxed(samples))
}

// some returns the samples, and keys that damaged encodings decode to: those are often close to
// each other.
func (s *keySuite) some() []good {
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
			all = append(all, good{k, again, k})
		}
	}
	return all
}

func (s *keySuite) eachPair(fn func(a, b good) error) error {
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

func (s *keySuite) equality() error {
	return s.eachPair(func(a, b good) error {
		if bytes.Equal(a.encoded, b.encoded) == s.same(a.value, b.value) {
			return nil
		}
		return fmt.Errorf("%s is encoded as %s, %s as %s",
			showValue(a.value), show(a.encoded), showValue(b.value), show(b.encoded))
	})
}

func (s *keySuite) order() error {
	if s.compare == nil {
		return errors.New("KeyExtras.Compare is needed: the format is ordered, and the order of " +
			"its keys is not known")
	}
	return s.eachPair(func(a, b good) error {
		if cmp.Compare(s.compare(a.value, b.value), 0) == bytes.Compare(a.encoded, b.encoded) {
			return nil
		}
		return fmt.Errorf("%s is encoded as %s, %s as %s: they compare %d, their encodings %d",
			showValue(a.value), show(a.encoded),
			showValue(b.value), show(b.encoded), s.compare(a.value, b.value),
			bytes.Compare(a.encoded, b.encoded))
	})
}

func (s *keySuite) canonical(b []byte) error {
	k, err := s.read(b)
	if err != nil {
		return nil
	}
	again, err := s.encode(k)
	if err != nil {
		return fmt.Errorf("%s decodes to %s, which cannot be encoded: %w",
			show(b), showValue(k), err)
	}
	if !bytes.Equal(again, b) {
		return fmt.Errorf("%s decodes to %s, which is encoded as %s",
			show(b), showValue(k), show(again))
	}
	return nil
}

// prefix tests the ranges of keys that are strings or bytes.
func (s *keySuite) prefix() error {
	return s.eachPair(func(a, b good) error {
		for _, x := range [][2]good{{a, b}, {b, a}} {
			start, k := x[0], x[1]
			low, high, err := s.keys.prefix(start.value)
			if err != nil { // so does a scan
				return fmt.Errorf("the range of %s: %w", showValue(start.value), err)
			}
			in := bytes.Compare(k.encoded, low) >= 0 && (high == nil ||
				bytes.Compare(k.encoded, high) < 0)
			if in != strings.HasPrefix(s.text(k.value), s.text(start.value)) {
				return fmt.Errorf("the range of %s is from %s to %s; that of the key %s is %s",
					showValue(start.value), show(low), show(high), showValue(k.value),
					show(k.encoded))
			}
		}
		return nil
	})
}
