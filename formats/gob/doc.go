// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package gob stores keys and values as encoding/gob does, but without the descriptions of
// types that gob repeats at the start of every stream, which make it slow and big for single
// values.
//
//	users, err := core.OpenTable(ctx, db, "users", keys.Uint64(), gob.New[User]())
//
// The table keeps the description of T once, and each value starts with its number, a byte.
// Types are numbered in the order in which they occur in T, so that a value has the same bytes
// in every process; gob numbers them in the order in which the process first used them.
//
// A type may change. Fields are known by their names: they may be added, removed, and put into
// another order. A field that is stored but not in the type is passed over; one that is in the
// type but not stored is zero. int8 to int64, int, and pointers to them are one type to gob, as
// are the unsigned integers, and the floats. Reading a number that is too big for its field
// returns [core.ErrFormatMismatch], and a float64 that is read into a float32 is rounded. A
// renamed field is another field: what was stored under the old name would not be seen, and
// putting the row again would drop it. So if a field is gone while another one of the same type
// is new, OpenTable returns [core.ErrFormatMismatch], and the error names both: give a renamed
// field its name back, or use [WithRemoved] for one that was removed. (To rename a field, add
// the new one and keep the old one until all rows have been put with the new one; then remove
// the old one.) Each type is asked about once. The names of types do not matter. A table keeps
// every description that was ever used to write, so that all rows stay readable; programs with
// different versions of a type may open a table in turn. If gob cannot convert a field, such as
// an int that became a string, OpenTable returns [core.ErrFormatMismatch], and the error names
// the field and both types: give a changed field another name.
//
// Values that hold interfaces describe the types in them, except for those that T is made of,
// and take more time: some ten microseconds. The types must be registered with
// [encoding/gob.Register] before they are read or written: a row with a name that is not
// registered, or that is registered for a type that does not fit what is stored, is
// [core.ErrFormatMismatch]. The content of an interface is read as the type that was
// registered: if a P is put and *P was registered, that is *P, and the other way around.
//
// Reading is bounded: gob allocates the memory that the bytes ask for, so this package walks
// over every value before gob sees it. Bytes before, inside or after a value that do not belong
// there, values that are nested more than 10000 levels deep, and values that take more memory
// than [WithMaxMemory] allows are errors that wrap [core.ErrCorrupt]. Writing refuses what
// reading would refuse. Flipped bits in numbers and strings are noticed only in tables with
// checksums.
//
// What gob keeps, and what it does not:
//   - Types that gob cannot store are refused when the table is opened: channels and functions,
//     exported fields of such types, structs without exported fields, and types with only one of
//     the methods to encode and decode themselves. So are structs whose fields would be lost
//     because they embed a type that encodes itself, whose methods then encode the whole struct, or
//     because they embed a struct of an unexported type. Such types in interfaces are refused when
//     they are written.
//   - Unexported fields are not stored. Keys of a map that differ only in them become one.
//   - A pointer to zero or to an empty slice, if it is a field, is read as nil, except for pointers
//     to structs and to types that encode themselves. A nil T is kept; a nil pointer behind another
//     pointer, or in a slice, an array or a map, is an error when it is written.
//   - An empty slice is read as nil, and -0 in a field as +0. A nil map is read as an empty one,
//     except in a field.
//   - The bits of a NaN are kept. A map keeps the entries whose keys are NaN, each of which differs
//     from all others.
//   - Types that encode themselves, such as [time.Time] and [math/big.Int], are stored as their
//     methods encode them. These must not take much more memory than the bytes they are given.
//   - Maps are encoded in any order, so a value with a map has more than one encoding.
//   - Writing a value that is nested too deeply to be read, such as one that contains itself,
//     returns [core.ErrTooLarge].
package gob
