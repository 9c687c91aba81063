// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package backendtest

import (
	"context"
	"errors"
	"time"
)

const (
	lockWait = 20 * time.Second      // the longest that Claim may wait for a lock
	briefly  = 30 * time.Millisecond // long enough to see that a lock is held
)

// soon is a time that no call takes unless it is blocked.
const soon = 20 * time.Second

// cancelled is a context that has ended.
func cancelled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// isCancelled is errors.Is for the context's error.
func isCancelled(err error) bool { return errors.Is(err, context.Canceled) }
