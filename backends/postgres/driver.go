// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/remote"
	"github.com/jackc/pgx/v5/pgconn"
)

// driver is an open storage.
type driver struct {
	backend  Backend
	id       string
	readOnly bool
	noSync   bool
	writers  *pool
	readers  *pool
	written  atomic.Bool // since what may not be durable yet

	mu   sync.Mutex
	mark []byte // as far as this engine knows
}

var _ remote.Driver = (*driver)(nil)

// driver returns the driver of a storage. From then on the connections belong to it.
func (r *registry) driver(
	e remote.Entry, readOnly bool, opts core.EngineOptions,
) (*driver, error) {
	name, err := relation(e.ID)
	if err != nil {
		return nil, err
	}
	d := &driver{
		backend: r.backend, id: e.ID, readOnly: readOnly, mark: e.Mark,
		noSync: opts.NoSync && r.backend.Dialect.of().flush, writers: r.pool,
	}
	d.writers.texts = textsOf(name, r.backend.Commit/safeWait)
	switch {
	case d.noSync:
		d.writers.setup = append(d.writers.setup, "set synchronous_commit = off")
	case r.session.syncCommit == "off": // which an administrator may have chosen for other programs
		d.writers.setup = append(d.writers.setup, "set synchronous_commit = on")
	}
	d.readers = newPool(r.pool.config, "for reading", r.backend.Snapshots+r.backend.Reads)
	d.readers.texts = d.writers.texts
	d.readers.setup = []string{"set default_transaction_read_only = on"}
	return d, nil
}

// SetMark changes the storage's row in the registry.
func (d *driver) SetMark(ctx context.Context, mark []byte) error {
	if d.readOnly {
		return core.ErrReadOnly
	}
	ctx, cancel := context.WithTimeout(ctx, d.backend.Commit)
	defer cancel()
	d.mu.Lock()
	defer d.mu.Unlock()
	mark = append([]byte{}, mark...)
	for {
		changed, err := d.trySetMark(ctx, mark)
		switch {
		case errors.Is(err, core.ErrConflict) && ctx.Err() == nil:
			continue // with others who change other rows
		case err == nil && changed == 0:
			return fmt.Errorf("%w: somebody else has set the mark, or removed the storage",
				core.ErrConflict)
		case err == nil:
			d.mark = mark
		}
		return err
	}
}

func (d *driver) trySetMark(ctx context.Context, mark []byte) (changed int64, err error) {
	for {
		wire, err := d.writers.take(ctx)
		if err != nil {
			return 0, err
		}
		reused := wire.reused
		wire.start()
		at := wire.once(sqlMark)
		wire.int16(3)
		wire.bytes([]byte(d.id))
		wire.bytes(d.mark)
		wire.bytes(mark)
		wire.execute(at)
		err = wire.run(ctx, func(_ int, row [][]byte, count int64) { changed = count })
		err = written(wire, err)
		if wire.broken {
			d.writers.suspect()
		}
		d.writers.give(wire)
		if !errors.Is(err, errNotSent) || ctx.Err() != nil || !reused {
			return changed, err
		}
	}
}

// size returns how many bytes the storage takes on the server.
func (d *driver) size() (size int64, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), d.backend.Commit)
	defer cancel()
	wire, err := d.readers.ask(ctx, func(w *conn) { w.exec(stSize) },
		func(_ int, row [][]byte, _ int64) {
			if row != nil {
				size = number(row[0])
			}
		})
	if wire != nil {
		d.readers.give(wire)
	}
	if err != nil && wire != nil {
		err = refused(err)
	}
	return size, err
}

// flush makes everything durable. The server has one log of writes for all storages.
func (d *driver) flush(ctx context.Context) error {
	wire, err := d.writers.ask(ctx, func(w *conn) {
		for _, text := range []string{
			sqlBegin, "set local synchronous_commit = on",
			"select pg_logical_emit_message(true, 'guardkv', '')", sqlCommit,
		} {
			at := w.once(text)
			w.int16(0)
			w.execute(at)
		}
	}, nil)
	if wire == nil {
		return err
	}
	defer d.writers.give(wire)
	return written(wire, err)
}

// as sets target to the settings of the storage's connections, if it is a pointer to those.
func (d *driver) as(target any) bool {
	config, ok := target.(**pgconn.Config)
	if ok {
		*config = d.writers.config.Copy()
	}
	return ok
}

// Close closes the connections. Those in use finish first.
func (d *driver) Close() (err error) {
	if d.noSync && d.written.Load() {
		ctx, cancel := context.WithTimeout(context.Background(), d.backend.Commit)
		defer cancel()
		err = d.flush(ctx)
	}
	d.writers.close()
	d.readers.close()
	return err
}

// rowOf copies a row. Key and value share memory, but neither can grow into the other.
func rowOf(row [][]byte) remote.Row {
	key, value := row[0], row[1]
	both := make([]byte, len(key)+len(value))
	n := copy(both, key)
	copy(both[n:], value)
	r := remote.Row{Key: both[:n:n]}
	if value != nil {
		r.Value = both[n:]
	}
	return r
}
