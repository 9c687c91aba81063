// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package protobuf stores values as protocol buffers, by way of google.golang.org/protobuf.
//
//	people, err := core.OpenTable(ctx, db, "people", keys.String(), protobuf.New[*pb.Person]())
//
// pb.Person is what protoc-gen-go generates for a message, in its open, hybrid or opaque API,
// of proto2, proto3 or an edition. Rows are the bytes that every program in every language
// writes for the message. Reading decodes a copy, which may be kept; with the opaque API,
// fields that are declared with [lazy = true] are checked then, and decoded when they are asked
// for.
//
// # Descriptors
//
// A table remembers the descriptor of its rows: the message, and the messages and enums that it
// refers to. It is compared with that of the program whenever the table is opened, by numbers,
// names and types. These changes are fine, in whatever order programs open the table:
//   - fields added and removed, unless they are required; members added to a oneof and removed;
//     numbers and names reserved
//   - values added to enums and removed, and further names for a value
//   - packed, presence (optional or not), declared defaults, names in JSON, comments and options;
//     types that move to another file, and another syntax as far as it changes nothing else
//
// These go one way, because old rows fit the new type and not the other way round: int32 to
// int64, sint32 to sint64, uint32 to uint64, and a string that must be UTF-8 to one that may be
// any bytes, as those of proto2 may. When the table has been opened with the wide type,
// programs with the narrow one cannot open it any more.
//
// OpenTable returns core.ErrFormatMismatch for any other change, with the field and what it is on
// both sides: a field with another number, a number with another field, another type, singular
// and repeated, into and out of a oneof, the types of a map, required or not, the number of an
// enum's value, open and closed enums, another name. That is more than decoders of protocol
// buffers mind. Some of these changes they read, and read as something else. [Renamed] says
// that a new name means what the old one meant. A table never forgets a field or value, so that
// the number of one that was removed is not used again, whether or not somebody thought of
// reserving it.
//
// A program with an older message can open a table that a newer one has written to. It keeps
// the fields that it does not know: a row that it reads, changes and puts back has them still.
//
// # What is written and read
//
// Encoding is deterministic in the sense of the library: one program writes equal messages as
// equal bytes. Another version of the library may write the fields in another order, and two
// messages that differ in the order of their unknown fields, or in the bits of a NaN, are not
// equal. So do not compare the bytes of rows of different programs.
//
//   - A nil message is refused. A nil in a list, a map or a oneof is an empty message, as
//     everywhere in protocol buffers.
//   - A string that must be UTF-8 and is not, and a required field that is not set, are errors of
//     the write that name the field, and core.ErrCorrupt when they are read.
//   - Writes return core.ErrTooLarge for a message that contains itself, is nested more deeply
//     than [WithMaxNesting] says, or would take more memory than [WithMaxMemory] allows. Two bytes
//     can stand for a struct of a kilobyte, so what decoding would allocate is estimated before
//     anything is decoded, and reads return core.ErrCorrupt for bytes that would take more.
//   - A message with extension ranges, or that has such a message in it, is refused by
//     [core.OpenTable], as is a MessageSet: what is stored in extensions is in no descriptor of the
//     message, and is unknown to programs that do not link it, so it could not be compared. A
//     google.protobuf.Any is stored as it is; what is in it is not looked at.
//
// Marshaling notes sizes in the message, as it always does. A message may be written by several
// goroutines at once.
//
// There is no key format: the order of fields is not promised, so equal keys might not be equal
// bytes.
//
// [Explain] shows tables without generated code, and [Dynamic] opens them.
package protobuf
