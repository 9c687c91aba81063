// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package spanner

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	cloud "cloud.google.com/go/spanner"

	"github.com/guardkv/guardkv/core"
)

// transaction reads, and writes when it commits. What it has read is locked until then, so it
// is kept short: no code of a program runs within it.
type transaction = cloud.ReadWriteStmtBasedTransaction

// transact makes a transaction, and makes it again if it is aborted. Spanner aborts
// transactions for its own reasons, and the emulator whenever there is another one. An error
// that wraps ErrMaybe says that the transaction may have been made; after any other error it
// was not made and never will be.
func (c *client) transact(
	ctx context.Context,
	do func(context.Context, *transaction) ([]*cloud.Mutation, error),
) error {
	limited, cancel := c.bounded(ctx)
	defer cancel()
	for try := 0; ; try++ {
		err := c.tryTransact(limited, try, do)
		if err == nil {
			return nil
		}
		if known(err) || !aborted(err) {
			return failed(ctx, err)
		}
		if pause(limited, try) != nil {
			return failed(ctx, fmt.Errorf("%w: %w", core.ErrUnavailable, err))
		}
	}
}

func (c *client) tryTransact(
	ctx context.Context, try int,
	do func(context.Context, *transaction) ([]*cloud.Mutation, error),
) error {
	opts := cloud.TransactionOptions{BeginTransactionOption: cloud.InlinedBeginTransaction}
	if try > 0 { // the client says "aborted" also if it could not begin, and not why
		opts.BeginTransactionOption = cloud.ExplicitBeginTransaction
	}
	tx, err := cloud.NewReadWriteStmtBasedTransactionWithOptions(ctx, c.cloud, opts)
	if err != nil {
		return err
	}
	writes, err := do(ctx, tx)
	if err == nil {
		err = tx.BufferWrite(writes)
	}
	if err != nil {
		c.abandon(tx)
		return err
	}
	all := new(attempts)
	_, err = tx.Commit(context.WithValue(ctx, attemptsKey{}, all))
	return committed(err, all)
}

// abandon ends a transaction that will not commit, and does not wait for the answer.
func (c *client) abandon(tx *transaction) {
	c.ends.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), rollbackTime)
		defer cancel()
		tx.Rollback(ctx)
	})
}

// rollbackTime is how long the end of a transaction may take. Spanner ends those that are idle
// for ten seconds by itself.
const rollbackTime = 2 * time.Second

// pause waits before another try, with jitter: many may be in each other's way.
func pause(ctx context.Context, try int) error {
	const least, most = time.Millisecond, 100 * time.Millisecond
	d := min(most, least<<min(try, 10))
	timer := time.NewTimer(rand.N(d))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
