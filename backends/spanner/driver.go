// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package spanner

import (
	"bytes"
	"context"
	"fmt"
	"sync"

	cloud "cloud.google.com/go/spanner"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/remote"
)

// driver is an open storage.
type driver struct {
	client   *client
	id       string
	readOnly bool

	mu   sync.Mutex
	mark []byte // as far as this process knows
}

var _ remote.Driver = (*driver)(nil)

// engine makes an engine of a driver.
func (d *driver) engine() core.Engine {
	return remote.New(d, remote.Options{
		Limits: limits,
		Powers: core.Powers{Conditions: true, DeleteRange: true, As: d.as},
		Beside: true,
		Notes:  mostNotes,
	})
}

// as sets target to the client of Spanner, if it is a pointer to one.
func (d *driver) as(target any) bool {
	t, ok := target.(**cloud.Client)
	if ok {
		*t = d.client.cloud
	}
	return ok
}

// Begin sends nothing: a state is the timestamp of its first read.
func (d *driver) Begin(core.Use) remote.State { return &state{driver: d} }

// SetMark replaces the mark, if it is the one that this process knows.
func (d *driver) SetMark(ctx context.Context, mark []byte) error {
	if d.readOnly {
		return core.ErrReadOnly
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	b, place := d.client.backend, at(partMarks, d.id)
	err := d.client.transact(ctx,
		func(ctx context.Context, tx *transaction) ([]*cloud.Mutation, error) {
			var now []byte
			err := b.read(ctx, tx, place, columns, 0, func(got row) bool {
				now = filled(got.value)
				return true
			})
			switch {
			case err != nil:
				return nil, err
			case now == nil:
				return nil, errRemoved
			case !bytes.Equal(now, d.mark):
				return nil, fmt.Errorf("%w: somebody else has set the mark", core.ErrConflict)
			}
			return []*cloud.Mutation{b.put(place, mark)}, nil
		})
	if err == nil {
		d.mark = filled(bytes.Clone(mark))
	}
	return unwritten(err)
}

// Close closes the connection.
func (d *driver) Close() error { return d.client.Close() }
