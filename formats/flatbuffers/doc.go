// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package flatbuffers stores values as FlatBuffers and reads them in place, by way of
// github.com/google/flatbuffers.
//
//	chars, err := core.OpenTable(ctx, db, "chars", keys.Uint32(), flatbuffers.New[fb.CharT, fb.Char](fb.Schema))
//
// fb.CharT and fb.Char are what flatc generates for a table Char, and fb.Schema is the schema,
// compiled by the same flatc; see the README for the commands. Views are accessors on the
// engine's bytes: no field is decoded before it is asked for, and nothing is copied or
// allocated. What accessors return ([]byte and other accessors) and what UnPack makes of
// vectors of ubyte is owned by the engine, must not be modified, and is valid as long as the
// view. The Mutate methods of accessors must not be called. Accessors of vectors do not look at
// the index: like any index, it must be below the length.
//
// # Verification
//
// The FlatBuffers runtime for Go believes what it reads. So this package verifies every record
// before there is a view of it, against the schema: offsets, vtables, alignment, required
// fields, strings, vectors, unions, nested records, depth, and the work that it may take. After
// that no accessor of generated code panics or leaves the record, whatever its bytes are. It
// costs less than reading all fields. A table with checksums (core.WithChecksums) is read
// without: its rows were verified when they were written, and not damaged since. [Trusted]
// leaves verification out everywhere.
//
// A checksum finds damage. It is no signature: whoever can write to the file, or hands over a
// storage or a backup, can give any bytes the right checksum, and accessors of such bytes can
// panic, and show other bytes of the record, never those outside of it. Read what comes from
// others in a table without checksums, or have the storage check every row first, once:
// [core.Storage.Check] verifies those of every table that is open, whether they have checksums
// or not, unless the format is [Trusted]. [core.ValidateFull] runs before any table is open,
// and compares checksums alone; in a storage that is opened with it every row is verified
// whenever it is read.
//
// What is written is verified too, and more strictly: nothing is stored that could not be read
// again, nor fields or members of unions that neither this program's schema nor that of any
// other program that has opened the table knows.
//
// # Schemas
//
// A table remembers the schema of its rows. These changes are fine, in whatever order programs
// open it:
//   - fields added at the end of a table, unless they are required; fields that are deprecated, or
//     no longer known
//   - values added to enums, and members added to unions
//
// OpenTable returns core.ErrFormatMismatch for any other change, with the field and what it is on
// both sides: a field's type, id or default, whether it is required or optional, the layout of
// a struct, the number of a value or member, the file identifier, and names: a new name cannot
// be told from another field in an old place. [Renamed] says that it is the same. A table never
// forgets a field, so the place of one that was removed is not used again.
//
// A program with an older schema can open a table that a newer one has written to. It does not
// see the fields it does not know, and its rows do not have them; when it unpacks a row,
// changes it and puts it back, the row has lost them. To copy a row whole, put its bytes,
// w.Table().Bytes, into a table of [Raw]. Members of unions that it does not know are unpacked
// as nil.
//
// The schema must be compiled with --bfbs-builtins. Without it there is no nested_flatbuffer in
// it, and nested records are bytes like others, which are not verified. FlexBuffers never are.
//
// # Limits
//
// There is no key format: one value can have many encodings as a FlatBuffer, so equal keys
// would not be equal bytes. The order of builder calls decides where things lie, vtables and
// strings may be shared or not, a default may be stored or left out; and no order of encodings
// is that of the values.
//
// Only tables can be stored, since a struct cannot be the root of a record. 64-bit offsets and
// vectors, which the runtime for Go cannot read, are refused with the schema. Size-prefixed
// records are not supported. Sorting by a key is not verified.
//
// A nil in a vector, a nil part of a struct, and a union that has a type and no value are
// errors of the write that name the part: generated code would panic, or move what else is in
// the vector. Tables that lie in each other more deeply than WithMaxDepth allows, such as those
// of a value that contains itself, are core.ErrTooLarge before they are packed. Other misuse
// that makes generated code panic, such as a union whose type and value differ, is an error
// too.
//
// Bytes that nothing in a record refers to are not noticed, whether they are in it or behind
// it: builders leave some.
package flatbuffers
