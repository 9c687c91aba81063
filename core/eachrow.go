// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"context"
	"errors"
)

// Backups, checks, and whatever reads the catalog go through rows as the engine has them: keys
// with the number of their table, and values with their checksum. No format is asked.

// eachRow calls fn with every row of a range.
func eachRow(
	ctx context.Context, snap Snapshot, r ScanRange, fn func(key, value []byte) error,
) (err error) {
	rows, err := snap.Scan(ctx, r)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for {
		key, value, ok := rows.Next()
		if !ok {
			return rows.Err()
		}
		if err := fn(key, value); err != nil {
			return err
		}
	}
}

// errStop ends eachRow and clearRange early.
var errStop = errors.New("stop")
