// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package encrypt stores the values of any other format encrypted with AES-256-GCM, of the standard
// library. Each value is bound to its row.
//
//	key, err := encrypt.NewKey(1, secret) // 32 random bytes that are kept elsewhere
//	...
//	ks, err := encrypt.NewKeys(key)
//	...
//	notes, err := core.OpenTable(ctx, db, "notes", keys.String(), encrypt.New(cbor.New[Note](), ks))
//
// # What is protected
//
// Against somebody who has the files, or a backup of them, and not the secret:
//   - Values cannot be read. Neither can what the inner format keeps with the table, such as a
//     schema or a dictionary.
//   - Values cannot be changed, nor made: a row that was is [core.ErrCorrupt], and nothing of it is
//     returned.
//   - The value of a row cannot be given to another row, nor to a row of another table, of this
//     storage or any other: the table's random ID and the row's key are authenticated with it.
//
// # What is not
//
//   - The keys of rows are not encrypted, since they have to be in order. Keep what is secret out
//     of them, or store an HMAC of it.
//   - Names of tables, IDs of formats and keys, how many rows there are and how many bytes each
//     has: a row is 32 bytes longer than its value. Who sees the files often sees which rows
//     change, and who sees the machine which ones are read.
//   - A row can be deleted, or replaced by what it was before, and so can the whole storage.
//     Nothing in it says what is the latest.
//   - Copies of a storage, which Backup and Restore make, have the same table IDs: a row of one
//     copy is a valid row, of the same key, in the other.
//   - The metadata of a table is encrypted and authenticated, but bound to the format and not to
//     the table.
//   - Sizes of values that are compressed before tell something of their content: see package
//     compress.
//   - The memory of the process. See below for what is cleared.
//
// Encryption is no access control: whoever has the secret reads and writes everything.
//
// # Keys
//
// Each row has the ID of the key that encrypted it. [NewKeys] takes the key to write with, and
// others that rows may still need. To change keys, put the new one first, open the table, and write
// every row anew, as the example of [NewKeys] does; then the old key can be left out. Opening the
// table for writing encrypts its metadata with the new key.
//
// A table keeps a check for each key that it was written with. OpenTable returns [ErrKey] if a
// known ID has a wrong secret, or if the key of the metadata is missing. Reading a row whose key
// is missing returns an error that is both ErrKey and [core.ErrFormatMismatch]. What OpenTable
// returns is ErrKey alone, so that no policy sets a table aside because of a wrong key.
//
// A key encrypts [MaxRows] rows, because each has a random nonce of 96 bits, and two that are equal
// would give both rows away. What is counted is what the process writes, with a secret, in all
// tables and storages, including rows whose transaction failed in the end. What other processes
// wrote, or this one before it was started again, cannot be counted here: [Key.AddRows] adds it, if
// the program keeps it. Writing 1,000 rows in a second, a key lasts 49 days. With [ErrExhausted]
// writing ends, and reading does not.
//
// # Memory
//
// What is decrypted lies in memory that is used again, and is cleared before: when the guard is
// closed, when the scan goes on, when the transaction is over, or at once if the inner format
// decodes copies and says so ([core.FormatPowers].Owns). Load's views, which nobody gives back, lie
// in memory that is not cleared. Values are encoded in memory that is cleared too, and never in
// that of the batch that is written. Not cleared are: decoded values, what the inner format takes
// for itself (buffers that became too small while a value was encoded, the windows of a
// compressor), the secret in Go's cipher, and what the operating system writes to swap.
//
// # What is stored
//
// The ID is "encrypt/1(" and that of the inner format and ")". A row is the ID of the key in 4
// bytes, big endian, the nonce in 12, the encrypted value, and the tag in 16. The associated data
// is "guardkv encrypt/1", the byte 1, the length of the format's ID in 4 bytes and that ID, the
// table's ID in 16, the ID of the key in 4, the length of the row's key in 8 and that key.
package encrypt
