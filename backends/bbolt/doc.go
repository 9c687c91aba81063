// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package bbolt keeps GuardKV storages in files of bbolt.
//
// A storage is one file with two buckets: guardkv.rows holds every row of every table,
// guardkv.mark holds the storage's mark under the key "mark". bbolt does the writing. Reads go
// through this package's own reader of bbolt's file format, which shares one read transaction
// between all of them, checks what it passes over, and allocates nothing.
package bbolt
