// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package gob

import "math"

// Option changes what a format accepts. Options do not change the encoding, so programs with
// different options can share a table, within the limits of each.
type Option func(*options)

type options struct {
	limits
	removed []string
}

type limits struct{ memory int64 }

// WithMaxMemory sets how many bytes of memory a value may take when it is read. The default is
// 16 MiB; values are brought into the range from 64 KiB to what an int64 holds. A value whose
// encoding is more than a 32nd of that may take 32 times the bytes of its encoding. The count
// is about what gob allocates, plus something for each part that takes time: a million zeros
// take only a byte each when they are stored.
func WithMaxMemory(bytes int64) Option {
	return func(o *options) { o.memory = max(bytes, 64<<10) }
}

// WithRemoved says that fields were removed, so that [New] does not ask whether new fields of the
// same types are the old ones renamed. Give the path of each: "Phone", "Address.Street",
// "Friends[].Name". What rows hold of these fields is passed over, and stays until the row is put
// again. The option may stay in the program, and may name fields that never existed. It means
// nothing to [Key].
func WithRemoved(fields ...string) Option {
	return func(o *options) { o.removed = append(o.removed, fields...) }
}

func newOptions(opts []Option) options {
	o := options{limits: limits{memory: 16 << 20}}
	for _, opt := range opts {
		opt(&o)
	}
	return o
}

// perByte is how many bytes of memory each byte of an encoding may take, whatever the limit is.
const perByte = 32

// budget returns how much memory a value of so many bytes may take.
func (l limits) budget(encoded int) int64 {
	if int64(encoded) > math.MaxInt64/perByte {
		return math.MaxInt64
	}
	return max(l.memory, perByte*int64(encoded))
}
