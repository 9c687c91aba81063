// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package pebble

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"github.com/guardkv/guardkv/core"
)

// snapshot is one unchanging state.
type snapshot struct {
	engine *engine
	snap   *pebble.Snapshot

	mu   sync.Mutex
	held []io.Closer // of long values that were returned
}

var _ core.Snapshot = (*snapshot)(nil)

// copied is the longest value that a snapshot copies: until the snapshot is closed, holding the original would take
// more memory than the copy.
const copied = 8 << 10

// Get returns the value of key, or ErrNotFound. The bytes are owned by the engine, must not be modified, and are valid
// until Close.
func (s *snapshot) Get(_ context.Context, key []byte) (value []byte, err error) {
	defer s.engine.health.caught(&err)
	value, closer, err := s.snap.Get(stored(key))
	if err != nil {
		return nil, readError(err)
	}
	if len(value) <= copied {
		value = bytes.Clone(value)
		return value[:len(value):len(value)], closer.Close()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = append(s.held, closer)
	return value[:len(value):len(value)], nil
}

// Scan returns a cursor over a range.
func (s *snapshot) Scan(ctx context.Context, r core.ScanRange) (c core.Cursor, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	defer s.engine.health.caught(&err)
	o := pebble.IterOptions{LowerBound: firstKey} // pebble copies the bounds
	if len(r.Low) > 0 {
		o.LowerBound = stored(r.Low)
	}
	if r.High != nil {
		o.UpperBound = stored(r.High)
	}
	it, err := s.snap.NewIterWithContext(ctx, &o)
	if err != nil {
		return nil, damage(err)
	}
	return &cursor{ctx: ctx, health: s.engine.health, it: it, reverse: r.Reverse, keysOnly: r.KeysOnly}, nil
}

// Close releases the snapshot.
func (s *snapshot) Close() (err error) {
	defer s.engine.health.caught(&err)
	for _, c := range s.held {
		err = errors.Join(err, c.Close())
	}
	return errors.Join(err, s.snap.Close())
}
