// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package bbolt keeps GuardKV storages in files of bbolt.
//
// A storage is one file with two buckets: guardkv.rows holds every row of every table,
// guardkv.mark holds the storage's mark under the key "mark". bbolt writes. Reads go through a
// reader of bbolt's file format in this package, which shares one read transaction between all
// of them, checks what it passes over, and allocates nothing.
package bbolt
