// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/guardkv/guardkv/core"
	"github.com/jackc/pgx/v5/pgconn"
)

// pool is a set of connections. The one that was used last is taken first, so that only as many
// are open as are needed at once.
type pool struct {
	config *pgconn.Config
	name   string        // of the pool, for errors
	turns  chan struct{} // as many as connections may be open
	texts  *texts        // the statements of the storage, once that is open
	setup  []string      // statements that each connection begins with

	mu     sync.Mutex
	idle   []*conn
	sweep  *time.Timer // closes idle connections; nil if none is idle
	closed bool
}

const (
	// idleTime is how long a connection may be idle before it is closed.
	idleTime = time.Minute
	// doubtful is how long a connection may be idle before it is checked for being alive.
	doubtful = time.Second
)

func newPool(config *pgconn.Config, name string, most int) *pool {
	return &pool{config: config, name: name, turns: make(chan struct{}, most)}
}

// take returns a connection, and waits for one until ctx ends. Its error wraps ErrUnavailable.
func (p *pool) take(ctx context.Context) (*conn, error) {
	select {
	case p.turns <- struct{}{}:
	default:
		select {
		case p.turns <- struct{}{}:
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: all %d connections %s are in use: %w",
				core.ErrUnavailable, cap(p.turns), p.name, ctx.Err())
		}
	}
	for {
		c, err := p.pop()
		if err != nil {
			<-p.turns
			return nil, err
		}
		if c == nil {
			break
		}
		if time.Since(c.used) < doubtful || c.alive() {
			return c, nil
		}
		c.close()
	}
	c, err := p.connect(ctx)
	if err != nil {
		<-p.turns
		return nil, err
	}
	return c, nil
}

// pop returns an idle connection, or nil if there is none.
func (p *pool) pop() (*conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, fmt.Errorf("%w: the connections are closed", core.ErrClosed)
	}
	last := len(p.idle) - 1
	if last < 0 {
		return nil, nil
	}
	c := p.idle[last]
	p.idle = p.idle[:last]
	return c, nil
}

// give puts a connection back. If it is in a transaction, give ends that, and does not wait for
// the answer.
func (p *pool) give(c *conn) {
	if c.status != idle || c.unended {
		c.finish()
	}
	c.used = time.Now()
	p.mu.Lock()
	kept := !c.broken && !p.closed
	if kept {
		p.idle = append(p.idle, c)
		if p.sweep == nil {
			p.sweep = time.AfterFunc(idleTime, p.closeIdle)
		}
	}
	p.mu.Unlock()
	if !kept {
		c.close()
	}
	<-p.turns
}

// closeIdle closes connections that have been idle for long.
func (p *pool) closeIdle() {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for n < len(p.idle) && time.Since(p.idle[n].used) >= idleTime {
		p.idle[n].close()
		n++
	}
	p.idle = append(p.idle[:0], p.idle[n:]...)
	p.sweep = nil
	if len(p.idle) > 0 && !p.closed {
		p.sweep = time.AfterFunc(idleTime, p.closeIdle)
	}
}

// suspect marks all idle connections to be checked before they are taken: one has just broken.
func (p *pool) suspect() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.idle {
		c.used = time.Time{}
	}
}

// close closes all idle connections now, and those in use when they are given back.
func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	if p.sweep != nil {
		p.sweep.Stop()
	}
	for _, c := range p.idle {
		c.close()
	}
	p.idle = nil
}

// connect opens a connection.
func (p *pool) connect(ctx context.Context) (*conn, error) {
	pg, err := pgconn.ConnectConfig(ctx, p.config)
	if err != nil {
		return nil, unreachable(ctx, p.config, err)
	}
	return &conn{
		pool: p, net: pg.Conn(), frontend: pg.Frontend(), status: pg.TxStatus(),
	}, nil
}

// ask takes a connection and makes a request on it. It tries another connection if there is no
// answer, because an idle one may have been dead. build writes the request, and each sees the
// answer. The caller gives the connection back; after an error that is not the server's there
// is none. Only requests that do no harm when made twice may be asked.
func (p *pool) ask(ctx context.Context, build func(*conn), each answer) (*conn, error) {
	return p.askBy(ctx, (*conn).run, build, each)
}

// askBy is ask with conn.run or conn.flush.
func (p *pool) askBy(
	ctx context.Context, run func(*conn, context.Context, answer) error,
	build func(*conn), each answer,
) (*conn, error) {
	for {
		c, err := p.take(ctx)
		if err != nil {
			return nil, err
		}
		c.start()
		build(c)
		err = run(c, ctx, each)
		var said *pgconn.PgError
		if err == nil || errors.As(err, &said) && !c.broken {
			return c, err
		}
		reused := c.reused
		p.drop(c)
		if ctx.Err() != nil || !reused || errors.As(err, &said) && !goneAway(said) {
			return nil, fmt.Errorf("%w: %w", core.ErrUnavailable, err)
		}
	}
}

// drop closes a connection that has broken.
func (p *pool) drop(c *conn) {
	c.broken = true
	p.suspect()
	p.give(c)
}
