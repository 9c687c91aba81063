// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package pebble keeps GuardKV storages in directories of pebble, the log-structured merge tree
// of CockroachDB.
//
// The rows of a storage are pebble's rows, but for one: under a key that no row has, pebble
// counts the writes of the storage, so that the loss of any is noticed; see package directory.
// Keys are stored as they are, except that those which consist of zero bytes alone are one
// longer.
//
// Pebble ends the process when it cannot go on: this package turns that into errors. Calls return
// core.ErrCorrupt for whatever pebble finds damaged.
package pebble
