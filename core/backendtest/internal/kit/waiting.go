// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package kit

import (
	"context"
	"errors"
	"time"
)

const (
	LockWait = 20 * time.Second      // the longest that Claim may wait for a lock
	Briefly  = 30 * time.Millisecond // long enough to see that a lock is held
)

// Soon is a time that no call takes unless it is blocked.
const Soon = 20 * time.Second

// Cancelled is a context that has ended.
func Cancelled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

// IsCancelled is errors.Is for the context's error.
func IsCancelled(err error) bool { return errors.Is(err, context.Canceled) }
