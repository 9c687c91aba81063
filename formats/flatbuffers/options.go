// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package flatbuffers

import "math"

// Option changes how a format checks records and schemas. Options do not change the encoding,
// so programs with different options can share a table, within the limits of each.
type Option func(*options)

type options struct {
	limits
	trusted bool
	renames renames
}

// limits bounds what a record may cost its readers.
type limits struct {
	depth int // of tables in tables
	work  int // steps for each byte of a record
}

var defaultLimits = limits{depth: 64, work: 32}

// WithMaxDepth sets how deeply tables may be nested, those of nested records included. The
// default is 64, as in FlatBuffers' own verifiers; values are brought into the range from 4
// to 65535.
func WithMaxDepth(tables int) Option {
	return func(o *options) { o.depth = min(max(tables, 4), 65535) }
}

// WithMaxWork sets how many steps of verification a record may cost for each of its bytes. A
// table costs 16 steps and 2 for each field that its vtable has room for; a string or an
// element of a vector costs 4, and 16 of their bytes 1. The default is 32. That is far more
// than a record needs in which nothing is referred to twice, and enough to refer to a kilobyte
// from as many places as possible. Without the limit, a hostile record could take years. Values
// are brought into the range from 1 to 65535.
func WithMaxWork(stepsPerByte int) Option {
	return func(o *options) { o.work = min(max(stepsPerByte, 1), 65535) }
}

// Trusted makes reads trust what is stored: views are made without verification, in a time that
// does not depend on the size of the record.
//
// This is dangerous. If a stored byte was damaged, or was written by an attacker, accessors of
// a trusted view can panic, and can silently return other bytes of the same record; they never
// reach bytes outside it. [core.Storage.Check] does not verify such a table either. Tables that
// are opened with checksums do not need this option: their rows are verified when they are
// written, and a row whose checksum is right is read without verification.
func Trusted() Option { return func(o *options) { o.trusted = true } }

// Renamed declares that something in the schema has a new name but the same meaning. Name types
// with their namespaces, Renamed("zoo.Animal", "zoo.Beast"); name fields, and the values of
// enums and unions, with the old name of their type, Renamed("zoo.Animal.legs", "limbs"). Once
// the table has been opened this way, it remembers the new name, and programs with the old name
// can no longer open it.
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

// The costs of checks, in steps of very roughly a nanosecond. They are also in proportion to
// the memory that unpacking takes, so a bound on one is a bound on the other.
const (
	tableCost   = 16
	slotCost    = 2 // a field that the vtable of a table has room for
	elementCost = 4 // a string, vector or element of a vector that is checked
	// 1 for each 16 bytes of a string or vector, which are not read, but may be copied
	bytesShift = 4
	freeWork   = 4096
)

const (
	maxSize  = math.MaxInt32 // offsets have 31 bits
	minSize  = 8             // an offset and an empty table
	maxSlots = (math.MaxUint16 - 4) / 2
)
