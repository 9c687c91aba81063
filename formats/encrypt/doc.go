// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package encrypt stores the values of any other format encrypted with AES-256-GCM from the
// standard library. Each value is bound to its row.
//
//	key, err := encrypt.NewKey(1, secret) // 32 random bytes that are kept elsewhere
//	...
//	ks, err := encrypt.NewKeys(key)
//	...
//	notes, err := core.OpenTable(ctx, db, "notes", keys.String(), encrypt.New(cbor.New[Note](), ks))
//
// # What is protected
//
// Against somebody who has the files, or a backup of them, but not the secret:
//   - Values cannot be read. Neither can the metadata that the inner format keeps with the
//     table, such as a schema or a dictionary.
//   - Values cannot be changed or forged: reading a row whose value was returns
//     [core.ErrCorrupt], and nothing of the row.
//   - The value of a row cannot be moved to another row, nor to another table of this storage
//     or any other: the table's random ID and the row's key are authenticated with it.
//
// # What is not
//
//   - The keys of rows are not encrypted, since they have to be in order. Keep secrets out of them,
//     or store an HMAC of the secret.
//   - Names of tables, IDs of formats and keys, how many rows there are and how many bytes each
//     has: a row is 32 bytes longer than its value. Anyone who sees the files repeatedly sees
//     which rows change, and anyone who watches the machine sees which ones are read.
//   - A row can be deleted, or replaced by an earlier version of itself, and so can the whole
//     storage. Nothing in it says which version is the latest.
//   - Copies of a storage that Backup and Restore make have the same table IDs: a row of one
//     copy is valid in the other, under the same key.
//   - The metadata of a table is encrypted and authenticated, but it is bound to the format, not to
//     the table.
//   - If values are compressed first, their sizes tell something about their content: see
//     package compress.
//   - The memory of the process can be read. See below for what is cleared.
//
// Encryption is no access control: whoever has the secret reads and writes everything.
//
// # Keys
//
// Each row has the ID of the key that encrypted it. [NewKeys] takes the key to write with, and
// others that rows may still need. To change keys, put the new one first, open the table, and
// rewrite every row, as the example of [NewKeys] does; then the old key can be left out. Opening
// the table for writing encrypts its metadata with the new key.
//
// A table keeps a check for each key that it was written with. OpenTable returns [ErrKey] if a
// known ID has a wrong secret, or if the key of the metadata is missing. Reading a row whose key is
// missing returns an error that is both ErrKey and [core.ErrFormatMismatch]. OpenTable returns ErrKey
// alone, so that no policy sets a table aside because of a wrong key.
//
// A key encrypts at most [MaxRows] rows, because each has a random nonce of 96 bits, and two equal
// nonces would give both rows away. The count covers all rows that this process writes with a
// secret, in all tables and storages, including rows whose transaction failed in the end. It does
// not cover what other processes wrote, or this one before a restart: if the program keeps that
// number, [Key.AddRows] adds it. At 1,000 rows a second, a key lasts 49 days. When it is used up,
// writes return [ErrExhausted], and reads go on.
//
// # Memory
//
// Decrypted bytes lie in memory that is reused, and cleared first: when the guard is closed, when
// the scan goes on, when the transaction is over, or at once if the inner format decodes copies and
// says so ([core.FormatPowers].Owns). Load's views, which are never given back, lie in memory that
// is not cleared. Values are encoded in memory that is cleared too, never in that of the batch that
// is written. These are not cleared: decoded values, memory that the inner format allocates
// (buffers that became too small while a value was encoded, the windows of a compressor), the
// secret in Go's cipher, and what the operating system writes to swap.
//
// # What is stored
//
// The ID is "encrypt/1(", the ID of the inner format, and ")". A row is the ID of the key in 4
// bytes, big endian, the nonce in 12, the encrypted value, and the tag in 16. The associated data
// is "guardkv encrypt/1", the byte 1, the length of the format's ID in 4 bytes and that ID, the
// table's ID in 16, the ID of the key in 4, the length of the row's key in 8 and that key.
package encrypt
