// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package badger

import "os"

// syncsNames says that names are durable when the call that changes them returns, and that a directory cannot be synced.
const syncsNames = false

func sizeOf(info os.FileInfo) int64 { return info.Size() }
