// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"fmt"
	"sync/atomic"
)

// health knows whether pebble has failed in a way after which it must not be written to, nor trusted to close.
type health struct{ first atomic.Pointer[error] }

func (h *health) fail(err error) { h.first.CompareAndSwap(nil, &err) }

func (h *health) failed() bool { return h.first.Load() != nil }

// check returns an error if pebble has failed.
func (h *health) check() error {
	if p := h.first.Load(); p != nil {
		return fmt.Errorf("an earlier error has stopped the storage; open it again: %w", *p)
	}
	return nil
}
