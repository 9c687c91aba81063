// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package backendtest proves that a backend keeps its promises, and helps to test backends and the
// programs that use them.
//
// [Run] is the specification of backends as tests, and [Bench] measures them. [Fault],
// [Latency] and [Spoil] stand around a backend: it fails when it is told to, is far away, or
// overwrites bytes that are no longer valid. [RunChild], [Child] and [KillWriter] run a part of
// a test in a process that may crash or be killed. [OpenEngine] opens an engine without a storage
// around it, and [PutRows] and its neighbors write rows that a test recognizes. [DamageFile]
// damages a file, and [Outcomes] compares what comes of it with what a document says.
//
// All that an author of a backend needs is in this package. The folders below internal stand on
// each other in this order, and nothing looks up: decorate (backends around backends), kit (how
// a promise is put to the test, and helpers), contract (what a backend owes core), users (what
// core owes those who use it).
package backendtest
