// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !linux && !darwin

package pebble

import "errors"

// fewChild is for a test that some systems have.
func fewChild([]string) error { return errors.ErrUnsupported }
