// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package protobuf stores values as protocol buffers, by way of google.golang.org/protobuf.
//
//	people, err := core.OpenTable(ctx, db, "people", keys.String(), protobuf.New[*pb.Person]())
//
// protoc-gen-go generates pb.Person for a message of proto2, proto3 or an edition, in its open,
// hybrid or opaque API. Rows are the bytes that every program in every language writes for the
// message. Reading decodes a copy, which may be kept. With the opaque API, fields that are
// declared with [lazy = true] are checked then, and decoded when they are asked for.
//
// # Descriptors
//
// A table remembers the descriptor of its rows: the message, and the messages and enums that it
// refers to. Whenever the table is opened, it is compared with the program's descriptor by
// numbers, names and types. These changes are fine, in whatever order programs open the table:
//   - fields added and removed, unless they are required; members added to a oneof and removed;
//     numbers and names reserved
//   - values added to enums and removed, and further names for a value
//   - packed, presence (optional or not), declared defaults, names in JSON, comments and options;
//     types that move to another file, and another syntax as far as it changes nothing else
//
// These changes go one way, because old rows fit the new type but new rows do not fit the old
// one: int32 to int64, sint32 to sint64, uint32 to uint64, and a string that must be UTF-8 to
// one that may be any bytes, as in proto2. Once the table has been opened with the wide type,
// programs with the narrow one can no longer open it.
//
// OpenTable returns core.ErrFormatMismatch for any other change, with the field and what it is on
// both sides: a field with another number, a number with another field, another type, singular and
// repeated, into and out of a oneof, the types of a map, required or not, the number of an enum's
// value, open and closed enums, another name. Decoders of protocol buffers are less strict: some of
// these changes they read, but as something else. [Renamed] says that a new name means what the old
// one meant. A table never forgets a field or value, so the number of one that was removed is not
// used again, whether or not the schema reserves it.
//
// A program with an older message can open a table that a newer one has written to. It keeps
// the fields that it does not know: a row that it reads, changes and puts back still has them.
//
// # What is written and read
//
// Encoding is deterministic in the sense of the library: one program writes equal messages as
// equal bytes. Another version of the library may write the fields in another order, and two
// messages that differ in the order of their unknown fields, or in the bits of a NaN, are not
// equal. So do not compare the bytes of rows that different programs wrote.
//
//   - A nil message is refused. A nil in a list, a map or a oneof is an empty message, as
//     everywhere in protocol buffers.
//   - A string that must be UTF-8 and is not, or a required field that is not set, makes a write
//     return an error that names the field, and a read return core.ErrCorrupt.
//   - Writes return core.ErrTooLarge for a message that contains itself, is nested more deeply than
//     [WithMaxNesting] allows, or would take more memory than [WithMaxMemory] allows. Two bytes can
//     stand for a struct of a kilobyte, so the memory that decoding would allocate is estimated
//     before anything is decoded, and reads return core.ErrCorrupt for bytes that would take more.
//   - [core.OpenTable] refuses a message that has extension ranges, or contains a message that has
//     them, as well as a MessageSet. Extensions are in no descriptor of the message, and unknown to
//     programs that do not link them, so they could not be compared. A google.protobuf.Any is
//     stored as it is; its content is not checked.
//
// Marshaling caches sizes in the message, as it always does. Several goroutines may write a
// message at once.
//
// There is no key format: the library does not promise the order of fields, so equal keys might
// not be equal bytes.
//
// [Explain] shows tables without generated code, and [Dynamic] opens them.
package protobuf
