// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package cbor stores keys and values as CBOR (RFC 8949), by way of github.com/fxamacker/cbor.
//
//	users, err := core.OpenTable(ctx, db, "users", keys.Uint64(), cbor.New[User]())
//
// The encoding is the core deterministic one of RFC 8949: one value, one encoding, but for what
// methods of its own write. Structs are maps. With the field option keyasint they are compact
// and may still gain and lose fields:
//
//	type User struct {
//		Name  string    `cbor:"1,keyasint"`
//		Since time.Time `cbor:"2,keyasint"`
//		Tags  []string  `cbor:"3,keyasint,omitempty"`
//	}
//
// Give a new field a new number and never use a number again. A field that is stored and not in
// the type is ignored, one that is in the type and not stored is zero. Integers and floats may
// become wider, and T may become *T.(The option toarray takes a few bytes less, and makes it an
// error to add or remove a field.)
//
// A field that got another name would read as zero in the rows that are there, and a number
// that is used again for something else is nonsense in them. So the names or numbers of the
// fields of T, and their types, are recorded with the table, and T is compared with all that
// opened it before, by the rules of package [github.com/guardkv/guardkv/core/shape]. Opening
// the table is [core.ErrFormatMismatch], which names the field and both sides, if a field has
// another type, or if one is gone and another one of its type is new: keep the stored name of a
// renamed field by its tag, and say [WithRemoved] of one that was removed, or [WithRetyped].
// Programs of several versions may open a table in turn. A table of a GuardKV that recorded
// nothing begins with the first T that opens it. A type that says nothing, such as any or
// map[string]any, is not recorded, and opens every table.
//
// Reading is strict: duplicate map keys, indefinite lengths, trailing bytes, invalid UTF-8, and
// what is nested too deeply or has too many elements are errors that wrap [core.ErrCorrupt];
// the names of fields are compared with their case. Numbers and lengths with longer heads than
// they need, which this package does not write, are read in values, and mean what the short
// ones mean; in keys they are errors. Reading is bounded too: a few bytes can stand for a big
// struct or map, so what decoding a value would allocate is estimated before, and more than
// [WithMaxMemory] allows is an error. Writing refuses what reading would refuse, so that no
// value is lost when it is written: an overlong array, say, or a string that is not UTF-8.
//
// A type of which something would be lost is refused by [core.OpenTable], before the table is
// made, and the error leads to the part of it that is to blame:
//   - interfaces with methods, which could be written and never read; channels, functions, complex
//     numbers, uintptr and [unsafe.Pointer]; pointers as the keys of a map, or that lead to nothing
//     but themselves;
//   - two fields with one name or number, be they side by side, hidden by one another, or in
//     embedded structs; and what is embedded twice;
//   - structs of which nothing is stored, because they have unexported fields alone, such as
//     [math/big.Rat] (see [WithText]), [sync/atomic.Int64] or [bytes.Buffer];
//   - embedded pointers to unexported structs, which cannot be set when they are read;
//   - fields that are left out by the tag json:"-": say cbor:"-" if you mean it. Other tags of JSON
//     are used where there is none of cbor;
//   - tags that are malformed or have options that do not exist;
//   - structs that are encoded by a method of a struct that they embed, with which their other
//     fields are lost: struct{ time.Time; Note string } would be stored as the time alone. And
//     methods that have no opposite.
//
// What is in an interface is looked at when it is written, and is an error then. Types that
// encode themselves are read again before they are stored, and written again: what their
// methods cannot read, or read as something else, is an error too. (This takes twice the time
// of reading, and finds no difference that these methods do not write.)
//
// What CBOR or the Go types keep, and what they do not:
//   - A [time.Time] keeps its instant to the nanosecond and is read in UTC, in the years 0 to 9999,
//     without a monotonic reading. It is stored as text under tag 0, and what has no tag is not
//     read as a time. Others are an error when they are written. The zero time is stored as null.
//   - A nil pointer, slice, map or interface is stored as null and read as nil; null reads as zero
//     into all other types. The difference between nil and empty is kept, without omitempty. A
//     pointer to what is stored as null, such as a nil slice or pointer, or the zero time, is read
//     as nil. Two pointers to one thing are read as pointers to two.
//   - A [math/big.Int] of any size keeps its value, as an integer or, beyond 64 bits, as a bignum.
//     So do -0 and infinities; every NaN becomes the same one.
//   - A value in a field of type any is read as the type that CBOR has for it: an int comes back as
//     uint64 or int64, a float32 as float64, a struct or map as map[any]any.
//   - Unexported fields are not stored beside others that are, and neither are fields with the tag
//     cbor:"-". Fields with omitempty or omitzero are not when they are empty, and then read as
//     zero: an embedded pointer of which no field is stored is nil.
//   - An array that is read into a longer one leaves zeros, and into a shorter one loses its end.
//   - Types that implement the library's Marshaler and Unmarshaler, or [encoding.BinaryMarshaler]
//     and its opposite, are stored as they do it. What their methods allocate is not bounded. In
//     slices of a type of bytes its own methods are not used.
//   - A value that contains itself, or is nested more deeply than [WithMaxNesting] says, is
//     [core.ErrTooLarge] when it is written.
package cbor
