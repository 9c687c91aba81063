// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package duration

import (
	"testing"
	"time"

	"github.com/guardkv/guardkv/core/formattest"
)

func TestFormat(t *testing.T) {
	formattest.Run(t, Format{}, 0, time.Nanosecond, 90*time.Minute, -time.Hour)
}

func FuzzFormat(f *testing.F) { formattest.Fuzz(f, Format{}, 0, time.Hour) }

// Views refer to the stored bytes, and are no values: the suite cannot know either.
var extras = formattest.Extras[Span, SpanView]{
	Value:   func(v SpanView) Span { return Span{v.From(), v.To()} },
	Borrows: true,
}

func TestSpan(t *testing.T) {
	formattest.RunWith(t, SpanFormat{}, extras, Span{}, Span{-time.Hour, 3}, Span{1, 1 << 62})
}

func FuzzSpan(f *testing.F) {
	formattest.FuzzWith(f, SpanFormat{}, extras, Span{}, Span{-time.Hour, 3})
}
