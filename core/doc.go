// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package core keeps typed tables in an embedded key-value engine, and reads their rows in place.
//
// # Basics
//
// A [Storage] is one open store of a [Backend]: bbolt, an in-memory one, and others, each in a module of its own.
// It has tables. A [Table] has a key type K with a [KeyFormat], and values with a [ValueFormat]: V is what is
// put, W the view that is read. [Table.Get] returns a [Guard], which keeps the engine's bytes as they are while
// the view is used. A [Scan] passes over rows in the order of their keys. A [Tx] reads and writes any number of
// tables at one moment.
//
// Which engine and which formats a program uses is said in one line each; everything else stays the same, and so do
// the promises: guards never block writers, order is the order of K, transactions are serializable, a write that
// has returned is durable, damaged and foreign files are errors.
//
// # Lifetimes
//
// What a view refers to is owned by the engine and must not be modified. It is valid
//
//	Table.Get             until Guard.Close
//	Table.View            until the function returns
//	Table.Load            for ever
//	Scan.Rows and Stream  until the loop asks for the next row
//	TxTable.Get           until the transaction's function returns
//
// Copy what must live longer. Formats that decode, such as CBOR and JSON, return values that live for ever. Arguments
// are free when a call returns: slices that were passed may be reused.
//
// # Backups
//
// [Storage.Backup] writes one snapshot of all tables to an io.Writer, while writers go on. [Restore] makes a storage of
// that, on any backend, which appears at its path when it is complete. BACKUP.md, beside this file, describes the format.
//
// # Caveats
//
// A guard, a scan or a transaction that stays open makes the engine keep what it reads: close them soon. A
// guard that is never closed holds its bytes until the process ends, and is reported to the logger.
//
// A goroutine that holds guards or scans may write. In the function of [Storage.Update] all writes must go through
// its Tx; a write past it is [ErrNestedWrite]. A write by another goroutine, which is also what iter.Pull makes, waits
// for the function to return, so the function must not wait for that goroutine.
package core
