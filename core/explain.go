// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"errors"
	"fmt"
)

// A tool has no Go types of the program that wrote a table, but the formats of a table that
// keep a schema can show its rows without them. Formats export how as an Explainer. The tool
// passes the explainers of the formats that it links; nothing is registered, so a program that
// explains nothing links nothing for it.

// Explainer tells what tables of one value format hold, without the Go type of their values:
// from what is stored alone. A format exports one beside its New, named Explain:
//
//	func Explain(t core.TableInfo) (core.Explanation, error)
//
// It looks at t.ValueFormat first. It returns an error that is [errors.ErrUnsupported] for a table
// of another format, ErrCorrupt for damaged metadata, and ErrFormatMismatch for metadata of a later
// version of the format. It never panics, whatever is in t.
//
// A format around another one takes the inner format's Explainer, and gives it a TableInfo with
// the ID and the metadata that the inner format recorded; what it needs besides, such as a key
// to decrypt with, is an argument too:
//
//	compress.Explain(cbor.Explain)
//
// For an inner format that may be one of several, there is [TableInfo.Explain]:
//
//	func known(t core.TableInfo) (core.Explanation, error) { return t.Explain(cbor.Explain, gob.Explain) }
type Explainer func(t TableInfo) (Explanation, error)

// Explanation is what an [Explainer] knows of a table.
type Explanation struct {
	// Schema is what is recorded of the type of the values, in words: a few lines of text
	// without a newline at the end, for people. It is "" if nothing is recorded, as of a format
	// that is always the same type or describes itself in every value.
	Schema string

	// AppendJSON appends the value of a row, as [OpenRaw] reads it, to dst as one JSON value,
	// and returns nil with an error. key is the row's encoded key, which only a format that
	// binds values to rows looks at. Both are only read, and not kept. It is safe for
	// concurrent use.
	//
	// What is appended is valid JSON in valid UTF-8, without a newline, and the same whenever
	// the bytes are the same. What JSON has no word for is a string: the numbers "NaN",
	// "Infinity" and "-Infinity", integers of more than 64 bits, and bytes, which are in base64
	// as encoding/json writes them. What else a format needs, its own doc says.
	//
	// It never panics. It is bounded as View is, in memory and in depth, and bytes that View
	// refuses with any type are ErrCorrupt. What depends on a Go type to be refused is shown.
	AppendJSON func(dst, key, value []byte) ([]byte, error)
}

// KeyExplainer tells what the keys of one key format are, or of several, from the ID that is
// recorded with the table. The package of a key format exports one, named ExplainKey, or
// Explain if it has no value formats. An ID that it does not know is an error that is
// [errors.ErrUnsupported]. It never panics, whatever the ID is.
type KeyExplainer func(id string) (KeyExplanation, error)

// KeyExplanation is what a [KeyExplainer] knows of a key format. Its functions are safe for
// concurrent use, never panic, and return nil with an error.
type KeyExplanation struct {
	// AppendJSON appends an encoded key to dst as one JSON value, to which the rules of
	// [Explanation] apply. For bytes that are no key it returns ErrCorrupt.
	AppendJSON func(dst, key []byte) ([]byte, error)

	// AppendKey appends the encoded key that AppendJSON would show as this JSON value, or as an
	// equal one: to find a row by what somebody typed. It is nil if the format cannot tell a
	// key from its JSON.
	AppendKey func(dst, json []byte) ([]byte, error)
}

// Explain asks one Explainer after the other, and returns what the first one says that knows
// the table's value format. If none does, the error is [errors.ErrUnsupported] and names the
// format.
func (t TableInfo) Explain(explainers ...Explainer) (Explanation, error) {
	for i, explain := range explainers {
		if explain == nil {
			return Explanation{}, fmt.Errorf("explainer %d is nil", i+1)
		}
		e, err := explain(t)
		switch {
		case errors.Is(err, errors.ErrUnsupported):
			continue
		case err != nil:
			return Explanation{}, fmt.Errorf("table %s: %w", shortName(t.Name), err)
		case e.AppendJSON == nil:
			return Explanation{},
				fmt.Errorf("table %s: explainer %d gives no function to show values in %s",
					shortName(t.Name), i+1, shortName(t.ValueFormat))
		}
		return e, nil
	}
	return Explanation{}, unexplained(t, "values", t.ValueFormat)
}

// ExplainKeys asks one KeyExplainer after the other, and returns what the first one says that
// knows the table's key format. If none does, the error is [errors.ErrUnsupported] and names
// the format.
func (t TableInfo) ExplainKeys(explainers ...KeyExplainer) (KeyExplanation, error) {
	for i, explain := range explainers {
		if explain == nil {
			return KeyExplanation{}, fmt.Errorf("key explainer %d is nil", i+1)
		}
		e, err := explain(t.KeyFormat)
		switch {
		case errors.Is(err, errors.ErrUnsupported):
			continue
		case err != nil:
			return KeyExplanation{}, fmt.Errorf("table %s: %w", shortName(t.Name), err)
		case e.AppendJSON == nil:
			return KeyExplanation{},
				fmt.Errorf("table %s: key explainer %d gives no function to show keys in %s",
					shortName(t.Name), i+1, shortName(t.KeyFormat))
		}
		return e, nil
	}
	return KeyExplanation{}, unexplained(t, "keys", t.KeyFormat)
}

// unexplained is the error for a format that no explainer knows.
func unexplained(t TableInfo, what, id string) error {
	return fmt.Errorf("table %s: its %s are in %s, which is not one of the formats that can be "+
		"explained here; "+
		"add the Explain function of that format's package: %w",
		shortName(t.Name), what, shortName(id), errors.ErrUnsupported)
}
