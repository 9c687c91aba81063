// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package spanner keeps GuardKV storages in a database of Cloud Spanner, where any number of
// processes have them open and write to them.
//
// All storages of a database are in one table. A path leads to an ID, and the rows of a storage
// begin with that. A state that is read is a timestamp of Spanner; a commit is a short read-write
// transaction, which looks whether what it depends on is as it was. The README says what the
// limits are, what becomes of calls when the service fails, and what was proven.
package spanner
