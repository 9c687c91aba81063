// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package bbolt

import "os"

// copyExtended copies nothing: extended attributes survive a compaction only on Linux.
func copyExtended(_, _ *os.File) error { return nil }
