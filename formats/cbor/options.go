// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package cbor

import (
	"math"

	"github.com/fxamacker/cbor/v2"
)

// Option changes what a format accepts. Except for [WithText] options do not change the
// encoding, so programs with different options can share a table, within the limits of each.
type Option func(*options)

type options struct {
	limits
	removed, retyped []string
}

type limits struct {
	nesting, elements int
	memory            int64
	text              bool
}

// WithText stores types that implement [encoding.TextMarshaler] and its opposite as text:
// [math/big.Rat] and [regexp.Regexp], say, or an enumeration with names. Without it they are
// stored as what they are made of, and a type without exported fields is refused. Types that
// implement the library's Marshaler or [encoding.BinaryMarshaler] are stored as their methods
// encode them, with or without the option. The encoding has another ID: decide when you make
// the table.
func WithText() Option { return func(l *options) { l.text = true } }

// WithMaxNesting sets how deeply arrays, maps and tags may be nested. The default is 32; values
// are brought into the range from 4 to 65535.
func WithMaxNesting(levels int) Option {
	return func(l *options) { l.nesting = min(max(levels, 4), 65535) }
}

// WithMaxElements sets how many elements an array, and how many pairs a map may have. The
// default is 1048576; values are brought into the range from 16 to 2147483647.
func WithMaxElements(n int) Option {
	return func(l *options) { l.elements = min(max(n, 16), math.MaxInt32) }
}

// WithMaxMemory sets how many bytes of memory a value may take when it is decoded. The default
// is 16 MiB; values are brought into the range from 64 KiB to what an int64 holds. A value
// whose encoding is more than a 32nd of that may take 32 times the bytes of its encoding. The
// count is an estimate, made before anything is decoded: a byte of a list can stand for a whole
// struct, and a damaged one for an error. It does not include what the methods of types that
// decode themselves allocate.
func WithMaxMemory(bytes int64) Option {
	return func(l *options) { l.memory = max(bytes, 64<<10) }
}

// WithRemoved says that fields were removed, so that [New] does not ask whether new fields of
// the same types are the old ones renamed. Give the path of each, in stored names or numbers:
// "Phone", "3", "Address.Street", "Friends[].Name". What rows hold of these fields is ignored,
// and stays until the row is put again. The option may stay in the program, and may name fields
// that never existed. It means nothing to [Key].
func WithRemoved(fields ...string) Option {
	return func(l *options) { l.removed = append(l.removed, fields...) }
}

// WithRetyped says that fields changed their types on purpose, because this program can read
// what is stored of them. Reading a row that it cannot read returns an error. Fields are named
// as in [WithRemoved].
func WithRetyped(fields ...string) Option {
	return func(l *options) { l.retyped = append(l.retyped, fields...) }
}

func newOptions(opts []Option) options {
	l := options{limits: limits{nesting: 32, elements: 1 << 20, memory: 16 << 20}}
	for _, o := range opts {
		o(&l)
	}
	return l
}

func newLimits(opts []Option) limits { return newOptions(opts).limits }

// perByte is how many bytes of memory each byte of an encoding may take, whatever the limit is.
const perByte = 32

// budget returns how much memory a value of so many bytes may take.
func (l limits) budget(encoded int) int64 { return max(l.memory, product(perByte, int64(encoded))) }

func (l limits) decMode() cbor.DecMode {
	o := cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		FieldNameMatching: cbor.FieldNameMatchingCaseSensitive,
		TimeTag:           cbor.DecTagRequired,
		MaxNestedLevels:   l.nesting,
		MaxArrayElements:  l.elements,
		MaxMapPairs:       l.elements,
	}
	if l.text {
		o.TextUnmarshaler = cbor.TextUnmarshalerTextString
	}
	return must(o.DecMode())
}

// valueEncMode is for values. Times are stored in UTC, because the zone offsets of RFC 3339
// have no seconds: in local time, most times before 1900 would be read up to a minute off.
func (l limits) valueEncMode() cbor.UserBufferEncMode {
	o := cbor.CoreDetEncOptions()
	o.Time, o.TimeTag = cbor.TimeRFC3339NanoUTC, cbor.EncTagRequired
	if l.text {
		o.TextMarshaler = cbor.TextMarshalerTextString
	}
	return must(o.UserBufferEncMode())
}

// keyEncMode is for keys, where nil and empty are the same.
func (l limits) keyEncMode() cbor.UserBufferEncMode {
	o := l.valueEncMode().EncOptions()
	o.NilContainers = cbor.NilContainerAsEmpty
	return must(o.UserBufferEncMode())
}

// must panics on an error. It is for options that are constants, or within the ranges that the
// library documents.
func must[M any](mode M, err error) M {
	if err != nil {
		panic(err)
	}
	return mode
}
