// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build unix && !linux

package remotetest

import "time"

// awaitStopped waits for as long as it takes a process to stop.
func awaitStopped(int) { time.Sleep(200 * time.Millisecond) }
