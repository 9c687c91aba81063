// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package keys

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"github.com/guardkv/guardkv/core"
)

// Untyped is a key format that is known only by its ID. [Parse] returns it. A table whose keys
// it encodes can be opened with it. Keys have the types of the format with that ID: a string, a
// uint8, a [time.Time], a []byte for bytes and byte arrays, a Tuple[any, any] for a pair, a
// Null[any] for an optional key, and so on. A key that [Map] stored is the key of the part that
// it was stored as.
type Untyped interface {
	Part[any]

	// AppendJSON appends a key as one JSON value. Different keys have different values, and a key
	// always has the same one.
	//
	// Strings, numbers and booleans are themselves; bytes and byte arrays are strings in hex,
	// as in error messages; times are in RFC 3339; addresses and networks are as package netip
	// writes them; NaN and infinities, and integers of more than 64 bits, are strings.
	// Composite keys are arrays. An optional key is null or the value, or {"value":...} if the
	// value is itself null or an object. A key that has no such text is {"encoded":"..."} with
	// its standalone encoding in hex: a string that is not UTF-8, a time before year 0 or after
	// 9999, an address with an unusual zone, an invalid network.
	AppendJSON(dst []byte, k any) ([]byte, error)

	// ParseJSON returns the key that AppendJSON shows as this JSON value, or as an equal one.
	// Any key may be given as {"encoded":"..."}.
	ParseJSON(text []byte) (any, error)
}

// untyped hides the key type of a part.
type untyped[K any] struct {
	part  Part[K]
	show  func(dst []byte, k K) ([]byte, error) // errNoText: the key is shown as it is encoded
	parse func(text []byte) (K, error)
}

var errNoText = errors.New("there is no key with this text")

func (f untyped[K]) ID() string    { return f.part.ID() }
func (f untyped[K]) Ordered() bool { return f.part.Ordered() }
func (f untyped[K]) Owned() bool   { return isOwned(f.part) }

func (f untyped[K]) typed(k any) (K, error) {
	if k, ok := k.(K); ok {
		return k, nil
	}
	var none K
	return none, fmt.Errorf("a key of type %T, where keys in %s are %v",
		k, f.ID(), reflect.TypeFor[K]())
}

func (f untyped[K]) Append(dst []byte, k any) ([]byte, error) {
	typed, err := f.typed(k)
	if err != nil {
		return nil, err
	}
	return f.part.Append(dst, typed)
}

func (f untyped[K]) AppendPart(dst []byte, k any) ([]byte, error) {
	typed, err := f.typed(k)
	if err != nil {
		return nil, err
	}
	return f.part.AppendPart(dst, typed)
}

func (f untyped[K]) Decode(b []byte) (any, error) {
	k, err := f.part.Decode(b)
	if err != nil {
		return nil, err
	}
	return k, nil
}

func (f untyped[K]) TakePart(b []byte) (any, []byte, error) {
	k, rest, err := f.part.TakePart(b)
	if err != nil {
		return nil, nil, err
	}
	return k, rest, nil
}

func (f untyped[K]) AppendJSON(dst []byte, k any) ([]byte, error) {
	typed, err := f.typed(k)
	if err != nil {
		return nil, err
	}
	shown, err := f.show(dst, typed)
	if err != errNoText {
		return shown, err
	}
	b, err := f.part.Append(nil, typed)
	if err != nil {
		return nil, err
	}
	return append(hex.AppendEncode(append(dst, `{"encoded":"`...), b), `"}`...), nil
}

func (f untyped[K]) ParseJSON(text []byte) (any, error) {
	if !json.Valid(text) {
		return nil, f.notShown(text, nil)
	}
	text = bytes.TrimSpace(text)
	if b, ok := encodedKey(text); ok {
		return f.Decode(b)
	}
	k, err := f.parse(text)
	if err != nil {
		return nil, f.notShown(text, err)
	}
	if _, err := f.part.Append(nil, k); err != nil {
		return nil, err
	}
	return k, nil
}

func (f untyped[K]) notShown(text []byte, err error) error {
	const most = 64
	if len(text) > most {
		text = append(bytes.Clone(text[:most]), "..."...)
	}
	if err == nil || err == errNoText {
		return fmt.Errorf("%q is not how a key in %s is shown", text, f.ID())
	}
	return fmt.Errorf("%q is not how a key in %s is shown: %w", text, f.ID(), err)
}

// encodedKey returns the bytes of {"encoded":"..."}.
func encodedKey(text []byte) ([]byte, bool) {
	var members map[string]json.RawMessage
	if text[0] != '{' || json.Unmarshal(text, &members) != nil || len(members) != 1 {
		return nil, false
	}
	var digits string
	if json.Unmarshal(members["encoded"], &digits) != nil {
		return nil, false
	}
	b, err := hex.DecodeString(digits)
	return b, err == nil
}

// asJSON parses JSON as encoding/json does for K.
func asJSON[K any](text []byte) (k K, err error) {
	if bytes.Equal(text, []byte("null")) { // which encoding/json reads as zero
		return k, errNoText
	}
	err = json.Unmarshal(text, &k)
	return k, err
}

// Explain shows keys in the formats of this package, as the JSON of [Untyped]. It is a
// [core.KeyExplainer], for [core.TableInfo.ExplainKeys].
func Explain(id string) (core.KeyExplanation, error) { return Explainer()(id) }

// Explainer returns an [Explain] that also knows parts of other packages, as [Parse] does.
func Explainer(outside ...func(id string) (Untyped, error)) core.KeyExplainer {
	return func(id string) (core.KeyExplanation, error) {
		f, err := Parse(id, outside...)
		if err != nil {
			return core.KeyExplanation{}, err
		}
		return core.KeyExplanation{
			AppendJSON: func(dst, key []byte) ([]byte, error) {
				k, err := f.Decode(key)
				if err != nil {
					return nil, err
				}
				return f.AppendJSON(dst, k)
			},
			AppendKey: func(dst, text []byte) ([]byte, error) {
				k, err := f.ParseJSON(text)
				if err != nil {
					return nil, err
				}
				return f.Append(dst, k)
			},
		}, nil
	}
}
