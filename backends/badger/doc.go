// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package badger keeps GuardKV storages in directories of badger.
//
// A storage is one directory, with badger's files and the two of
// [github.com/guardkv/guardkv/core/directory]. Rows are badger's keys and values, except that
// keys which begin like badger's own are escaped. badger gathers writes in memory (its
// memtable) and in a log, and writes them to sorted tables, which it merges in the background;
// long values are in a log of their own, the value log. badger does all writing and reading,
// but this package checks its files before badger opens them, because badger answers damage
// with silence, or by ending the process.
package badger
