// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package core keeps typed tables in an embedded key-value engine, and reads their rows in place.
//
// # Basics
//
// A [Storage] is one open store of a [Backend]: bbolt, an in-memory one, and others, each in a
// module of its own. It has tables. A [Table] has a key type K with a [KeyFormat], and values
// with a [ValueFormat]: V is what is put, W the view that is read; where they are the same,
// [TableOf] is shorter. [Table.Get] returns a [Guard], which keeps the engine's bytes as they
// are while the view is used. A [Scan] passes over rows in the order of their keys. A [Tx]
// reads and writes any number of tables at one moment.
//
// Which engine and which formats a program uses is said in one line each; everything else stays
// the same, and so do the promises: guards never block writers, order is the order of K,
// transactions are serializable, a write that has returned is durable, damaged and foreign
// files are errors.
//
// # Which call
//
// To read
//
//	Table.Get, View, Load       one row: until it is closed, for one function, as a copy
//	Table.GetMany               many rows whose keys are known
//	Scan.Rows, Stream, Keys     the rows of a range, as a loop
//	Scan.Cursor                 the same for code that is no loop; it can jump
//	Scan.Limit, After           a page, and the page behind it
//	Storage.View                many reads of one moment, in one function
//	Storage.Snapshot            many reads of one moment, for as long as they take
//
// To write
//
//	Table.Put, Insert, Delete   one row; concurrent ones share a commit
//	Table.Modify                one row, made of what it is; concurrent ones share a commit
//	Table.PutAll                many rows, all or none
//	Table.PutStream             any number of rows, in bounded memory
//	Scan.Clear, Delete          a range is deleted; Delete counts its rows
//	Storage.Update              anything, all or nothing
//
// Of tables, [Storage.Tables] lists them, [Storage.RenameTable] and [Storage.DropTable] do what
// they say, and [OpenRaw] reads one whose types a program does not have. [Storage.Compact],
// [Storage.Check], [Storage.Size] and, with [WithoutSync], [Storage.Sync] are for operating a
// storage.
//
// # Lifetimes
//
// What a view refers to is owned by the engine and must not be modified. It is valid
//
//	Table.Get             until Guard.Close
//	Table.View            until the function returns
//	Table.Load            forever: it is a private copy
//	Table.GetMany         until the loop asks for the next row
//	Table.Modify          until the function returns
//	Scan.Rows and Stream  until the loop asks for the next row
//	Cursor.Value          until the next call of Next, Seek or Close
//	TxTable.Get           until the function of View or Update returns;
//	                      in a transaction of Snapshot, until its Close
//
// Copy what must live longer. Formats that decode, such as CBOR and JSON, return values that live
// forever. Arguments are free when a call returns: slices that were passed may be reused.
//
// # Errors
//
// Every error is an [*Error], which says what failed, on what, and why, except those that a
// caller's own function returned. Compare causes with [errors.Is]. These are not repeated
// everywhere:
//
//	ErrClosed           of any call: the storage is closed, the table was dropped (also
//	                    ErrDropped), or the transaction is over (also ErrTxDone)
//	the context's       of any call whose context has ended before it reads or commits; inside a
//	                    transaction that has begun, of scans alone
//	ErrCorrupt          of any read
//	ErrReadOnly         of any write to a storage, table or transaction that is only read
//	ErrNestedWrite      of any write inside an Update, past its Tx, or inside a Modify
//	ErrTooLarge         of any write that the engine cannot take
//	ErrNoRoom           of any write, if the medium is full
//	ErrUnordered        of bounds, Reverse, Prefix, After and Seek on keys that have no order
//
// # Concurrency
//
// A [Storage], a [Table] and a [Scan] may be used by any number of goroutines, and so may the
// Tx of [Storage.Snapshot]. The Tx of View and Update, a [Cursor] and an iterator are used by
// one at a time.
//
// # Backups
//
// [Storage.Backup] writes one snapshot of all tables to an io.Writer, while writers go on.
// [Restore] makes a storage of that, on any backend, which appears at its path when it is
// complete. BACKUP.md, beside this file, describes the format.
//
// # Ending
//
// [Storage.Close] refuses new work and returns at once; what is open stays valid, and the last
// to end closes the engine. [Storage.Shutdown] waits for that.
//
// # Caveats
//
// A guard, a cursor, a scan or a transaction that stays open makes the engine keep what it
// reads: close them soon. One that is never closed holds its bytes until the process ends, and
// is reported to the logger.
//
// A goroutine that holds guards or scans may write. In the function of [Storage.Update] all
// writes must go through its Tx; a write past it returns [ErrNestedWrite]. A write by another
// goroutine, which is also what iter.Pull makes, waits for the function to return, so the
// function must not wait for that goroutine.
package core
