// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cbor

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/explain"
	"github.com/guardkv/guardkv/core/shape"
)

// Explain shows what tables in CBOR hold, without the Go type: see [core.Explainer]. Fields are
// shown under the names or numbers that they are stored under. Things that JSON lacks are shown
// as follows:
//   - A key of a map that is a number, a boolean or null is shown as text: 1 is "1". If that makes
//     two keys of a map the same, or a key is anything else, the map is a list of pairs:
//     {"map":[[1,"a"],["1","b"]]}.
//   - Times, of tag 0, are their text, and big integers, of tags 2 and 3, are numbers or strings of
//     digits, or {"bigint":...} with the bytes if there are more than 65536. An item with another
//     tag is {"tag":42,"value":...}.
//   - undefined is {"simple":23}, and other simple values are shown by their numbers likewise.
//
// For a value that is nested more than 256 levels deep the error is [core.ErrTooLarge].
func Explain(t core.TableInfo) (core.Explanation, error) {
	switch t.ValueFormat {
	case "cbor/1", "cbor-text/1":
	default:
		return core.Explanation{}, fmt.Errorf("values in %q are not in CBOR: %w",
			t.ValueFormat, errors.ErrUnsupported)
	}
	schema, err := shape.Words(t.Meta)
	if err != nil {
		return core.Explanation{}, fmt.Errorf("cbor: %w", err)
	}
	return core.Explanation{
		Schema:     schema,
		AppendJSON: func(dst, _, value []byte) ([]byte, error) { return appendJSON(dst, value) },
	}, nil
}

// ExplainKey shows keys of [Key]: see [core.KeyExplainer]. The JSON is that of [Explain]. It
// cannot be turned back into a key, since several keys can look the same.
func ExplainKey(id string) (core.KeyExplanation, error) {
	switch id {
	case "cbor-key/1", "cbor-key-text/1":
		return core.KeyExplanation{AppendJSON: appendJSON}, nil
	}
	return core.KeyExplanation{}, fmt.Errorf("keys in %q are not in CBOR: %w",
		id, errors.ErrUnsupported)
}

// maxShown is how deeply a shown value may be nested: more than any default, and less than
// encoding/json reads.
const maxShown = 256

func appendJSON(dst, b []byte) ([]byte, error) {
	s := shower{scan: scan{b: b}, out: dst}
	if err := s.item(0); err != nil {
		return nil, err
	}
	if s.at < len(b) {
		return nil, damaged("there are %d bytes behind it", len(b)-s.at)
	}
	return s.out, nil
}

func damaged(format string, args ...any) error {
	return fmt.Errorf("%w: it is no CBOR that is stored here: %s",
		core.ErrCorrupt, fmt.Sprintf(format, args...))
}

var errShownTooDeep = fmt.Errorf("%w: it is nested more than %d levels deep",
	core.ErrTooLarge, maxShown)

// shower passes over an item and appends it as JSON.
type shower struct {
	scan
	out []byte
}

func (s *shower) item(depth int) error {
	if s.at >= len(s.b) {
		return damaged("it ends too early")
	}
	if depth > maxShown {
		return errShownTooDeep
	}
	head := s.b[s.at]
	s.at++
	n, ok := s.argument(head & 0x1f)
	if !ok {
		return damaged("the head %#x has no argument", head)
	}
	switch head >> 5 {
	case majorUint:
		s.out = strconv.AppendUint(s.out, n, 10)
	case majorInt:
		s.negative(n)
	case majorBytes:
		b, err := s.take(n)
		s.out = explain.AppendBytes(s.out, b)
		return err
	case majorText:
		return s.text(n)
	case majorArray:
		return s.list(n, depth)
	case majorMap:
		return s.pairs(n, depth)
	case majorTag:
		return s.tag(n, depth)
	default:
		return s.simple(head, n)
	}
	return nil
}

func (s *shower) negative(n uint64) {
	if n <= math.MaxInt64 {
		s.out = strconv.AppendInt(s.out, -1-int64(n), 10)
		return
	}
	s.out = explain.AppendBigInt(s.out, minusOneLess(new(big.Int).SetUint64(n)))
}

// minusOneLess returns -1 - n.
func minusOneLess(n *big.Int) *big.Int { return n.Sub(big.NewInt(-1), n) }

func (s *shower) take(n uint64) ([]byte, error) {
	start := s.at
	if !s.skip(n) {
		return nil, damaged("%d bytes are announced, and %d follow", n, len(s.b)-s.at)
	}
	return s.b[start:s.at], nil
}

func (s *shower) text(n uint64) error {
	b, err := s.take(n)
	if err == nil && !utf8.Valid(b) {
		err = damaged("a text is not UTF-8")
	}
	s.out = explain.AppendString(s.out, string(b))
	return err
}

// list shows elements. Each takes at least one byte, so a wrong number of elements ends with
// the bytes.
func (s *shower) list(n uint64, depth int) error {
	s.out = append(s.out, '[')
	for i := range n {
		if i > 0 {
			s.out = append(s.out, ',')
		}
		if err := s.item(depth + 1); err != nil {
			return err
		}
	}
	s.out = append(s.out, ']')
	return nil
}

// shownPair says where a pair of a map lies in the output.
type shownPair struct {
	key, value, end int
	quoted          bool // whether the key is not text and was put in quotes
}

// pairs shows a map as an object if the texts of its keys differ. Lists, maps and tags do not
// become names: names in names would be escaped over and over.
func (s *shower) pairs(n uint64, depth int) error {
	start, names := len(s.out), map[string]bool{}
	plain := true
	var all []shownPair
	s.out = append(s.out, '{')
	for i := range n {
		if i > 0 {
			s.out = append(s.out, ',')
		}
		p := shownPair{key: len(s.out)}
		if err := s.item(depth + 1); err != nil {
			return err
		}
		plain = plain && s.out[p.key] != '[' && s.out[p.key] != '{'
		if p.quoted = s.out[p.key] != '"'; p.quoted && plain {
			s.out = append(s.out, '"')
			s.out = slices.Insert(s.out, p.key, '"')
		}
		plain = plain && !names[string(s.out[p.key:])]
		names[string(s.out[p.key:])] = true
		p.value = len(s.out) + 1
		s.out = append(s.out, ':')
		if err := s.item(depth + 1); err != nil {
			return err
		}
		p.end = len(s.out)
		p.quoted = p.quoted && s.out[p.key] == '"'
		all = append(all, p)
	}
	if plain {
		s.out = append(s.out, '}')
		return nil
	}
	s.listPairs(start, all)
	return nil
}

// listPairs turns what was shown of a map into a list of pairs.
func (s *shower) listPairs(start int, all []shownPair) {
	list := []byte(`{"map":[`)
	for i, p := range all {
		if i > 0 {
			list = append(list, ',')
		}
		key := s.out[p.key : p.value-1]
		if p.quoted {
			key = key[1 : len(key)-1]
		}
		list = append(append(append(list, '['), key...), ',')
		list = append(append(list, s.out[p.value:p.end]...), ']')
	}
	s.out = append(append(s.out[:start], list...), "]}"...)
}

// tag shows the tags that this package knows, and others with their numbers.
func (s *shower) tag(n uint64, depth int) error {
	const tagTime, tagBig, tagNegativeBig = 0, 2, 3
	if s.at < len(s.b) {
		switch major := s.b[s.at] >> 5; {
		case n == tagTime && major == majorText:
			return s.item(depth + 1)
		case (n == tagBig || n == tagNegativeBig) && major == majorBytes:
			return s.bignum(n == tagNegativeBig)
		}
	}
	s.out = append(strconv.AppendUint(append(s.out, `{"tag":`...), n, 10), `,"value":`...)
	if err := s.item(depth + 1); err != nil {
		return err
	}
	s.out = append(s.out, '}')
	return nil
}

// mostDigits is how many bytes of an integer are turned into digits at most, since the time for
// that grows faster than their number.
const mostDigits = 1 << 16

func (s *shower) bignum(negative bool) error {
	head := s.b[s.at]
	s.at++
	n, ok := s.argument(head & 0x1f)
	if !ok {
		return damaged("the head %#x has no argument", head)
	}
	b, err := s.take(n)
	if err != nil {
		return err
	}
	if len(b) > mostDigits {
		s.out = append(explain.AppendBytes(append(s.out, `{"bigint":`...), b), '}')
		return nil
	}
	v := new(big.Int).SetBytes(b)
	if negative {
		v = minusOneLess(v)
	}
	s.out = explain.AppendBigInt(s.out, v)
	return nil
}

func (s *shower) simple(head byte, n uint64) error {
	switch head {
	case headFalse:
		s.out = append(s.out, "false"...)
	case headTrue:
		s.out = append(s.out, "true"...)
	case headNull:
		s.out = append(s.out, "null"...)
	case headHalf:
		s.out = explain.AppendFloat(s.out, halfFloat(uint16(n)), 32)
	case headSingle:
		s.out = explain.AppendFloat(s.out, float64(math.Float32frombits(uint32(n))), 32)
	case headDouble:
		s.out = explain.AppendFloat(s.out, math.Float64frombits(n), 64)
	default:
		if head&0x1f == 24 && n < 32 {
			return damaged("a simple value %d takes two bytes", n)
		}
		s.out = append(strconv.AppendUint(append(s.out, `{"simple":`...), n, 10), '}')
	}
	return nil
}

const headSingle = 0xfa

// halfFloat returns the number in 16 bits: a sign, an exponent of 5 bits and a fraction of 10.
func halfFloat(bits uint16) float64 {
	exponent, fraction := int(bits>>10&0x1f), float64(bits&0x3ff)
	var f float64
	switch {
	case exponent == 0:
		f = math.Ldexp(fraction, -24)
	case exponent < 0x1f:
		f = math.Ldexp(fraction+1024, exponent-25)
	case fraction == 0:
		f = math.Inf(1)
	default:
		f = math.NaN()
	}
	if bits>>15 != 0 {
		f = math.Copysign(f, -1)
	}
	return f
}
