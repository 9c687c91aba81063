// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package protobuf

import "math"

// Option changes what a format accepts. Options do not change the encoding, so programs with
// different options can share a table, within the limits of each.
type Option func(*options)

type options struct {
	limits
	renames renames
}

// limits bounds what a message may cost its readers.
type limits struct {
	nesting int
	memory  int64
	perByte int64 // what each byte of an encoding may take, whatever memory is
}

var defaultLimits = limits{nesting: 100, memory: 16 << 20, perByte: 32}

// WithMaxNesting sets how deeply messages may be nested, the entries of maps included. The
// default is 100, as for protocol buffers in other languages; values are brought into the range
// from 4 to 10000.
func WithMaxNesting(messages int) Option {
	return func(o *options) { o.nesting = min(max(messages, 4), 10_000) }
}

// WithMaxMemory sets how many bytes of memory a message may take when it is decoded. The
// default is 16 MiB; values are brought into the range from 64 KiB to what an int64 holds. A
// message whose encoding is more than a 32nd of that may take 32 times the bytes of its
// encoding. The count is an estimate, made before anything is decoded: two bytes can stand for
// a message with a hundred fields.
func WithMaxMemory(bytes int64) Option {
	return func(o *options) { o.memory = max(bytes, 64<<10) }
}

// Renamed declares that something has a new name but the same meaning. Name types with their
// packages, Renamed("zoo.Animal", "zoo.Beast"); name fields, oneofs and values of enums with
// the old name of their type, Renamed("zoo.Animal.legs", "limbs"), Renamed("zoo.Color.RED",
// "CRIMSON"). Once the table has been opened this way, it remembers the new name, and programs
// with the old name can no longer open it.
func Renamed(old, name string) Option {
	return func(o *options) {
		if o.renames == nil {
			o.renames = make(renames)
		}
		o.renames[old] = name
	}
}

func newOptions(opts []Option) options {
	o := options{limits: defaultLimits}
	for _, opt := range opts {
		opt(&o)
	}
	return o
}

// budget returns how much memory a message of so many bytes may take.
func (l limits) budget(encoded int) int64 {
	return max(l.memory, product(l.perByte, int64(encoded)))
}

// product multiplies lengths and sizes, which are not negative. It never overflows into
// something small.
func product(a, b int64) int64 {
	if b != 0 && a > math.MaxInt64/b {
		return math.MaxInt64
	}
	return a * b
}
