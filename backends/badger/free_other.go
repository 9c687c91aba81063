// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !linux && !darwin && !dragonfly && !freebsd

package badger

// freeSpace says that it is not known how many bytes may be written to the medium of a directory.
func freeSpace(string) (bytes int64, known bool) { return 0, false }
