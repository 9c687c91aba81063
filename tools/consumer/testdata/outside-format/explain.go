// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package duration

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/guardkv/guardkv/core"
)

// Explain shows spans to tools that do not know the type Span: two durations.
func Explain(t core.TableInfo) (core.Explanation, error) {
	if t.ValueFormat != (SpanFormat{}).ID() {
		return core.Explanation{}, fmt.Errorf("values in %q are no spans: %w", t.ValueFormat, errors.ErrUnsupported)
	}
	return core.Explanation{Schema: "From and To, two durations", AppendJSON: appendSpan}, nil
}

func appendSpan(dst, _, value []byte) ([]byte, error) {
	v, err := SpanFormat{}.View(value)
	if err != nil {
		return nil, err
	}
	dst = strconv.AppendQuote(append(dst, `{"From":`...), v.From().String())
	return append(strconv.AppendQuote(append(dst, `,"To":`...), v.To().String()), '}'), nil
}

// ExplainVeiled shows what is under the veils, if inner knows the format of that: ExplainVeiled(Explain) shows veiled spans.
func ExplainVeiled(inner core.Explainer) core.Explainer {
	return func(t core.TableInfo) (core.Explanation, error) {
		id, ok := strings.CutPrefix(t.ValueFormat, "veiled/1(")
		id, closed := strings.CutSuffix(id, ")")
		if !ok || !closed {
			return core.Explanation{}, fmt.Errorf("values in %q are not veiled: %w", t.ValueFormat, errors.ErrUnsupported)
		}
		if len(t.ID) != len(core.TableID{}) {
			return core.Explanation{}, fmt.Errorf("%w: a veiled table without an ID", core.ErrCorrupt)
		}
		ofTable := veilOf(core.TableID(t.ID))
		t.ValueFormat = id // the metadata is what the inner format keeps, as it is
		e, err := inner(t)
		if err != nil {
			return core.Explanation{}, err
		}
		show := e.AppendJSON
		e.AppendJSON = func(dst, key, value []byte) ([]byte, error) {
			value, err := ofTable.of(key).takeOff(nil, value)
			if err != nil {
				return nil, err
			}
			return show(dst, key, value)
		}
		return e, nil
	}
}
