// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package pebble

import "io"

// canShareLock says whether several readers may have a storage open at a time. Here pebble's
// own lock is the only one, and it is exclusive.
const canShareLock = false

func shareLock(string) (io.Closer, error) { return nil, nil }
