// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/remote"
	"github.com/jackc/pgx/v5/pgconn"
)

// state is a transaction on the server, which begins in the request of the first read. A single
// read needs no transaction around it.
type state struct {
	driver *driver
	pool   *pool
	use    core.Use

	turn  chan struct{} // held by whoever uses what is below
	begun bool
	wire  *conn // in the transaction; nil before it, and when it is over
	gone  bool  // the storage no longer exists
	over  error // why the transaction is over
}

// A Snapshot or a Backup waits until it is safe from conflicts, but for no longer than
// [Backend.Commit] divided by safeWait. After that it goes on as a read that may run into them:
// the transaction that it waits for may be the one whose function asked for it, and then they
// would wait for each other.
const safeWait = 4

var _ remote.State = (*state)(nil)

// Begin sends nothing.
func (d *driver) Begin(use core.Use) remote.State {
	s := &state{driver: d, pool: d.readers, use: use, turn: make(chan struct{}, 1)}
	if use == core.ToUpdate && !d.readOnly {
		s.pool = d.writers
	}
	return s
}

// GetMany is one request. With ToReadOnce it is a transaction by itself.
func (s *state) GetMany(ctx context.Context, keys [][]byte) (rows []remote.Row, err error) {
	err = s.ask(ctx, s.use != core.ToReadOnce, func(w *conn) {
		rows = nil
		w.getMany(keys)
	}, func(step int, row [][]byte, _ int64) {
		if row != nil {
			rows = append(rows, rowOf(row))
		}
	})
	return rows, err
}

// getMany asks for the rows at keys.
func (w *conn) getMany(keys [][]byte) {
	if len(keys) == 1 {
		at := w.bind(stGet)
		w.int16(1)
		w.bytes(keys[0])
		w.execute(at)
		return
	}
	at := w.bind(stGetMany)
	w.int16(1)
	w.array(len(keys), func(i int) []byte { return keys[i] })
	w.execute(at)
}

// Page is one request.
func (s *state) Page(ctx context.Context, q remote.Query) (p remote.Page, err error) {
	size, cut := 0, false
	err = s.ask(ctx, true, func(w *conn) {
		p, size, cut = remote.Page{}, 0, false
		w.page(&q)
		if len(q.Also) > 0 {
			w.getMany(q.Also)
		}
	}, func(step int, row [][]byte, _ int64) {
		switch {
		case row == nil:
		case step == 1:
			p.Also = append(p.Also, rowOf(row))
		case size < q.Bytes || len(p.Rows) == 0:
			size += len(row[0]) + len(row[1])
			p.Rows = append(p.Rows, rowOf(row))
		default:
			cut = true // rows that are larger than expected are read again
		}
	})
	p.More = cut || len(p.Rows) == q.Rows
	return p, err
}

// page asks for a page.
func (w *conn) page(q *remote.Query) {
	at := w.bind(page(q.High != nil, q.Reverse, q.KeysOnly))
	if q.High == nil {
		w.int16(2)
	} else {
		w.int16(3)
	}
	w.int8(int64(q.Rows))
	w.bytes(append([]byte{}, q.Low...))
	if q.High != nil {
		w.bytes(q.High)
	}
	w.execute(at)
}

// lock waits until it has the state to itself.
func (s *state) lock(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *state) unlock() { <-s.turn }

// ask makes a request within the transaction, or a transaction of its own.
func (s *state) ask(ctx context.Context, lasts bool, build func(*conn), each answer) error {
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.unlock()
	switch {
	case s.over != nil:
		return s.over
	case s.gone:
		return nil
	case s.begun:
		return s.goOn(ctx, build, each)
	}
	wire, err := s.begin(ctx, lasts, build, each)
	if err == nil && lasts {
		s.begun, s.wire = true, wire
		return nil
	}
	if wire != nil {
		if spoiled(code(err)) {
			wire.broken = true
		}
		s.pool.give(wire)
	}
	switch {
	case err == nil || wire == nil:
		return err
	case code(err) == codeUndefinedTable:
		s.gone = true
		return nil
	}
	return refused(err)
}

// begin makes the first request, before which the transaction begins.
func (s *state) begin(
	ctx context.Context, lasts bool, build func(*conn), each answer,
) (*conn, error) {
	switch {
	case !lasts:
		return s.pool.ask(ctx, build, each)
	case s.implicit():
		return s.pool.askBy(ctx, (*conn).flush, build, each)
	case s.use == core.ToUpdate:
		return s.beginBy(ctx, []statement{stBegin}, build, each)
	case s.use == core.ToKeep && s.driver.backend.Dialect.of().safe:
		wire, err := s.beginBy(ctx, []statement{stBeginSafe, stWaitBriefly},
			func(w *conn) {
				build(w)
				w.exec(stWaitAsEver)
			}, each)
		if code(err) != codeCanceled || wire == nil || ctx.Err() != nil {
			return wire, err
		}
		s.pool.give(wire)
	}
	return s.beginBy(ctx, []statement{stBeginRead}, build, each)
}

// beginBy makes the first request, preceded by the statements that begin the transaction.
func (s *state) beginBy(
	ctx context.Context, first []statement, build func(*conn), each answer,
) (*conn, error) {
	return s.pool.ask(ctx, func(w *conn) {
		for _, st := range first {
			w.exec(st)
		}
		build(w)
	}, func(step int, row [][]byte, count int64) {
		if step >= len(first) {
			each(step-len(first), row, count)
		}
	})
}

// implicit reports whether the transaction needs no statements that begin and end it:
// everything up to the client's Sync message is one transaction. The server does not limit how
// long such a transaction is idle, so it is for scans only, which end with their loops.
func (s *state) implicit() bool {
	return s.use == core.ToReadOnce && s.driver.backend.Dialect.of().implicit
}

// goOn makes another request within the transaction. An error ends the transaction.
func (s *state) goOn(ctx context.Context, build func(*conn), each answer) error {
	s.wire.start()
	build(s.wire)
	run := (*conn).run
	if s.implicit() {
		run = (*conn).flush
	}
	err := run(s.wire, ctx, each)
	if err == nil {
		return nil
	}
	var said *pgconn.PgError
	switch {
	case errors.Is(err, errNotSent) && !s.wire.broken: // the context had ended
		return err
	case errors.As(err, &said) && isConflict(said.Code):
		s.end(fmt.Errorf("%w: %w", core.ErrConflict, err))
	default:
		s.end(fmt.Errorf("%w: %w", core.ErrSnapshotExpired, err))
	}
	return s.over
}

// end gives the connection back, which ends the transaction.
func (s *state) end(why error) {
	s.over = why
	if s.wire != nil {
		if s.wire.broken {
			s.pool.suspect()
		}
		s.pool.give(s.wire)
		s.wire = nil
	}
}

var errEnded = fmt.Errorf("%w: the transaction is over", core.ErrClosed)

// Close ends the transaction, and does not wait for an answer.
func (s *state) Close() error {
	s.turn <- struct{}{} // nobody has it
	s.end(errEnded)
	<-s.turn
	return nil
}
