// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cbor

import (
	"math"

	"github.com/fxamacker/cbor/v2"
)

// Option changes what a format accepts. It does not change the encoding, so that programs with different options can
// share a table, within the limits of each.
type Option func(*limits)

type limits struct{ nesting, elements int }

// WithMaxNesting sets how deeply arrays, maps and tags may be nested. The default is 32; values are brought
// into the range from 4 to 65535.
func WithMaxNesting(levels int) Option {
	return func(l *limits) { l.nesting = min(max(levels, 4), 65535) }
}

// WithMaxElements sets how many elements an array, and how many pairs a map may have. The default is 1048576; values
// are brought into the range from 16 to 2147483647. An element takes one byte at least, but up to the size of
// its Go type in memory: with a high limit a damaged value of n bytes can take n times that size.
func WithMaxElements(n int) Option {
	return func(l *limits) { l.elements = min(max(n, 16), math.MaxInt32) }
}

func newLimits(opts []Option) limits {
	l := limits{nesting: 32, elements: 1 << 20}
	for _, o := range opts {
		o(&l)
	}
	return l
}

func (l limits) decMode() cbor.DecMode {
	return must(cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		FieldNameMatching: cbor.FieldNameMatchingCaseSensitive,
		TimeTag:           cbor.DecTagRequired,
		MaxNestedLevels:   l.nesting,
		MaxArrayElements:  l.elements,
		MaxMapPairs:       l.elements,
	}.DecMode())
}

// valueEncMode is for values. The local time of RFC 3339 has no seconds in its offset: times of before 1900 in most zones
// would be read as up to a minute off. In UTC they are exact.
func valueEncMode() cbor.UserBufferEncMode {
	o := cbor.CoreDetEncOptions()
	o.Time, o.TimeTag = cbor.TimeRFC3339NanoUTC, cbor.EncTagRequired
	return must(o.UserBufferEncMode())
}

// keyEncMode is for keys: there nil and empty are the same.
func keyEncMode() cbor.UserBufferEncMode {
	o := valueEncMode().EncOptions()
	o.NilContainers = cbor.NilContainerAsEmpty
	return must(o.UserBufferEncMode())
}

// must is for options that are constants, or within the ranges that the library documents.
func must[M any](mode M, err error) M {
	if err != nil {
		panic(err)
	}
	return mode
}
