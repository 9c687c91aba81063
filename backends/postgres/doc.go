// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package postgres keeps GuardKV storages in a database of PostgreSQL, where any number of
// processes have them open and write to them.
//
// A path is a name. The relation guardkv_storages has a row for each storage, with its path, its
// mark and its ID; the rows of a storage are in a relation that is named by the ID. So a storage
// is renamed by changing one row.
//
// Every transaction is SERIALIZABLE, single reads and writes included. Snapshots are
// transactions of the server. A transaction takes as few requests as possible: it begins in the
// request of its first read, and ends in that of its writes.
package postgres
