// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package compress

import (
	"errors"
	"fmt"
	"strings"

	"github.com/guardkv/guardkv/core"
)

// Explain returns an explainer for tables of compressed values, given that of the inner format:
//
//	explain := compress.Explain(cbor.Explain)
//
// Values larger than WithMaxSize allows are errors, as in reads; the other options do not
// matter.
func Explain(inner core.Explainer, opts ...Option) core.Explainer {
	return func(t core.TableInfo) (core.Explanation, error) {
		id, ok := strings.CutPrefix(t.ValueFormat, formatID+"(")
		id, closed := strings.CutSuffix(id, ")")
		if !ok || !closed {
			return core.Explanation{}, fmt.Errorf("values in %q are not in %s: %w",
				t.ValueFormat, formatID, errors.ErrUnsupported)
		}
		if inner == nil {
			return core.Explanation{}, errNoExplainer
		}
		m, err := parseMetadata(t.Meta)
		if err != nil {
			return core.Explanation{}, err
		}
		c, err := newCodec(newOptions(opts), m.dictionaries)
		if err != nil {
			return core.Explanation{}, corruptMetadata(err)
		}
		t.ValueFormat, t.Meta = id, m.inner
		e, err := inner(t)
		if err != nil {
			return core.Explanation{}, err
		}
		e.Schema = explained(e.Schema, m.dictionaries)
		if show := e.AppendJSON; show != nil {
			e.AppendJSON = func(dst, key, value []byte) ([]byte, error) {
				value, release, err := c.open(value)
				if err != nil {
					return nil, err
				}
				if release != nil {
					defer release.Release()
				}
				return show(dst, key, value)
			}
		}
		return e, nil
	}
}

var errNoExplainer = errors.New("compress.Explain was given no Explainer for the values inside")

// explained adds a line for the dictionaries, if there are any.
func explained(schema string, dictionaries []Dictionary) string {
	if len(dictionaries) == 0 {
		return schema
	}
	var all strings.Builder
	fmt.Fprintf(&all, "compressed with dictionaries of")
	for i, d := range dictionaries {
		if i > 0 {
			all.WriteString(",")
		}
		fmt.Fprintf(&all, " %d", len(d.b))
	}
	all.WriteString(" bytes")
	if schema != "" {
		all.WriteString("\n" + schema)
	}
	return all.String()
}
