// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

// Package lockstep proves that all backends behave alike. It runs random programs on all of them
// and on a model at once, operation by operation, and compares everything that they return: rows,
// views held by guards, counts, and which sentinels their errors are. The model is a sorted slice
// of rows, simple enough to be believed.
//
// A [Program] is made from a seed. A failure prints the seed, and the shortest program found
// that still fails.
package lockstep
