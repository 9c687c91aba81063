// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import "context"

// Deleted and replaced rows leave room behind that engines keep for themselves. Compact first
// deletes the rows of dropped tables, then asks the engine to give that room back to the file
// system, and says how much it was. Reads go on meanwhile; writes wait while the engine
// compacts.

// CompactStats tells what Compact achieved.
type CompactStats struct {
	Before, After int64 // bytes on the medium; -1 if the engine cannot tell
}

// Compact gives space that nothing uses back to the file system, as far as the engine can.
// Guards, scans and transactions may be open and stay valid; other writes wait while the engine
// compacts.
func (s *Storage) Compact(ctx context.Context) (CompactStats, error) {
	stats := CompactStats{-1, -1}
	err := s.counted("write", func() error {
		err := s.inTurn(ctx, func(*turn) (err error) {
			stats.Before, err = s.size()
			return err
		})
		if err != nil {
			return err
		}
		if err := s.purge(ctx); err != nil {
			return err
		}
		return s.inTurn(ctx, func(*turn) (err error) {
			if s.powers.Compact != nil {
				if err := s.powers.Compact(ctx); err != nil {
					return err
				}
			}
			stats.After, err = s.size()
			return err
		})
	})
	return stats, s.fail("compact", "", nil, err)
}

// size returns how many bytes the storage takes on its medium, -1 if the engine cannot tell.
func (s *Storage) size() (int64, error) {
	if s.powers.Size == nil {
		return -1, nil
	}
	return s.powers.Size()
}
