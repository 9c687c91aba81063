// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package bbolt

import "errors"

// renameExclusive has no counterpart here that every release of the system knows.
func renameExclusive(string, string) error { return errors.ErrUnsupported }
