// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package spanner

import "github.com/guardkv/guardkv/core"

// What Spanner takes, and what of it is left for others than the rows of a commit.
const (
	// mostMutations is how many there are in one commit. Each column of a row that is written is
	// one, the key's too; so is a deletion, of a row or of a range.
	mostMutations = 80_000
	rowMutations  = 4
	spareRows     = 100 // of which package core writes a few

	// longestKey is that of a row: a whole primary key has 8 KiB.
	longestKey = 7 << 10

	// longestValue is that of a cell.
	longestValue = 10 << 20

	// A commit has 100 MB. Bytes are a third longer on the way there.
	batchBytes = 64 << 20

	// mostNotes is how many rows and ranges that were read a commit looks at again.
	mostNotes = 1000
)

var limits = core.Limits{
	Key: longestKey, Value: longestValue,
	BatchRows: mostMutations/rowMutations - spareRows, BatchBytes: batchBytes,
}
