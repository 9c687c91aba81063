// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package diskuse

import "io/fs"

// allocated returns the length of a file.
func allocated(info fs.FileInfo) int64 { return info.Size() }
