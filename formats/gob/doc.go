// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package gob stores keys and values as encoding/gob does, without what makes that slow and big for single values: the
// descriptions of types, which gob repeats in front of every stream.
//
//	users, err := core.OpenTable(ctx, db, "users", keys.Uint64(), gob.New[User]())
//
// The description of T is kept once, with the table, and each value starts with its number, a byte. Types are numbered
// as they are met in T, and not as gob does, in the order in which the process first used them: so that a value has the
// same bytes in every process.
//
// A type may change. Fields are known by their names: they may be added, removed, and put into another order. A field
// that is stored and not in the type is passed over, one that is in the type and not stored is zero. int8 to int64, int,
// and pointers to them are one to gob, as are the unsigned integers, and the floats; a number that is too big for its
// field is an error. The names of types do not matter. A table keeps every description that was ever used to write, so
// that all rows stay readable; programs with different versions of a type may open a table in turn. What gob cannot
// convert, such as an int that became a string, is [core.ErrFormatMismatch] when the table is opened, and names the field
// and both types: give a changed field another name.
//
// Values that hold interfaces describe what is in them, except for the types that T is made of, and take more time:
// some ten microseconds. The types must be registered with [encoding/gob.Register] before they are read or written.
//
// Reading is bounded: gob takes the memory that the bytes ask for, so every value is walked over before gob sees it. Bytes
// in front of, inside and behind a value that do not belong there, what is nested more than 10000 levels deep, and what
// takes more memory than [WithMaxMemory] allows, are errors that wrap [core.ErrCorrupt]. Writing refuses what reading would
// refuse. Flipped bits inside of numbers and strings are not noticed; tables with checksums notice them.
//
// What gob keeps, and what it does not:
//   - Types that gob cannot store are refused when the table is opened: channels and functions, exported fields of such
//     types, structs without exported fields, and types with only one of the methods to encode and decode themselves.
//   - Unexported fields, and embedded structs of unexported types, are not stored.
//   - A pointer to zero, if it is a field, is read as nil, except for pointers to structs. A nil T is kept; a nil pointer
//     behind another pointer, or in a slice, an array or a map, is an error.
//   - An empty slice is read as nil, and -0 in a field as +0.
//   - Types that encode themselves, such as [time.Time] and [math/big.Int], are stored as they do it. Their methods must
//     not take much more memory than the bytes they are given.
//   - Maps are encoded in any order, so that values with maps have more than one encoding.
//   - A value that contains itself overflows the stack when it is written.
package gob
