// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package etcd

import "github.com/guardkv/guardkv/core"

// A commit is one transaction of etcd: comparisons, and operations if all of them hold. There may
// be MaxTxnOps of either, but one less if there are transactions inside, for writes that have a
// condition. One operation is for the epoch of a deletion.
const (
	spareOps    = 2
	leastTxnOps = 16

	// What is not a write: that the storage is there, two conditions of package core, and the
	// epochs that readers of ranges compare, see compares.
	spareCompares = 6

	// longestKey is that of a row. It is bounded because etcd keeps all keys in memory.
	longestKey = 32 << 10

	// compareBytes is what comparisons take of a request: keys in them that are long are cut,
	// see compares.cut. Beside them a request has what is in front of each key, and once more
	// the key of a single write that has a condition.
	compareBytes      = 64 << 10
	spareBytes        = compareBytes + longestKey + 32<<10
	leastRequestBytes = 4 * spareBytes

	// sharedBytes is what package core adds to a commit.
	sharedBytes = 1024
)

// limits returns what one commit can take.
func (b Backend) limits() core.Limits {
	batch := b.MaxRequestBytes - spareBytes
	return core.Limits{
		Key: longestKey, Value: batch - longestKey - sharedBytes,
		BatchRows: b.MaxTxnOps - spareOps, BatchBytes: batch,
	}
}

// notes is how many comparisons of what was read there may be.
func (b Backend) notes() int { return b.MaxTxnOps - spareCompares }
