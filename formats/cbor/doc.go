// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package cbor stores keys and values as CBOR (RFC 8949), by way of github.com/fxamacker/cbor.
//
//	users, err := core.OpenTable(ctx, db, "users", keys.Uint64(), cbor.New[User]())
//
// The encoding is the core deterministic one of RFC 8949: one value, one encoding. Structs are maps. With the field option
// keyasint they are compact and may still gain and lose fields:
//
//	type User struct {
//		Name  string    `cbor:"1,keyasint"`
//		Since time.Time `cbor:"2,keyasint"`
//		Tags  []string  `cbor:"3,keyasint,omitempty"`
//	}
//
// Give a new field a new number and never use a number again. A field that is stored and not in the type is ignored,
// one that is in the type and not stored is zero. Integers and floats may become wider, and T may become *T. Nothing of the
// type is kept with the table: a field that is known by its name and is renamed, or gets a number, reads as zero in the
// rows that are there, and a number that is used again for another type is an error in them, if not worse. (The option
// toarray takes a few bytes less, and makes it an error to add or remove a field.)
//
// Reading is strict: duplicate map keys, indefinite lengths, trailing bytes, invalid UTF-8, and what is nested too deeply
// or has too many elements are errors that wrap [core.ErrCorrupt]; the names of fields are compared with their case.
// Reading is bounded too: a few bytes can stand for a big struct or map, so what decoding a value would allocate is
// estimated before, and more than [WithMaxMemory] allows is an error.
// Writing refuses what reading would refuse, so that no value is lost when it is written: an overlong array, say, or a
// string that is not UTF-8.
//
// What CBOR or the Go types keep, and what they do not:
//   - A [time.Time] keeps its instant to the nanosecond and is read in UTC, in the years 0 to 9999. It is stored as text
//     under tag 0, and what has no tag is not read as a time.
//     Others are an error when they are written. The zero time is stored as null.
//   - A nil pointer, slice, map or interface is stored as null and read as nil; null reads as zero into all other types.
//     The difference between nil and empty is kept.
//   - A [math/big.Int] of any size keeps its value, as an integer or, beyond 64 bits, as a bignum. So do -0 and infinities; every NaN becomes the same one.
//   - A value in a field of type any is read as the type that CBOR has for it: an int comes back as uint64 or int64.
//     Other interfaces can be written and never read.
//   - Unexported fields are not stored, and neither are fields that share a name.
//   - Types that implement the library's Marshaler and Unmarshaler, or [encoding.BinaryMarshaler] and its opposite, are stored
//     as they do it. What their methods allocate is not bounded.
//   - A value that contains itself overflows the stack when it is written.
package cbor
