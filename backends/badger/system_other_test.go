// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !linux && !darwin

package badger

import "errors"

// filesChild is for a test that other systems have.
func filesChild([]string) error { return errors.ErrUnsupported }

// fewFilesChild is too.
func fewFilesChild([]string) error { return errors.ErrUnsupported }
