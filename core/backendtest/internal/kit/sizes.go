// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"errors"

	"github.com/guardkv/guardkv/core"
)

// Fits cuts a wanted size down to the engine's limit.
func Fits(size, limit int) int {
	if limit != 0 {
		return min(size, limit)
	}
	return size
}

// Testable is the largest limit that a check goes up to: gigabytes would prove little and take
// long.
func (t *Trial) Testable() int { return t.Pick(128<<20, 8<<20) }

// TooLarge ends the check unless err says that a limit was passed.
func (t *Trial) TooLarge(what string, err error) {
	t.TB.Helper()
	if !errors.Is(err, core.ErrTooLarge) {
		t.Fatalf("%s gives %v; want ErrTooLarge", what, err)
	}
}
