// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package etcd

import "github.com/guardkv/guardkv/core"

// A commit is one transaction of etcd: comparisons, and the operations to do if all of them
// hold. There may be MaxTxnOps of each, but one less if there are nested transactions, which
// writes with a condition need. One operation is reserved for the epoch of a deletion.
const (
	spareOps    = 2
	leastTxnOps = 16

	// spareCompares are for what is not a write: that the storage exists, two conditions of
	// package core, and the epochs that readers of ranges compare; see compares.
	spareCompares = 6

	// longestKey is the length of the longest key of a row. It is limited because etcd keeps
	// all keys in memory.
	longestKey = 32 << 10

	// compareBytes is how much of a request comparisons may take: long keys in them are cut,
	// see reads.cut. A request also has the prefix of each key, and the key of a single write
	// with a condition a second time.
	compareBytes      = 64 << 10
	spareBytes        = compareBytes + longestKey + 32<<10
	leastRequestBytes = 4 * spareBytes

	// sharedBytes is what package core adds to a commit.
	sharedBytes = 1024
)

// limits returns the limits of one commit.
func (b Backend) limits() core.Limits {
	batch := b.MaxRequestBytes - spareBytes
	return core.Limits{
		Key: longestKey, Value: batch - longestKey - sharedBytes,
		BatchRows: b.MaxTxnOps - spareOps, BatchBytes: batch,
	}
}

// notes is how many comparisons there may be of what was read.
func (b Backend) notes() int { return b.MaxTxnOps - spareCompares }
