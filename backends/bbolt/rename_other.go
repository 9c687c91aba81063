// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package bbolt

import "errors"

// renameExclusive returns errors.ErrUnsupported: no call does it in every release of these
// systems.
func renameExclusive(string, string) error { return errors.ErrUnsupported }
