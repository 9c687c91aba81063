// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package bbolt

import "context"

func (e *engine) compactor() func(context.Context) error { return nil }
