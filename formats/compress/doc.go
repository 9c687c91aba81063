// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package compress stores the values of any other format compressed with zstd, by way of
// github.com/klauspost/compress.
//
//	pages, err := core.OpenTable(ctx, db, "pages", keys.String(), compress.New(values.String()))
//
// Each value is compressed by itself, so that it can be read without the others. A value that would
// not become shorter is stored as it is, behind one byte. The inner format keeps all its powers and
// works on inflated bytes: it keeps its metadata, binds values to rows, trusts checksums, and reads
// in place.
//
// # Memory
//
// Views of inflated bytes lie in memory that is reused when the guard is closed, the scan goes on,
// or the transaction is over, so that reading allocates nothing of its own. [core.Table.Load],
// whose view is never given back, gets memory of its own. If the inner format decodes copies and
// says so ([core.FormatPowers].Owns), memory is reused at once.
//
// A few bytes can claim to inflate to gigabytes. So before memory is allocated for a value, the
// size that it claims is compared with [WithMaxSize], and with what its blocks can inflate to.
// Reading a value that claims too much returns [core.ErrCorrupt]; writing one that is too large
// returns [core.ErrTooLarge].
//
// # Dictionaries
//
// Small values repeat little within themselves, but share much with each other. [TrainTable] or
// [Train] makes a [Dictionary] of what they share, and [WithDictionary] gives it to [New], once:
//
//	d, err := compress.TrainTable(ctx, db, "people")
//	...
//	people, err := core.OpenTable(ctx, db, "people", keys.String(),
//		compress.New(cbor.New[Person](), compress.WithDictionary(d)))
//
// The table keeps the dictionary under a number that rows refer to. No row is rewritten: old rows
// stay as they are, and new ones are written with the dictionary that was added last. A table keeps
// all dictionaries that it was ever given, up to [MaxDictionaries], because some row may need each.
// A handle that was opened before a dictionary was added goes on without it: reading a row that was
// written with it returns [core.ErrFormatMismatch] until the table is opened again.
//
// A dictionary holds readable parts of values in the metadata of the table. Package encrypt, around
// this format, encrypts that too.
//
// # What is stored
//
// A value is stored as 0x00 followed by the encoding of the inner format, or as a zstd frame (RFC
// 8878), which begins with 0x28. The frame has one segment, its size, no checksum, and the number
// of its dictionary, if there is one. The ID is "compress/zstd/1(", the ID of the inner format, and
// ")".
//
// Equal values have equal bytes if the inner format encodes them equally and they are written with
// the same level, the same dictionary, and the same version of the library. A later version may
// find a shorter frame; every version reads all of them.
//
// Compress before you encrypt: compressing encrypted bytes is possible, but saves nothing. The size
// of a value that is compressed and then encrypted tells something about its content to anyone who
// can choose a part of it and see sizes.
package compress
