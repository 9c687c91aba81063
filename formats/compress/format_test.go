// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package compress_test

import (
	"strings"
	"testing"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/formattest"
	"github.com/guardkv/guardkv/core/values"
	"github.com/guardkv/guardkv/formats/compress"
)

type record struct {
	ID   int
	Name string
	Tags []string
	More map[string]string
}

var records = []record{
	{},
	{ID: 1, Name: "a"},
	{ID: -7, Name: "λ", Tags: []string{"x", ""}, More: map[string]string{"": "empty", "k": "v"}},
	{
		ID: 1 << 30, Name: strings.Repeat("the same words again and again ", 40),
		Tags: []string{strings.Repeat("z", 3000)},
	},
}

var texts = []string{
	"", "a", "0123456789abcdef",
	strings.Repeat("ab", 50), strings.Repeat("word and word ", 2000), noise(3000),
}

// noise is text that cannot be compressed.
func noise(n int) string {
	b := make([]byte, n)
	x := uint64(1)
	for i := range b {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		b[i] = byte(x >> 32)
	}
	return string(b)
}

// levels are all levels, but for short tests, where the race detector empties pools: the higher
// ones then make many megabytes of tables for each value.
func levels() []compress.Level {
	if testing.Short() {
		return []compress.Level{compress.Default, compress.Fastest}
	}
	return []compress.Level{compress.Default, compress.Fastest, compress.Better, compress.Best}
}

func TestFormats(t *testing.T) {
	for _, level := range levels() {
		t.Run(map[compress.Level]string{0: "default", 1: "fastest", 2: "better", 3: "best"}[level],
			func(t *testing.T) {
				formattest.Run(t,
					compress.New(values.JSON[record](), compress.WithLevel(level)), records...)
			})
	}
	t.Run("strings",
		func(t *testing.T) { runBorrowing(t, compress.New(values.String()), texts...) })
	t.Run("twice", func(t *testing.T) {
		runBorrowing(t, compress.New(compress.New(values.String())), texts...)
	})
	t.Run("JSON twice", func(t *testing.T) {
		formattest.Run(t, compress.New(compress.New(values.JSON[record]())), records...)
	})
}

// runBorrowing is for formats that refer to bytes that are not compressed.
func runBorrowing(t *testing.T, f core.ValueFormat[string, string], samples ...string) {
	t.Helper()
	formattest.RunWith(t, f, formattest.Extras[string, string]{Borrows: true}, samples...)
}

func FuzzJSON(f *testing.F) { formattest.Fuzz(f, compress.New(values.JSON[record]()), records...) }

func FuzzStrings(f *testing.F) {
	formattest.FuzzWith(f, compress.New(values.String()),
		formattest.Extras[string, string]{Borrows: true}, texts...)
}
