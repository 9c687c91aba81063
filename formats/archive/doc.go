// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package archive stores plain Go structs and reads them in place.
//
//	//go:generate go tool guardkv-archive -type Filing
//
//	filings, err := core.OpenTable(ctx, db, "filings", keys.Uint64(), archive.New[Filing, FilingView]())
//
// Filing is a struct of your program, and guardkv-archive generates FilingView from it. A view
// has a method for each field, which reads the engine's own bytes: nothing is decoded or
// copied. Strings, bytes and views are valid as long as the view is, and must not be modified.
// Value returns a copy that lives forever. The README says which types can be archived.
//
// # Layout
//
// A record, "archive/1", is little endian and not aligned. It is a block: the size of its fixed
// part in 2 bytes, then the fixed part, which holds the fields at offsets that never change. A
// field that ends past the fixed part is zero: the program that wrote the record did not have
// it.
//
//   - Numbers and bools lie in place, int and uint with 64 bits; a time is its seconds since the
//     year 1 in 8 bytes and its nanoseconds in 4, in UTC. A pointer to one of these is a byte,
//     which is 1 if it is not nil, followed by the value.
//   - A string, []byte, slice or map is two numbers of 4 bytes: the offset of what it refers to,
//     from the start of the record, and how many bytes or elements there are. Both are 0 for nil,
//     and for an empty string.
//   - A slice of structs refers to the size of each in 2 bytes, followed by their fixed parts.
//     Elements of other slices are stored as fields are.
//   - A struct, or a pointer to one, is the offset of a block in 4 bytes, 0 for nil. With the tag
//     fixed, its fields lie in place.
//   - A map is a slice of keys and values, in ascending order of the keys.
//   - An interface is a tag in 2 bytes and the offset of a block. A type that encodes itself is
//     stored as the bytes that it makes.
//
// What fields refer to lies in the order of the references, each thing together with all that
// it refers to before the next. So nothing is shared, hidden, or visited twice, a value has one
// encoding, and the size of a record bounds the work of verifying it.
//
// # Verification
//
// Before View returns, it checks every reference, bool, time, map and interface against the
// schema that the table remembers. The work is in proportion to the references; numbers cost
// nothing. After that no accessor panics or leaves the record. A table with checksums
// ([core.WithChecksums]) is read without verification. Accessors of views that were not
// verified still check the bounds of the record: on damaged bytes they can panic or show other
// parts of the record, nothing else. Types that encode themselves are taken at their word: View
// has them decode what is there, and refuses what they refuse.
//
// # Schemas
//
// A table remembers the schemas of all programs that have opened it, merged into one. Fields
// may be added, removed, moved and renamed, types may be renamed, and interfaces may get more
// types; a program with an older type reads what it knows. OpenTable returns
// [core.ErrFormatMismatch] for any other change, and the error names both sides. Defaults are
// the zero values of Go.
package archive
