// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package spanner

import "github.com/guardkv/guardkv/core"

// The limits of Spanner, and how much of them is kept for what is not a row of the commit.
const (
	// mostMutations is how many mutations one commit may have. Each column of a row that is
	// written is one, those of the key included; so is the deletion of a row or of a range.
	mostMutations = 80_000
	rowMutations  = 4
	spareRows     = 100 // of which package core writes a few

	// longestKey is the length of the longest key of a row: a whole primary key has 8 KiB.
	longestKey = 7 << 10

	// longestValue is the length of the longest value of a cell.
	longestValue = 10 << 20

	// A commit may have 100 MB. Bytes grow by a third on the way there.
	batchBytes = 64 << 20

	// mostNotes is how many rows and ranges that were read a commit looks at again.
	mostNotes = 1000
)

var limits = core.Limits{
	Key: longestKey, Value: longestValue,
	BatchRows: mostMutations/rowMutations - spareRows, BatchBytes: batchBytes,
}
