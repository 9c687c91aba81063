// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package keys

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"net/netip"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/guardkv/guardkv/core/explain"
)

// The limits of [Parse]. No program has types that are nested so deeply, or have such long
// names.
const (
	maxIDLength = 1 << 16
	maxIDDepth  = 100
)

// Parse returns the key format that has an ID, without the Go type of its keys. It is for
// tools, which find the ID in [core.TableInfo]. Keys are encoded and ordered as in the format
// that made the table.
//
// Parse knows the formats of this package. For other formats, alone or as components, it asks
// the functions in outside, one after the other: each returns an error that is
// [errors.ErrUnsupported] for an ID that it does not know. If no function knows an ID, or it is
// not a valid ID, Parse returns such an error too, and the error names the part of the ID.
func Parse(id string, outside ...func(id string) (Untyped, error)) (Untyped, error) {
	p := idParser{outside: outside}
	if len(id) > maxIDLength {
		return nil, fmt.Errorf("the ID of a key format has %d bytes: %w",
			len(id), errors.ErrUnsupported)
	}
	return p.format(id, 0)
}

type idParser struct {
	outside []func(id string) (Untyped, error)
}

func (p idParser) format(id string, depth int) (Untyped, error) {
	if depth > maxIDDepth {
		return nil, fmt.Errorf("the ID of a key format is nested more than %d levels deep: %w",
			maxIDDepth, errors.ErrUnsupported)
	}
	if f := simple(id); f != nil {
		return f, nil
	}
	name, args, ok := splitID(id)
	if ok {
		f, err := p.composite(name, args, depth+1)
		if f != nil || err != nil {
			return f, err
		}
	}
	for _, known := range p.outside {
		f, err := known(id)
		if err == nil || !errors.Is(err, errors.ErrUnsupported) {
			return f, err
		}
	}
	return nil, p.unknown(id)
}

func (p idParser) unknown(id string) error {
	const most = 128
	if len(id) > most {
		id = id[:most] + "..."
	}
	return fmt.Errorf("%q is neither a key format of package keys nor one known here: %w",
		id, errors.ErrUnsupported)
}

// splitID splits name(arg,arg). Commas and parentheses in the arguments belong to them as long
// as they are balanced.
func splitID(id string) (name string, args []string, ok bool) {
	open := strings.IndexByte(id, '(')
	if open <= 0 || !strings.HasSuffix(id, ")") {
		return "", nil, false
	}
	name, id = id[:open], id[open+1:len(id)-1]
	start, level := 0, 0
	for i := range len(id) {
		switch id[i] {
		case '(':
			level++
		case ')':
			level--
		case ',':
			if level == 0 {
				args = append(args, id[start:i])
				start = i + 1
			}
		}
		if level < 0 {
			return "", nil, false
		}
	}
	return name, append(args, id[start:]), level == 0
}

// composite returns a format that is made of others, or nil if this package has no such format.
func (p idParser) composite(name string, args []string, depth int) (Untyped, error) {
	switch {
	case name == "array" && len(args) == 1:
		return bytesOfLength(args[0]), nil
	case name == "map" && len(args) == 2:
		return p.mapped(args[0], args[1], depth)
	}
	want, known := map[string]int{"desc": 1, "optional": 1, "pair": 2, "triple": 3, "quad": 4}[name]
	if !known || want != len(args) {
		return nil, nil
	}
	parts := make([]Untyped, len(args))
	for i, id := range args {
		part, err := p.format(id, depth)
		if err != nil {
			return nil, err
		}
		parts[i] = part
	}
	switch name {
	case "desc":
		return untyped[any]{Desc[any](parts[0]), showReversed(parts[0]), parts[0].ParseJSON}, nil
	case "optional":
		return untypedOptional(parts[0]), nil
	case "pair":
		return untypedPair(parts), nil
	case "triple":
		return untypedTriple(parts), nil
	}
	return untypedQuad(parts), nil
}

// mapped returns the format for what [Map] stores: the keys of its part, under its own ID.
func (p idParser) mapped(name, id string, depth int) (Untyped, error) {
	if name == "" || strings.ContainsFunc(name, notInName) {
		return nil, nil
	}
	part, err := p.format(id, depth)
	if err != nil {
		return nil, err
	}
	same := func(k any) (any, error) { return k, nil }
	return untyped[any]{Map[any, any](name, part, same, same), part.AppendJSON, part.ParseJSON}, nil
}

// showReversed shows the keys of part. A key that part shows in its encoded form has another
// encoding here.
func showReversed(part Untyped) func(dst []byte, k any) ([]byte, error) {
	return func(dst []byte, k any) ([]byte, error) {
		shown, err := part.AppendJSON(dst, k)
		if err == nil && bytes.HasPrefix(shown[len(dst):], []byte(`{"encoded":`)) {
			return nil, errNoText
		}
		return shown, err
	}
}

// simple returns a format that is not made of others, or nil.
func simple(id string) Untyped {
	switch id {
	case "uint8":
		return untypedUint(Uint8())
	case "uint16":
		return untypedUint(Uint16())
	case "uint32":
		return untypedUint(Uint32())
	case "uint64":
		return untypedUint(Uint64())
	case "int8":
		return untypedInt(Int8())
	case "int16":
		return untypedInt(Int16())
	case "int32":
		return untypedInt(Int32())
	case "int64":
		return untypedInt(Int64())
	case "float32":
		return untypedFloat(Float32(), 32)
	case "float64":
		return untypedFloat(Float64(), 64)
	case "bool":
		return untyped[bool]{Bool(), func(dst []byte, k bool) ([]byte, error) {
			return strconv.AppendBool(dst, k), nil
		}, asJSON[bool]}
	case "string":
		return untyped[string]{String(), showString, asJSON[string]}
	case "bytes":
		return untyped[[]byte]{Bytes(), showHex, parseHex}
	case "time":
		return untyped[time.Time]{Time(), showTime, parseTime}
	case "bigint":
		return untyped[*big.Int]{BigInt(), showBig, parseBig}
	case "addr":
		return untyped[netip.Addr]{
			Addr(), showText(netip.Addr.String, parseAddr),
			viaText(parseAddr),
		}
	case "addrport":
		return untyped[netip.AddrPort]{
			AddrPort(),
			showText(netip.AddrPort.String, netip.ParseAddrPort), viaText(netip.ParseAddrPort),
		}
	case "network":
		return untyped[netip.Prefix]{
			Network(), showText(netip.Prefix.String, netip.ParsePrefix),
			viaText(netip.ParsePrefix),
		}
	}
	return nil
}

func untypedUint[K ~uint8 | ~uint16 | ~uint32 | ~uint64](p Part[K]) Untyped {
	return untyped[K]{p, func(dst []byte, k K) ([]byte, error) {
		return strconv.AppendUint(dst, uint64(k), 10), nil
	}, asJSON[K]}
}

func untypedInt[K ~int8 | ~int16 | ~int32 | ~int64](p Part[K]) Untyped {
	return untyped[K]{p, func(dst []byte, k K) ([]byte, error) {
		return strconv.AppendInt(dst, int64(k), 10), nil
	}, asJSON[K]}
}

func untypedFloat[K ~float32 | ~float64](p Part[K], bits int) Untyped {
	show := func(dst []byte, k K) ([]byte, error) {
		return explain.AppendFloat(dst, float64(k), bits), nil
	}
	parse := func(text []byte) (K, error) {
		switch string(text) {
		case `"NaN"`:
			return K(math.NaN()), nil
		case `"Infinity"`:
			return K(math.Inf(1)), nil
		case `"-Infinity"`:
			return K(math.Inf(-1)), nil
		}
		return asJSON[K](text)
	}
	return untyped[K]{p, show, parse}
}

func showString(dst []byte, k string) ([]byte, error) {
	if !utf8.ValidString(k) {
		return nil, errNoText
	}
	return explain.AppendString(dst, k), nil
}

func showHex(dst, k []byte) ([]byte, error) {
	return append(hex.AppendEncode(append(dst, '"'), k), '"'), nil
}

func parseHex(text []byte) ([]byte, error) {
	digits, err := asJSON[string](text)
	if err != nil {
		return nil, err
	}
	return hex.DecodeString(digits)
}

// timeText is RFC 3339 to the nanosecond. It has four digits for the year.
const timeText = time.RFC3339Nano

func showTime(dst []byte, k time.Time) ([]byte, error) {
	k = k.UTC()
	if y := k.Year(); y < 0 || y > 9999 {
		return nil, errNoText
	}
	return append(k.AppendFormat(append(dst, '"'), timeText), '"'), nil
}

func parseTime(text []byte) (time.Time, error) {
	s, err := asJSON[string](text)
	if err != nil {
		return time.Time{}, err
	}
	k, err := time.Parse(timeText, s)
	return k.UTC(), err
}

func showBig(dst []byte, k *big.Int) ([]byte, error) { return explain.AppendBigInt(dst, k), nil }

// parseBig reads no more digits than a key can have, since parsing a number takes a time that
// grows faster than its digits.
func parseBig(text []byte) (*big.Int, error) {
	const mostDigits = bigMost * 3
	k, ok := new(big.Int), false
	if digits := bytes.Trim(text, `"`); len(digits) <= mostDigits {
		k, ok = k.SetString(string(digits), 10)
	}
	if !ok {
		return nil, errNoText
	}
	return k, nil
}

// parseAddr reads what [netip.Addr.String] writes, also for the zero Addr.
func parseAddr(s string) (netip.Addr, error) {
	if s == (netip.Addr{}).String() {
		return netip.Addr{}, nil
	}
	return netip.ParseAddr(s)
}

// showText shows keys whose text can be read again. Other keys have no text.
func showText[K comparable](
	text func(K) string, parse func(string) (K, error),
) func([]byte, K) ([]byte, error) {
	return func(dst []byte, k K) ([]byte, error) {
		s := text(k)
		if again, err := parse(s); err != nil || again != k || !utf8.ValidString(s) {
			return nil, errNoText
		}
		return explain.AppendString(dst, s), nil
	}
}

func viaText[K any](parse func(string) (K, error)) func([]byte) (K, error) {
	return func(text []byte) (k K, err error) {
		s, err := asJSON[string](text)
		if err != nil {
			return k, err
		}
		return parse(s)
	}
}

// elements returns the n parts of the JSON of a composite key.
func elements(text []byte, n int) ([]json.RawMessage, error) {
	all, err := asJSON[[]json.RawMessage](text)
	if err == nil && len(all) != n {
		err = fmt.Errorf("it has %d components, want %d", len(all), n)
	}
	return all, err
}

// showAll shows the components of a key.
func showAll(dst []byte, parts []Untyped, components ...any) (_ []byte, err error) {
	for i, k := range components {
		separator := byte(',')
		if i == 0 {
			separator = '['
		}
		if dst, err = parts[i].AppendJSON(append(dst, separator), k); err != nil {
			return nil, err
		}
	}
	return append(dst, ']'), nil
}

// parseAll reads what showAll shows.
func parseAll(text []byte, parts []Untyped) ([]any, error) {
	all, err := elements(text, len(parts))
	if err != nil {
		return nil, err
	}
	components := make([]any, len(parts))
	for i, text := range all {
		if components[i], err = parts[i].ParseJSON(text); err != nil {
			return nil, err
		}
	}
	return components, nil
}

func untypedPair(parts []Untyped) Untyped {
	show := func(dst []byte, k Tuple[any, any]) ([]byte, error) {
		return showAll(dst, parts, k.First, k.Second)
	}
	parse := func(text []byte) (k Tuple[any, any], err error) {
		c, err := parseAll(text, parts)
		if err == nil {
			k = Tuple[any, any]{c[0], c[1]}
		}
		return k, err
	}
	return untyped[Tuple[any, any]]{Pair[any, any](parts[0], parts[1]), show, parse}
}

func untypedTriple(parts []Untyped) Untyped {
	show := func(dst []byte, k Tuple3[any, any, any]) ([]byte, error) {
		return showAll(dst, parts, k.First, k.Second, k.Third)
	}
	parse := func(text []byte) (k Tuple3[any, any, any], err error) {
		c, err := parseAll(text, parts)
		if err == nil {
			k = Tuple3[any, any, any]{c[0], c[1], c[2]}
		}
		return k, err
	}
	return untyped[Tuple3[any, any, any]]{
		Triple[any, any, any](parts[0], parts[1], parts[2]), show,
		parse,
	}
}

func untypedQuad(parts []Untyped) Untyped {
	show := func(dst []byte, k Tuple4[any, any, any, any]) ([]byte, error) {
		return showAll(dst, parts, k.First, k.Second, k.Third, k.Fourth)
	}
	parse := func(text []byte) (k Tuple4[any, any, any, any], err error) {
		c, err := parseAll(text, parts)
		if err == nil {
			k = Tuple4[any, any, any, any]{c[0], c[1], c[2], c[3]}
		}
		return k, err
	}
	return untyped[Tuple4[any, any, any, any]]{Quad[any, any, any, any](parts[0], parts[1],
		parts[2], parts[3]), show, parse}
}

// untypedOptional distinguishes null from a value that is shown as null, and its own
// {"encoded":...} from that of a value.
func untypedOptional(part Untyped) Untyped {
	const null, open = "null", `{"value":`
	show := func(dst []byte, k Null[any]) ([]byte, error) {
		if !k.Valid {
			return append(dst, null...), nil
		}
		start := len(dst)
		shown, err := part.AppendJSON(dst, k.V)
		if err != nil {
			return nil, err
		}
		if v := string(shown[start:]); v == null || v[0] == '{' {
			shown = append(append(append(shown[:start], open...), v...), '}')
		}
		return shown, nil
	}
	parse := func(text []byte) (Null[any], error) {
		if string(text) == null {
			return Null[any]{}, nil
		}
		if v, ok := wrappedValue(text); ok {
			text = v
		}
		v, err := part.ParseJSON(text)
		return Null[any]{v, err == nil}, err
	}
	return untyped[Null[any]]{Optional[any](part), show, parse}
}

// wrappedValue returns what is in {"value":...}.
func wrappedValue(text []byte) (json.RawMessage, bool) {
	var members map[string]json.RawMessage
	if text[0] != '{' || json.Unmarshal(text, &members) != nil || len(members) != 1 {
		return nil, false
	}
	v, ok := members["value"]
	return v, ok
}

// anyArray is [Array] with a length that no Go type gives.
type anyArray struct {
	owned
	size int
	id   string
}

// bytesOfLength returns the format of byte arrays whose length an ID gives, or nil if there is
// none.
func bytesOfLength(digits string) Untyped {
	n, err := strconv.Atoi(digits)
	if err != nil || n < 1 || n > 64 || strconv.Itoa(n) != digits {
		return nil
	}
	return untyped[[]byte]{anyArray{size: n, id: "array(" + digits + ")"}, showHex, parseHex}
}

func (f anyArray) ID() string { return f.id }

func (f anyArray) Append(dst, k []byte) ([]byte, error) {
	if len(k) != f.size {
		return nil, fmt.Errorf("a key of %d bytes, where keys in %s have %d", len(k), f.id, f.size)
	}
	return append(dst, k...), nil
}

func (f anyArray) AppendPart(dst, k []byte) ([]byte, error) { return f.Append(dst, k) }

func (f anyArray) Decode(b []byte) ([]byte, error) {
	if err := exactly(f.id, b, f.size); err != nil {
		return nil, err
	}
	return bytes.Clone(b), nil
}

func (f anyArray) TakePart(b []byte) (k, rest []byte, err error) {
	k, rest, err = cut(f.id, b, f.size)
	return bytes.Clone(k), rest, err
}
