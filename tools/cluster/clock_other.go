// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !linux && !darwin

package cluster

import "time"

// now is a clock that all processes of the machine share. The servers of the tests do not run
// on systems that have no better one.
func now() int64 { return time.Now().UnixNano() }
