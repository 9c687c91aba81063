// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// conn is a connection to the server, on which one request is made at a time. A request is any
// number of statements that are sent together and answered together, in one trip. pgconn
// connects; from then on this package writes the messages itself, because only that makes it
// certain what is sent when.
//
// A statement is prepared on a connection in the request that uses it first.
type conn struct {
	pool     *pool
	net      net.Conn
	frontend *pgproto3.Frontend // receives; encode.go writes what is sent
	out      []byte             // the request

	prepared [statements]bool
	asked    []statement // statements that the request prepares
	setup    int         // how many of the pool's settings were sent
	steps    int         // statements of the request
	unended  bool        // a request has left its transaction open; see flush
	owed     int         // answers still to come that nobody waits for
	status   byte        // of the transaction, as the last answer said
	warned   bool        // the server has warned since the request began
	reused   bool        // a request was answered before
	broken   bool        // it cannot be used any more
	used     time.Time   // when it was given back to the pool
}

// The states of a transaction.
const (
	idle   = 'I'
	failed = 'E'
)

// keptBuffer is how much memory a connection keeps after a large request.
const keptBuffer = 1 << 20

// start begins a request. If the session needs settings first, they are sent as a request
// before it.
func (c *conn) start() {
	c.out, c.asked, c.warned, c.steps = c.out[:0], c.asked[:0], false, 0
	if c.setup == len(c.pool.setup) {
		return
	}
	for _, text := range c.pool.setup[c.setup:] {
		at := c.once(text)
		c.int16(0)
		c.execute(at)
	}
	c.sync()
	c.steps = 0
}

// errNotSent is the error of a request of which nothing has left this process.
var errNotSent = errors.New("nothing was sent")

// answer is called with what the server answers: the number of the statement in the request,
// and a row, whose values are valid until answer returns, or nil and the number of rows that
// the statement concerned.
type answer func(step int, row [][]byte, count int64)

// run sends the request and waits for the answer. If the server answers with an error, that is
// a *pgconn.PgError; then the connection can still be used, unless it is broken.
func (c *conn) run(ctx context.Context, each answer) error {
	return c.trip(ctx, c.sync, each)
}

// flush is run for a request that does not end the transaction which its first statement has
// begun: the server answers, and waits for more statements.
func (c *conn) flush(ctx context.Context, each answer) error {
	c.unended = true
	return c.trip(ctx, func() { c.end(c.message('H')) }, each)
}

func (c *conn) trip(ctx context.Context, end func(), each answer) error {
	if err := ctx.Err(); err != nil {
		return errors.Join(errNotSent, err)
	}
	end()
	if c.setup < len(c.pool.setup) { // only now that the settings are sent, an answer is owed
		c.setup = len(c.pool.setup)
		c.owed++
	}
	var stop func() bool
	if ctx.Done() != nil {
		stop = context.AfterFunc(ctx, func() { _ = c.net.SetDeadline(time.Unix(1, 0)) })
	}
	err := c.send()
	if err == nil {
		err = c.receive(each)
	}
	if stop != nil && !stop() {
		c.broken = true // its deadline has passed, or is about to
		if err != nil {
			err = errors.Join(ctx.Err(), err)
		}
	}
	if cap(c.out) > keptBuffer {
		c.out = nil
	}
	return err
}

// send writes the request.
func (c *conn) send() error {
	n, err := c.net.Write(c.out)
	if err == nil {
		return nil
	}
	c.broken = true
	switch c.net.(type) {
	case *net.TCPConn, *net.UnixConn: // with TLS it is unknown how much of a record was written
		if n == 0 {
			return errors.Join(errNotSent, err)
		}
	}
	return err
}

// receive reads the answers that are owed, and then the answer to the request.
func (c *conn) receive(each answer) error {
	var failure error
	step := 0
	for {
		message, err := c.frontend.Receive()
		if err != nil {
			c.broken = true
			if failure != nil {
				return failure
			}
			return err
		}
		switch m := message.(type) {
		case *pgproto3.DataRow:
			if c.owed == 0 && each != nil {
				each(step, m.Values, 0)
			}
		case *pgproto3.CommandComplete:
			if c.owed == 0 && each != nil {
				each(step, nil, pgconn.NewCommandTag(string(m.CommandTag)).RowsAffected())
			}
			step++
			if c.owed == 0 && c.unended && step == c.steps {
				return nil
			}
		case *pgproto3.ParseComplete:
			if c.owed == 0 && len(c.asked) > 0 {
				c.prepared[c.asked[0]] = true
				c.asked = c.asked[1:]
			}
		case *pgproto3.NoticeResponse:
			c.warned = c.warned || m.SeverityUnlocalized == "WARNING"
		case *pgproto3.ErrorResponse:
			e := pgconn.ErrorResponseToPgError(m)
			if c.owed == 0 && failure == nil || isFatal(e) {
				failure = e
			}
			if isFatal(e) {
				c.broken = true
				return failure
			}
			if c.owed == 0 && c.unended {
				return failure // and skips what follows until the transaction ends
			}
		case *pgproto3.ReadyForQuery:
			c.status = m.TxStatus
			if c.owed > 0 {
				c.owed--
				step, failure, c.warned = 0, nil, false
				continue
			}
			c.reused = true
			return failure
		}
	}
}

// isFatal reports whether the server has ended the session.
func isFatal(e *pgconn.PgError) bool {
	severity := e.SeverityUnlocalized
	if severity == "" {
		severity = e.Severity
	}
	return severity != "ERROR"
}

// finish ends a transaction without waiting for the answer. A transaction that has only read is
// committed, because the server then remembers what it has read for as long as that matters to
// others; if it were rolled back, the server would forget that at once. A transaction that has
// written never gets here.
func (c *conn) finish() {
	if c.broken {
		return
	}
	c.out = c.out[:0]
	if c.unended {
		c.unended = false
		c.sync()
	} else {
		c.query()
	}
	_ = c.net.SetWriteDeadline(time.Now().Add(time.Second)) // a few bytes always fit
	if _, err := c.net.Write(c.out); err != nil {
		c.broken = true
		return
	}
	_ = c.net.SetWriteDeadline(time.Time{})
	c.owed++
	c.status = idle
}

// query appends the statement that ends a transaction which a statement began.
func (c *conn) query() {
	at := c.message('Q')
	if c.status == failed {
		c.text("rollback")
	} else {
		c.text(sqlCommit)
	}
	c.end(at)
}

// alive reports whether nothing has arrived unasked, such as the end of the connection. It
// takes a few microseconds.
func (c *conn) alive() bool {
	for c.owed > 0 { // answers that arrived long ago
		if !c.within(time.Second, func() error { return c.receiveOwed() }) {
			return false
		}
	}
	silent := !c.within(50*time.Microsecond, func() error {
		_, err := c.net.Read(make([]byte, 1))
		var timeout net.Error
		if errors.As(err, &timeout) && timeout.Timeout() {
			return err
		}
		return nil
	})
	return silent && c.frontend.ReadBufferLen() == 0
}

// within calls f, which reads, with a deadline. It reports whether f succeeded.
func (c *conn) within(d time.Duration, f func() error) bool {
	_ = c.net.SetReadDeadline(time.Now().Add(d))
	err := f()
	return c.net.SetReadDeadline(time.Time{}) == nil && err == nil
}

// receiveOwed reads one answer that nobody waits for.
func (c *conn) receiveOwed() error {
	c.owed--
	c.asked = c.asked[:0]
	err := c.receive(nil)
	if c.broken {
		return errors.Join(errNotSent, err)
	}
	return nil
}

// close ends the connection.
func (c *conn) close() {
	c.broken = true
	_ = c.net.SetWriteDeadline(time.Now().Add(10 * time.Millisecond))
	_, _ = c.net.Write([]byte{'X', 0, 0, 0, 4})
	_ = c.net.Close()
}
