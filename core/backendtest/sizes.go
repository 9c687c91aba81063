// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"errors"

	"github.com/guardkv/guardkv/core"
)

// fits cuts a wanted size down to the engine's limit.
func fits(size, limit int) int {
	if limit != 0 {
		return min(size, limit)
	}
	return size
}

// testable is the largest limit that a check goes up to: gigabytes would prove little and take long.
func (t *trial) testable() int { return t.pick(128<<20, 8<<20) }

// tooLarge ends the check unless err says that a limit was passed.
func (t *trial) tooLarge(what string, err error) {
	t.tb.Helper()
	if !errors.Is(err, core.ErrTooLarge) {
		t.Fatalf("%s gives %v; want ErrTooLarge", what, err)
	}
}
