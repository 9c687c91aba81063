// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package duration

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/guardkv/guardkv/core"
)

// Span is what is put.
type Span struct{ From, To time.Duration }

// SpanView is what is read: the stored bytes, in which a field is found when it is asked for.
type SpanView struct{ b []byte }

// From returns where the span begins.
func (v SpanView) From() time.Duration { return time.Duration(binary.BigEndian.Uint64(v.b)) }

// To returns where it ends.
func (v SpanView) To() time.Duration { return time.Duration(binary.BigEndian.Uint64(v.b[8:])) }

// SpanFormat writes both ends in 8 bytes each, and reads them in place.
type SpanFormat struct{}

var _ core.ValueFormat[Span, SpanView] = SpanFormat{}

// ID returns "span/1".
func (SpanFormat) ID() string { return "span/1" }

// Append appends 16 bytes.
func (SpanFormat) Append(dst []byte, s Span) ([]byte, error) {
	if s.To < s.From {
		return nil, fmt.Errorf("a span from %v to %v ends before it begins", s.From, s.To)
	}
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(dst, uint64(s.From)), uint64(s.To)), nil
}

// View checks all that the methods of the view rely on, and all that Append promises.
func (SpanFormat) View(b []byte) (SpanView, error) {
	if len(b) != 16 {
		return SpanView{}, fmt.Errorf("%w: a span of %d bytes", core.ErrCorrupt, len(b))
	}
	v := SpanView{b}
	if v.To() < v.From() {
		return SpanView{}, fmt.Errorf("%w: a span that ends before it begins", core.ErrCorrupt)
	}
	return v, nil
}
