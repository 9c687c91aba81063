// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/guardkv/guardkv/core"
)

// Compact merges everything into the lowest level, and waits until the merged tables are gone,
// except for those that are still being read.
func (e *engine) Compact(ctx context.Context) error {
	if err := e.mayWrite(ctx); err != nil {
		return err
	}
	if err := e.roomToMove(ctx); err != nil {
		return err
	}
	if err := e.merge(ctx); err != nil {
		if failed := e.health.check(); failed != nil {
			return failed
		}
		return damage(noRoom(err))
	}
	if err := e.flush(); err != nil {
		return err
	}
	if err := e.settle(ctx); err != nil {
		return err
	}
	if err := e.health.check(); err != nil {
		return err
	}
	return noRoom(e.record())
}

// roomToMove makes sure that rows can be moved from the log to tables, perhaps once pebble is
// at rest; see takeRoom.
func (e *engine) roomToMove(ctx context.Context) error {
	err := e.medium.toMove()
	if !errors.Is(err, core.ErrNoRoom) {
		return err
	}
	if err := e.rest(ctx); err != nil {
		return err
	}
	return e.medium.toMove()
}

func (e *engine) merge(ctx context.Context) (err error) {
	defer e.health.caught(&err)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // what is given up
	end, err := e.lastKey()
	if err != nil {
		return err
	}
	defer e.scheduler().wanted()()
	return e.health.unlessFull(func() error {
		return e.db.Compact(ctx, tallyKey, append(end, 0), true)
	})
}

// lastKey returns a copy of the greatest stored key.
func (e *engine) lastKey() ([]byte, error) {
	it, err := e.db.NewIter(&pebble.IterOptions{})
	if err != nil {
		return nil, err
	}
	it.Last()
	key := bytes.Clone(it.Key())
	return key, errors.Join(it.Error(), it.Close())
}

// settleTime is how long Compact waits for files to be removed.
const settleTime = time.Second

func (e *engine) settle(ctx context.Context) (err error) {
	defer e.health.caught(&err)
	for deadline := time.Now().Add(settleTime); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if e.db.Metrics().Table.ObsoleteCount == 0 {
			break
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}
