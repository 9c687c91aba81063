// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package compress stores the values of any other format compressed with zstd, by way of
// github.com/klauspost/compress.
//
//	pages, err := core.OpenTable(ctx, db, "pages", keys.String(), compress.New(values.String()))
//
// Each value is compressed by itself, so that one is read without the others. A value that would
// not become shorter is stored as it is, behind one byte. Everything that the inner format can do
// it can do here, with bytes that are inflated: it keeps its metadata, binds values to rows, trusts
// checksums, and reads in place.
//
// # Memory
//
// Views of inflated bytes lie in memory that is used again when the guard is closed, the scan goes
// on, or the transaction is over, so that reading allocates nothing of its own. [core.Table.Load],
// whose view is never given back, gets memory of its own. If the inner format decodes copies and
// says so ([core.FormatPowers].Owns), memory is used again at once.
//
// A few bytes can say that they inflate to gigabytes. What a value says of its size is compared
// with [WithMaxSize], and with what its blocks can inflate to, before memory is taken for it. It is
// [core.ErrCorrupt] then, and such a value is [core.ErrTooLarge] when it is written.
//
// # Dictionaries
//
// Small values have little in them that repeats, but much that they have in common. A [Dictionary]
// is made of what they have in common, by [TrainTable] or [Train], and given to [New] once, by
// [WithDictionary]:
//
//	d, err := compress.TrainTable(ctx, db, "people")
//	...
//	people, err := core.OpenTable(ctx, db, "people", keys.String(),
//		compress.New(cbor.New[Person](), compress.WithDictionary(d)))
//
// It is kept with the table, under a number that rows refer to. Nothing is written anew: old rows
// stay as they are, new ones are written with the dictionary that was added last, and a table keeps
// all that it was ever given, up to [MaxDictionaries], because some row may need each. A handle
// that was opened before a dictionary was added goes on without it: rows that were written with it
// are [core.ErrFormatMismatch] to that handle, until the table is opened again.
//
// A dictionary holds parts of values, readable, in the metadata of the table. Around this format,
// package encrypt encrypts that too.
//
// # What is stored
//
// A value is 0x00 and the value as the inner format encodes it, or a frame of zstd (RFC 8878),
// which begins with 0x28: in one segment, with its size, without a sum, and with the number of its
// dictionary, if there is one. The ID is "compress/zstd/1(" and that of the inner format and ")".
//
// Equal values have equal bytes if the inner format's have, they are written with the same level,
// the same dictionary, and the same version of the library. A later version may find a shorter
// frame; every version reads all of them.
//
// Encrypt what is compressed, and do not compress what is encrypted: that is possible, and saves
// nothing. The size of what is compressed before it is encrypted tells something of its content to
// whoever can put a part of it there and see sizes.
package compress
