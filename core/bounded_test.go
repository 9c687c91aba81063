// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"context"
	"flag"
	"testing"
	"time"
)

// Bounded returns a context that ends long before the test has to. What would wait forever fails
// with it, and says what it waits for; what works never waits that long, however slow the machine.
func Bounded(t *testing.T) context.Context {
	t.Helper()
	// T.Deadline may not be asked for in a bubble of synctest.
	all, ok := flag.Lookup("test.timeout").Value.(flag.Getter).Get().(time.Duration)
	if !ok || all == 0 {
		return t.Context()
	}
	ctx, cancel := context.WithTimeout(t.Context(), all/10)
	t.Cleanup(cancel)
	return ctx
}
