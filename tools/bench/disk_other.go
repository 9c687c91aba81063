// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package bench

import (
	"io/fs"
	"time"
)

// allocated returns the length of a file.
func allocated(info fs.FileInfo) int64 { return info.Size() }

// processorTime is not known.
func processorTime() time.Duration { return 0 }
