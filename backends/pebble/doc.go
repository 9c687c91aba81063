// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package pebble keeps GuardKV storages in directories of pebble, the log-structured merge tree
// of CockroachDB: writes go to a log and to tables in memory, which pebble later writes to
// sorted files, also called tables, and merges in the background.
//
// The rows of a storage are pebble's rows, with one more: under a key that no row has, it
// counts the writes of the storage, so that the loss of any is noticed; see package directory.
// Keys are stored as they are, except that keys of zero bytes alone are one byte longer.
//
// Pebble ends the process when it cannot go on; this package turns that into errors. Calls
// return core.ErrCorrupt for whatever pebble finds damaged.
package pebble
