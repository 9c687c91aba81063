// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package compress

import "math"

// Level says how much time to spend on saving bytes. It does not change the encoding: rows of
// all levels are read alike.
type Level uint8

const (
	// Default is about level 3 of zstd.
	Default Level = iota
	// Fastest is about level 1 of zstd.
	Fastest
	// Better is about level 7 of zstd.
	Better
	// Best is the best level of the library, however long it takes. With a dictionary it is
	// Better.
	Best
)

// Option changes how a format compresses. No option changes the encoding: programs with
// different options can share a table, within the limits of each.
type Option func(*options)

type options struct {
	level      Level
	maxSize    int
	dictionary Dictionary // to write with from now on, if there is one
}

// WithLevel sets the level. The default is Default; an undefined level counts as the nearest one.
func WithLevel(l Level) Option { return func(o *options) { o.level = min(l, Best) } }

// WithMaxSize sets how many bytes a value may have before it is compressed. Writing a larger one
// returns [core.ErrTooLarge]; reading one returns [core.ErrCorrupt], before memory is allocated for
// it. The default is 64 MiB; values are brought into the range from 64 KiB to 2147483647.
func WithMaxSize(bytes int) Option {
	return func(o *options) { o.maxSize = min(max(bytes, 64<<10), math.MaxInt32) }
}

// WithDictionary adds a dictionary to those that the table keeps, and writes with it from now on.
// Rows that were written before stay as they are, and readable. The option is needed once: a table
// that is opened without it goes on writing with the dictionary that was added last.
func WithDictionary(d Dictionary) Option { return func(o *options) { o.dictionary = d } }

func newOptions(opts []Option) options {
	o := options{maxSize: 64 << 20}
	for _, set := range opts {
		set(&o)
	}
	return o
}
