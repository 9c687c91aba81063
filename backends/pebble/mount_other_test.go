// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package pebble

import "errors"

// mountSmall is for a test that Linux has.
func mountSmall(string, int) (unmount func() error, err error) { return nil, errors.ErrUnsupported }
