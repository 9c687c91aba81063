// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package directory

import "io"

// Flock locks a directory by flock(2) where the system has that. Here nothing is locked.
func Flock(string, bool) (io.Closer, error) { return io.NopCloser(nil), nil }
