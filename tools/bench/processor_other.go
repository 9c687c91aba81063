// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package bench

import "time"

// processorTime is not known.
func processorTime() time.Duration { return 0 }
