// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/formats/archive/internal/schema"
)

// Key returns a format that stores keys of type K as records. The keys are not ordered: for
// range scans use the formats of package keys.
//
// A key has exactly one encoding, and bytes that are not the encoding of a key are refused. Two
// times are the same key if they are the same instant. Unlike values, keys cannot gain fields,
// since their rows could not be found any more. So K, with the names of its fields, is part of
// the ID, and a table cannot be opened with another K.
//
// K is made of booleans, integers, strings, times, durations, and arrays and structs of those.
// If a type could make two keys one, or one key two, [core.OpenTable] and every call refuse it,
// and the error names the part: floats, because -0 is 0; slices and maps, which can be nil or
// empty; pointers, interfaces, types that encode themselves, and fields that are left out or
// were removed.
func Key[K any, W Archived[K, W]]() core.KeyFormat[K] {
	f := &keyFormat[K, W]{format: newFormat[K, W](), id: keyID}
	if f.unfit = f.format.unfit; f.unfit == nil {
		if err := f.check(); err != nil {
			f.unfit = fmt.Errorf("archive: %v cannot be a key: %w", reflect.TypeFor[K](), err)
		}
	}
	return f
}

type keyFormat[K any, W Archived[K, W]] struct {
	format *format[K, W]
	id     string
	unfit  error // why K cannot be a key
}

const keyID = "archive-key/1"

// ID returns "archive-key/1" and the schema of K.
func (f *keyFormat[K, W]) ID() string { return f.id }

// CheckKey returns an error if K cannot be a key.
func (f *keyFormat[K, W]) CheckKey() error { return f.unfit }

// Ordered returns false: encodings begin with the places of strings.
func (f *keyFormat[K, W]) Ordered() bool { return false }

// Append appends the encoding of k. The arguments may be reused when the call returns.
func (f *keyFormat[K, W]) Append(dst []byte, k K) ([]byte, error) {
	if f.unfit != nil {
		return nil, f.unfit
	}
	return f.format.Append(dst, k)
}

// Decode decodes b. The key is a copy and may be kept.
func (f *keyFormat[K, W]) Decode(b []byte) (k K, err error) {
	if f.unfit != nil {
		return k, f.unfit
	}
	if err := f.format.program.exact(b); err != nil {
		return k, corrupt(f.format.codec.Type, err)
	}
	return f.format.codec.Value(at[W](b)), nil
}

func (f *keyFormat[K, W]) check() error {
	if err := checkKeyType(reflect.TypeFor[K](), f.format.codec.Type); err != nil {
		return err
	}
	plain := &schema.Schema{Root: f.format.schema.Root}
	for _, d := range f.format.schema.Defs {
		for i := range d.Fields {
			if d.Fields[i].State != schema.Live {
				return fmt.Errorf("%s.%s was removed once: remove the generated file, and generate it anew", d.Name, d.Fields[i].Name)
			}
		}
		c := *d
		c.Was, c.Sizes, c.Fields = nil, d.Sizes[len(d.Sizes)-1:], slices.Clone(d.Fields)
		for i := range c.Fields {
			c.Fields[i].Was = nil
		}
		plain.Add(&c)
	}
	f.id = keyID + "(" + folded(plain.String()) + ")"
	return nil
}

// folded returns a schema in one line.
func folded(text string) string {
	return strings.TrimSuffix(strings.ReplaceAll(strings.ReplaceAll(text, "\n\t", ";"), "\n", ";;"),
		";;")
}

func unfolded(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, ";;", "\n"), ";", "\n\t") + "\n"
}

// ExplainKey shows the keys that a format of [Key] with this ID stores. They are shown as
// values are.
func ExplainKey(id string) (core.KeyExplanation, error) {
	text, ok := strings.CutPrefix(id, keyID+"(")
	text, closed := strings.CutSuffix(text, ")")
	if !ok || !closed {
		return core.KeyExplanation{}, fmt.Errorf("keys in %.80q are not in %s: %w",
			id, keyID, errors.ErrUnsupported)
	}
	s, err := parseStored([]byte(unfolded(text)))
	if err != nil {
		return core.KeyExplanation{}, fmt.Errorf("archive: the ID of the keys: %w", err)
	}
	e := explainer{s, compileAny(s)}
	return core.KeyExplanation{AppendJSON: func(dst, key []byte) ([]byte, error) {
		if err := e.program.exact(key); err != nil {
			return nil, corrupt(s.Root, err)
		}
		return e.appendJSON(dst, key)
	}}, nil
}
