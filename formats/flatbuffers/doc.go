// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package flatbuffers stores values as FlatBuffers and reads them in place, by way of
// github.com/google/flatbuffers.
//
//	chars, err := core.OpenTable(ctx, db, "chars", keys.Uint32(), flatbuffers.New[fb.CharT, fb.Char](fb.Schema))
//
// flatc generates fb.CharT and fb.Char for a table Char, and fb.Schema is the schema, compiled
// by the same flatc; see the README for the commands. Views are accessors on the engine's
// bytes: no field is decoded before it is asked for, and nothing is copied or allocated. The
// engine owns what accessors return ([]byte and other accessors) and what UnPack makes of
// vectors of ubyte: it must not be modified, and is valid as long as the view. The Mutate
// methods of accessors must not be called. Accessors of vectors do not check the index: like
// any index, it must be below the length.
//
// # Verification
//
// The FlatBuffers runtime for Go trusts what it reads. So this package verifies every record
// against the schema before it returns a view: offsets, vtables, alignment, required fields,
// strings, vectors, unions, nested records, depth, and the work that it may take. After that no
// accessor of generated code panics or leaves the record, whatever its bytes are. Verification
// costs less than reading all fields. A table with checksums (core.WithChecksums) is read
// without it: its rows were verified when they were written, and have not been damaged since.
// [Trusted] leaves verification out everywhere.
//
// A checksum finds damage; it is not a signature. Whoever can write to the file, or hands over
// a storage or a backup, can give any bytes the right checksum. Accessors of such bytes can
// panic, and can show other bytes of the record, but never those outside of it. Read data from
// others in a table without checksums, or have the storage check every row once, first:
// [core.Storage.Check] verifies the rows of every open table, whether they have checksums or
// not, unless the format is [Trusted]. [core.ValidateFull] runs before any table is open, and
// compares checksums alone; in a storage that is opened with it, every row is verified whenever
// it is read.
//
// Writes are verified too, and more strictly. Nothing is stored that could not be read again,
// nor any field or union member that is unknown both to this program's schema and to those of
// all other programs that have opened the table.
//
// # Schemas
//
// A table remembers the schema of its rows. These changes are fine, in whatever order programs
// open it:
//   - fields added at the end of a table, unless they are required; fields that become deprecated,
//     or are no longer known
//   - values added to enums, and members added to unions
//
// OpenTable returns core.ErrFormatMismatch for any other change, with the field and what it is on
// both sides: a field's type, id or default, whether it is required or optional, the layout of a
// struct, the number of a value or member, the file identifier, and names. A new name looks just
// like another field in an old place; [Renamed] says that the field is the same. A table never
// forgets a field, so the place of one that was removed is not used again.
//
// A program with an older schema can open a table that a newer one has written to. It does not
// see the fields it does not know, and its rows do not have them: a row that it unpacks,
// changes and puts back has lost them. To copy a row whole, put its bytes, w.Table().Bytes,
// into a table of [Raw]. Union members that the program does not know are unpacked as nil.
//
// The schema must be compiled with --bfbs-builtins. Without that flag it does not contain
// nested_flatbuffer, and nested records are plain bytes, which are not verified. FlexBuffers
// are never verified.
//
// # Limits
//
// There is no key format: one value can have many encodings as a FlatBuffer, so equal keys
// would not be equal bytes. The order of builder calls decides where things lie, vtables and
// strings may be shared or not, and a default may be stored or left out. Nor do encodings sort
// as their values do.
//
// Only tables can be stored, since a struct cannot be the root of a record. A schema with
// 64-bit offsets or vectors is refused, since the runtime for Go cannot read them.
// Size-prefixed records are not supported. Sorting by a key is not verified.
//
// Writing a nil in a vector, a nil part of a struct, or a union that has a type and no value
// returns an error that names the part: generated code would panic, or move the other elements
// of the vector. Writes return core.ErrTooLarge, before anything is packed, for tables that are
// nested more deeply than WithMaxDepth allows, such as those of a value that contains itself.
// Other misuse that makes generated code panic, such as a union whose type and value differ, is
// an error too.
//
// Bytes that nothing in a record refers to go unnoticed, whether they are inside the record or
// after it: builders leave some.
package flatbuffers
