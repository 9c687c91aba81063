// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package bbolt

import "os"

// copyExtended copies nothing: extended attributes survive a compaction on Linux alone.
func copyExtended(_, _ *os.File) error { return nil }
