// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger

import (
	"github.com/dgraph-io/badger/v4"
	"github.com/dgraph-io/badger/v4/options"
	"github.com/dgraph-io/badger/v4/skl"
)

const (
	maxLevels = 7 // of the tree of tables; badger takes no other number for an existing tree

	// Values of inlineBelow bytes or more go into badger's value log instead of its tables. It
	// is the largest number that badger accepts.
	inlineBelow = 1 << 20

	// valueLogFile is the size at which badger begins a new file of the value log, which it
	// maps at twice the size. A batch never needs more than the difference, so that the mapping
	// never moves while it is read.
	valueLogFile = 64 << 20
)

// engineOptions returns the options with which this package opens badger.
func (b Backend) engineOptions(
	dir string, memTable int64, readOnly bool, log badger.Logger,
) badger.Options {
	opt := badger.DefaultOptions(dir)
	opt.Logger = log
	opt.ReadOnly = readOnly
	// this package has taken the lock, before there is an engine
	opt.BypassLockGuard = true
	opt.MetricsEnabled = false  // they are global to the process
	opt.DetectConflicts = false // core has one writer at a time
	// badger would sync each file of each commit by itself; see commit
	opt.SyncWrites = false
	opt.NumVersionsToKeep = 1 // beside those that a snapshot sees
	// for tables to come; what is not compressed is read
	opt.Compression = engineNames[b.Compression]
	// where the file is mapped, and needs no cache
	opt.BlockCacheSize = b.cacheSize()
	opt.ChecksumVerificationMode = options.NoVerification // this package verifies; see checkTables
	// of values in the value log, whenever they are read
	opt.VerifyValueChecksum = true
	opt.MemTableSize = memTable
	opt.NumMemtables = 2
	opt.NumCompactors = 2
	opt.MaxLevels = maxLevels
	opt.ValueLogFileSize = max(valueLogFile, memTable)
	opt.ValueThreshold = inlineBelow
	return opt
}

// maxValue is the longest value: with the rest of its request it must fit between the size of a
// file of the value log and twice that.
const maxValue = valueLogFile - 1<<20

// txnLimits are the limits of one transaction of badger, or one request to it, without the row
// of the tally.
type txnLimits struct{ rows, bytes int }

// txnLimitsOf returns the limits that a size of memtables implies.
//
// badger refuses a transaction of maxCount entries or maxSize bytes, counting itself an entry
// of 21 bytes, and 12 bytes for each entry beside its key and value.
func txnLimitsOf(memTable int64) txnLimits {
	maxSize := memTable * 15 / 100
	maxCount := maxSize / int64(skl.MaxNodeSize)
	rows := maxCount - 3
	return txnLimits{
		rows:  int(rows),
		bytes: int(maxSize - (rows+1)*(12+1) - int64(len(tallyKey)) - 128),
	}
}
