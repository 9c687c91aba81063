// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package backendtest proves that a backend keeps its promises, and helps test backends and the
// programs that use them.
//
// [Run] is the specification of backends as tests, and [Bench] measures them. [Fault],
// [Latency] and [Spoil] wrap a backend so that it fails when told to, seems far away, or
// overwrites bytes that are no longer valid. [RunChild], [Child] and [KillWriter] run a part of
// a test in a process that may crash or be killed. [OpenEngine] opens an engine without a
// storage around it, and [PutRows] and its neighbors make rows that a test recognizes.
// [DamageFile] damages a file, and [Outcomes] compares the results with what a document says.
//
// Everything that an author of a backend needs is in this package. Each of the packages below
// internal imports only those before it: decorate (backends around backends), kit (how a
// promise is put to the test, and helpers), contract (what a backend owes core), users (what
// core owes its users).
package backendtest
