// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package bench

import "errors"

const canForget = false

func forget(string) error { return errors.ErrUnsupported }
