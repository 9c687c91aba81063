// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package spanner keeps GuardKV storages in a database of Cloud Spanner, where any number of
// processes have them open and write to them.
//
// All storages of a database are in one table. The path of a storage leads to an ID, with which
// the keys of its rows begin. Whatever is read is read at one timestamp of Spanner. A commit is
// a short read-write transaction, which checks that all it depends on is unchanged. The README
// says what the limits are, what calls return when the service fails, and what was proven.
package spanner
