// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package lockstep runs random programs on all backends and on a model at once, and compares
// everything that they say: rows, views held by guards, counts, and which sentinels their
// errors are.
//
// A [Program] is made from a seed. A failure prints the seed, and the shortest program found
// that still fails.
package lockstep
