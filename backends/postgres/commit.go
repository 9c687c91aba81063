// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/guardkv/guardkv/core"
	"github.com/guardkv/guardkv/core/remote"
)

// Commit is one request: the conditions, the writes, and the end of the base's transaction.
// Writes of a single kind are one statement, and need no transaction around it. Nothing is sent
// twice.
func (d *driver) Commit(ctx context.Context, c remote.Commit) error {
	if d.readOnly {
		return core.ErrReadOnly
	}
	base, _ := c.Base.(*state)
	if base == nil {
		return d.commitOn(ctx, nil, &c)
	}
	if err := base.lock(ctx); err != nil {
		return fmt.Errorf("%w: %w", core.ErrUnavailable, err)
	}
	defer base.unlock()
	switch {
	case base.over != nil:
		return base.over
	case base.gone:
		return errGone
	case !base.begun:
		return d.commitOn(ctx, nil, &c)
	}
	wire := base.wire
	err := d.commitOn(ctx, wire, &c)
	base.end(errEnded)
	return err
}

var errGone = fmt.Errorf("%w: the storage was removed", core.ErrClosed)

// commitOn commits in the transaction of a connection or, if that is nil, in one of its own.
func (d *driver) commitOn(ctx context.Context, wire *conn, c *remote.Commit) error {
	if wire != nil {
		err := d.send(ctx, wire, newRequest(c, true))
		if errors.Is(err, errNotSent) && ctx.Err() == nil {
			return fmt.Errorf("%w: %w", core.ErrSnapshotExpired, err) // with its connection
		}
		return err
	}
	for {
		wire, err := d.writers.take(ctx)
		if err != nil {
			return err
		}
		reused := wire.reused
		err = d.send(ctx, wire, newRequest(c, false))
		if wire.broken {
			d.writers.suspect()
		}
		d.writers.give(wire)
		// A connection that was idle may have been dead.
		if !errors.Is(err, errNotSent) || ctx.Err() != nil || !reused {
			return err
		}
	}
}

// send makes the request that commits.
func (d *driver) send(ctx context.Context, wire *conn, r *request) error {
	wire.start()
	r.build(wire)
	err := wire.run(ctx, r.answer)
	d.written.Store(true)
	switch code(err) {
	case codeUndefinedTable:
		return fmt.Errorf("%w: %w", errGone, err)
	case codeDivisionByZero:
		return errUnmet
	}
	if err = written(wire, err); err == nil && r.unmet {
		return errUnmet
	}
	return err
}

var errUnmet = fmt.Errorf("%w: a row is not as the commit demands", core.ErrConflict)

// request is a commit as statements.
type request struct {
	*remote.Commit
	begun bool  // the transaction has begun
	runs  []run // the writes, in the order of their keys
	alone bool  // one statement does everything
	first int   // the number of the statement of the first run
	unmet bool  // a condition does not hold, says that statement
}

// run is a number of writes that one statement makes.
type run struct {
	statement statement
	writes    []core.Write
	at        int // where the first one is in the batch
}

// mostRuns is up to how many statements are better than two; see separate.
const mostRuns = 64

func newRequest(c *remote.Commit, begun bool) *request {
	r := &request{Commit: c, begun: begun, runs: runsOf(c.Writes)}
	r.alone = len(r.runs) == 1 && r.runs[0].statement == stPut
	if len(r.runs) > mostRuns {
		r.runs = separate(c.Writes, r.runs)
	}
	return r
}

// runsOf cuts writes into runs. It keeps the order of keys, in which rows are locked, so that
// no two commits wait for each other.
func runsOf(writes []core.Write) (runs []run) {
	for i, w := range writes {
		s := statementOf(&w)
		if last := len(runs) - 1; last >= 0 && runs[last].statement == s && s != stDeleteRange {
			runs[last].writes = writes[runs[last].at : i+1]
			continue
		}
		runs = append(runs, run{s, writes[i : i+1], i})
	}
	return runs
}

// statementOf returns the statement that makes a write.
func statementOf(w *core.Write) statement {
	switch {
	case w.Delete && w.End != nil:
		return stDeleteRange
	case w.Delete && w.When == core.IfAbsent:
		return stProbe
	case w.Delete:
		return stDelete
	case w.When == core.IfAbsent:
		return stInsert
	case w.When == core.IfPresent:
		return stUpdate
	}
	return stPut
}

// separate turns many runs of puts and deletions into two statements. The first one puts all
// rows in the order of their keys, even those that are to be deleted, and so locks them; the
// second one deletes.
func separate(writes []core.Write, runs []run) []run {
	for i := range writes {
		if w := &writes[i]; w.End != nil || w.When != core.Unconditional {
			return runs
		}
	}
	var deletes []core.Write
	puts := slices.Clone(writes)
	for i := range puts {
		if w := &puts[i]; w.Delete {
			deletes = append(deletes, *w)
			w.Delete, w.Value = false, nil
		}
	}
	return []run{{stPut, puts, 0}, {stDelete, deletes, 0}}
}

// build writes the statements.
func (r *request) build(w *conn) {
	explicit := !r.begun && !r.alone
	if explicit {
		w.exec(stBegin)
		r.first++
	}
	if !r.alone && len(r.Conditions) > 0 {
		at := w.bind(stCheck)
		w.int16(2)
		w.conditions(r.Conditions)
		w.execute(at)
		r.first++
	}
	for _, run := range r.runs {
		w.write(&run, r.conditions())
	}
	if explicit || r.begun {
		w.exec(stCommit)
	}
}

// conditions returns the conditions of a run's writes. They are checked before the run, unless
// it is alone.
func (r *request) conditions() []core.Condition {
	if r.alone {
		return r.Conditions
	}
	return nil
}

// conditions appends two arguments: keys, and the values that the rows there must have.
func (w *conn) conditions(all []core.Condition) {
	w.array(len(all), func(i int) []byte { return all[i].Key })
	w.array(len(all), func(i int) []byte { return all[i].Value })
}

// write appends the statement for a run.
func (w *conn) write(r *run, conditions []core.Condition) {
	at := w.bind(r.statement)
	keys := func(i int) []byte { return r.writes[i].Key }
	switch r.statement {
	case stDeleteRange:
		w.int16(2)
		w.bytes(r.writes[0].Key)
		w.bytes(r.writes[0].End)
	case stDelete, stProbe:
		w.int16(1)
		w.array(len(r.writes), keys)
	default:
		if r.statement == stPut {
			w.int16(4)
		} else {
			w.int16(2)
		}
		w.array(len(r.writes), keys)
		w.array(len(r.writes), func(i int) []byte {
			if v := r.writes[i].Value; v != nil {
				return v
			}
			return []byte{}
		})
		if r.statement == stPut {
			w.conditions(conditions)
		}
	}
	w.execute(at)
}

// answer takes in what the server answers to a commit.
func (r *request) answer(step int, row [][]byte, count int64) {
	i := step - r.first
	if i < 0 || i >= len(r.runs) {
		return
	}
	run := &r.runs[i]
	if row == nil {
		r.unmet = r.unmet || r.alone && count != int64(len(run.writes))
		if run.statement == stProbe { // its rows are those that exist
			for j := range run.writes {
				r.Met[run.at+j] = !r.Met[run.at+j]
			}
		}
		return
	}
	if r.Met == nil {
		return
	}
	j, found := slices.BinarySearchFunc(run.writes, row[0],
		func(w core.Write, key []byte) int { return bytes.Compare(w.Key, key) })
	if found && run.writes[j].When != core.Unconditional {
		r.Met[run.at+j] = true
	}
}
