// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package gob stores keys and values as encoding/gob does, without what makes that slow and big
// for single values: the descriptions of types, which gob repeats in front of every stream.
//
//	users, err := core.OpenTable(ctx, db, "users", keys.Uint64(), gob.New[User]())
//
// The description of T is kept once, with the table, and each value starts with its number, a
// byte. Types are numbered as they are met in T, and not as gob does, in the order in which the
// process first used them: so that a value has the same bytes in every process.
//
// A type may change. Fields are known by their names: they may be added, removed, and put into
// another order. A field that is stored and not in the type is passed over, one that is in the
// type and not stored is zero. int8 to int64, int, and pointers to them are one to gob, as are
// the unsigned integers, and the floats; a number that is too big for its field is
// [core.ErrFormatMismatch] when it is read, and a float64 that is read into a float32 is
// rounded. A field that got another name is another field: what was stored under the old name
// would not be seen, and putting the row again would drop it. So if a field is gone while
// another one of the same type is new, opening the table is [core.ErrFormatMismatch], which
// names both: give a renamed field its name back, or say [WithRemoved] of one that was removed.
// (To rename a field, add the new one and keep the old one until all rows are put with the new
// one; then remove the old one.) Each type is asked about once. The names of types do not
// matter. A table keeps every description that was ever used to write, so that all
// rows stay readable; programs with different versions of a type may open a table in turn. What
// gob cannot convert, such as an int that became a string, is [core.ErrFormatMismatch] when the
// table is opened, and names the field and both types: give a changed field another name.
//
// Values that hold interfaces describe what is in them, except for the types that T is made of,
// and take more time: some ten microseconds. The types must be registered with
// [encoding/gob.Register] before they are read or written: a row with a name that is not
// registered, or that is registered for a type that does not fit what is stored, is
// [core.ErrFormatMismatch]. What is in an interface is read as the type that was registered,
// which is *P if a P is put and *P was registered, or the other way around.
//
// Reading is bounded: gob takes the memory that the bytes ask for, so every value is walked
// over before gob sees it. Bytes in front of, inside and behind a value that do not belong
// there, what is nested more than 10000 levels deep, and what takes more memory than
// [WithMaxMemory] allows, are errors that wrap [core.ErrCorrupt]. Writing refuses what reading
// would refuse. Flipped bits inside of numbers and strings are not noticed; tables with
// checksums notice them.
//
// What gob keeps, and what it does not:
//   - Types that gob cannot store are refused when the table is opened: channels and functions,
//     exported fields of such types, structs without exported fields, and types with only one of
//     the methods to encode and decode themselves. So are structs with fields that would be lost
//     because they embed a type that encodes itself, which then does so in the place of all of the
//     struct, or because they embed a struct of an unexported type. What is in interfaces is
//     refused when it is written.
//   - Unexported fields are not stored. Keys of a map that differ in nothing else become one.
//   - A pointer to zero or to an empty slice, if it is a field, is read as nil, except for pointers
//     to structs and to types that encode themselves. A nil T is kept; a nil pointer behind another
//     pointer, or in a slice, an array or a map, is an error when it is written.
//   - An empty slice is read as nil, and -0 in a field as +0. A nil map is read as an empty one,
//     except in a field.
//   - The bits of a NaN are kept. A map keeps the rows whose keys are NaN, each of which differs
//     from all others.
//   - Types that encode themselves, such as [time.Time] and [math/big.Int], are stored as they do
//     it. Their methods must not take much more memory than the bytes they are given.
//   - Maps are encoded in any order, so that values with maps have more than one encoding.
//   - A value that is nested too deeply to be read, such as one that contains itself, is
//     [core.ErrTooLarge] when it is written.
package gob
