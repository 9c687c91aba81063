// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package archive

import (
	"errors"
	"fmt"
	"strings"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/formats/archive/internal/schema"
)

// Explain shows what tables of this format hold, from the schema that they remember.
//
// A struct is an object with its fields in the order of their places. Fields that were removed
// are shown in rows that have them. A value of an interface is an object with one member, which
// is named after its type. Times are in RFC 3339, durations are written as Go writes them,
// complex numbers are arrays of two, and the keys of a map are text. Values of types that
// encode themselves are shown as bytes.
func Explain(t core.TableInfo) (core.Explanation, error) {
	if t.ValueFormat != formatID {
		return core.Explanation{}, fmt.Errorf("values in %q are not in %s: %w",
			t.ValueFormat, formatID, errors.ErrUnsupported)
	}
	s, err := parseStored(t.Meta)
	if err != nil {
		return core.Explanation{}, fmt.Errorf("archive: %w", err)
	}
	e := explainer{s, compileAny(s)}
	return core.Explanation{
		Schema: inWords(s),
		AppendJSON: func(dst, _, value []byte) ([]byte, error) {
			return e.appendJSON(dst, value)
		},
	}, nil
}

// parseStored reads the schema of a table.
func parseStored(stored []byte) (*schema.Schema, error) {
	s, err := schema.Parse(string(stored))
	if err == nil && s.Root == "" {
		err = errors.New("it has no root")
	}
	if err == nil {
		return s, nil
	}
	v, _, _ := strings.Cut(string(stored), "\n")
	v, _, _ = strings.Cut(v, " ")
	if strings.HasPrefix(v, "archive/") && v != formatID && len(v) < 20 {
		return nil, fmt.Errorf("%w: the schema of the table was written by a later version, as %q",
			core.ErrFormatMismatch, v)
	}
	return nil, fmt.Errorf("%w: the stored schema of the table: %w", core.ErrCorrupt, err)
}

// inWords returns a schema for people to read, without places and sizes.
func inWords(s *schema.Schema) string {
	var b strings.Builder
	fmt.Fprintf(&b, "records are %s", s.Root)
	for _, d := range s.Defs {
		word := "struct"
		if d.Oneof {
			word = "one of"
		}
		fmt.Fprintf(&b, "\n%s %s", word, d.Name)
		if len(d.Was) > 0 {
			fmt.Fprintf(&b, ", formerly %s", strings.Join(d.Was, ", "))
		}
		for i := range d.Fields {
			f := &d.Fields[i]
			fmt.Fprintf(&b, "\n  %s", f.Declaration())
			if f.State == schema.Removed {
				b.WriteString(", removed")
			}
			if len(f.Was) > 0 {
				fmt.Fprintf(&b, ", formerly %s", strings.Join(f.Was, ", "))
			}
		}
	}
	return b.String()
}

// explainer shows records of a schema.
type explainer struct {
	schema  *schema.Schema
	program *program
}

func (e explainer) appendJSON(dst, value []byte) ([]byte, error) {
	b := value[:len(value):len(value)]
	if err := e.program.verify(b); err != nil {
		return nil, corrupt(e.schema.Root, err)
	}
	return e.appendStruct(dst, e.schema.Def(e.schema.Root), Record{b, prefix, le.Uint16(b), 1}), nil
}
