// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !linux && !darwin && !dragonfly && !freebsd

package pebble

// usage says that it is not known how many bytes may be written to the medium of a directory.
func usage(string) (free, total int64, known bool) { return 0, 0, false }
