// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"
)

// A commit to an engine on a server may be lost on the way there, or its answer on the way back,
// or it may arrive late. Whether it was made is found out by outcome rows: every commit also
// changes such a row, from the random value that the row has to a fresh one, and demands the old
// one. If no answer comes, the row is read: the fresh value says that the commit was made. The
// row is then changed to another fresh value in any case. Once that is done, a commit that was
// made is durable, and one that was not demands a value that is gone, and will never be made,
// however late it arrives.
//
// An outcome row that is not there says nothing: it may have been deleted. So a row exists
// before its first use.

// outcomeNumber is the table number of outcome rows. No table has it, see maxTableNumber.
const outcomeNumber = maxTableNumber + 1

// outcome is an outcome row that no commit uses at the moment, or whose commit is under way.
type outcome struct {
	key, value []byte // value is what the row has
	uses       int
	born       time.Time
	conflicts  int // one after the other
}

const (
	// Engines that keep old states of a row while a snapshot is open get slow when one row is
	// changed very often.
	outcomeUses = 256
	// What a process left behind is deleted by others after outcomeAbandoned, so one that is in
	// use is given up long before.
	outcomeAge       = time.Hour
	outcomeAbandoned = 24 * time.Hour
	// After so many conflicts one after the other it is looked whether the row itself is why.
	outcomeConflicts = 8
)

// outcomes are the outcome rows of a storage that are free. The one that was used last is taken
// first, so there are as many as commits were ever under way at once.
type outcomes struct{ free []*outcome }

func newOutcome() *outcome {
	key := appendTableNumber(nil, outcomeNumber)
	return &outcome{key: append(key, rand.Text()...), value: freshOutcome(), born: time.Now()}
}

// freshOutcome returns a value that no row ever had, behind the time.
func freshOutcome() []byte {
	b := binary.BigEndian.AppendUint64(nil, uint64(time.Now().Unix()))
	return append(b, rand.Text()...)
}

func (o *outcome) demand() Condition { return Condition{o.key, o.value} }

// next is the outcome that a commit leaves if it is made.
func (o *outcome) next() *outcome {
	if o.uses < outcomeUses && time.Since(o.born) < outcomeAge {
		return &outcome{key: o.key, value: freshOutcome(), uses: o.uses + 1, born: o.born}
	}
	return newOutcome()
}

// writes are the writes that turn o into next, in the order of their keys.
func (o *outcome) writes(next *outcome) []Write {
	put := Write{Key: next.key, Value: next.value}
	switch bytes.Compare(o.key, next.key) {
	case -1:
		return []Write{deletion(Write{Key: o.key}), put}
	case 1:
		return []Write{put, deletion(Write{Key: o.key})}
	}
	return []Write{put}
}

// takeOutcome returns an outcome row that exists.
func (w *writer) takeOutcome(known *fence) (*outcome, error) {
	w.mu.Lock()
	if n := len(w.outcomes.free); n > 0 {
		o := w.outcomes.free[n-1]
		w.outcomes.free = w.outcomes.free[:n-1]
		w.mu.Unlock()
		return o, nil
	}
	w.mu.Unlock()
	o := newOutcome()
	err := w.storage.send(Batch{
		Writes: []Write{{Key: o.key, Value: o.value}}, Conditions: []Condition{known.demand()},
	})
	switch {
	case err == nil:
		return o, nil
	case errors.Is(err, ErrConflict): // whose cause can only be the fence
		return nil, fmt.Errorf("%w: %w", errMoved, err)
	case !nothingWritten(err): // of what the caller wants nothing was, in any case
		err = fmt.Errorf("%w: %w", ErrUnavailable, opaque{err})
	}
	return nil, err
}

// reserve takes the outcome row for the next commit of the turn, if it has none. It is called
// before a snapshot is made that the commit depends on: to make a row takes a commit too, and a
// turn is one transaction at a time.
func (t *turn) reserve() (err error) {
	if t.outcome == nil && t.storage.sharing.Shared() {
		t.outcome, err = t.takeOutcome(t.fence)
	}
	return err
}

// opaque is an error that is only words to its caller: the error that it wraps would say something
// else about the caller's write, or the caller's context.
type opaque struct{ error }

// ofItsOwn hides that a context has ended which is not the caller's.
func ofItsOwn(err error) error {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return opaque{err}
	}
	return err
}

func (w *writer) giveOutcome(o *outcome) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.outcomes.free = append(w.outcomes.free, o)
}

// send applies a batch to a shared storage, within the time that a commit may take.
func (s *Storage) send(b Batch) error { return s.sendFor(context.Background(), b) }

// sendFor is send of a batch that may be given up when the caller's context ends.
func (s *Storage) sendFor(ctx context.Context, b Batch) error {
	ctx, cancel := context.WithTimeout(ctx, s.sharing.Commit)
	defer cancel()
	return s.engine.Apply(ctx, b)
}

// commitContext is that of a commit: it belongs to everybody whose writes are in it.
func (s *Storage) commitContext() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), s.sharing.Commit)
}

// overdue returns the error of a read in a context of commitContext. That its time is over is
// ErrUnavailable: no context of the caller has ended.
func (s *Storage) overdue(ctx context.Context, err error) error {
	if err == nil || !s.sharing.Shared() || ctx.Err() == nil || !errors.Is(err, ctx.Err()) {
		return err
	}
	return fmt.Errorf("%w: no answer within %v: %w", ErrUnavailable, s.sharing.Commit, opaque{err})
}

// nothingWritten reports whether an error of Apply says that nothing was written, nor will be:
// the storage may be gone, too.
func nothingWritten(err error) bool {
	return (goesOn(err) || errors.Is(err, ErrClosed)) && !errors.Is(err, ErrMaybe)
}

// applyShared is apply for a shared storage. It applies the batch exactly once or not at all, and
// returns ErrMaybe if it cannot tell which. It also returns ErrConflict if no answer came and the
// batch turns out not to be applied.
func (t *turn) applyShared(b Batch, known *fence) error {
	base, based := b.Base.(*fencedSnapshot)
	if based {
		b.Base, known = base.Snapshot, base.fence
	}
	err := t.reserve()
	if err != nil {
		return err
	}
	o := t.outcome
	t.outcome = nil
	next, met := o.next(), b.Met
	rows := o.writes(next)
	b.Writes = slices.Concat(b.Writes, rows)
	b.Conditions = []Condition{known.demand(), o.demand()}
	if met != nil {
		b.Met = make([]bool, len(b.Writes))
	}
	err = t.storage.send(b)
	switch {
	case err == nil:
		copy(met, b.Met)
		t.giveOutcome(next)
		return nil
	case nothingWritten(err):
		if !errors.Is(err, ErrConflict) || t.stays(o) {
			t.giveOutcome(o)
		}
		if errors.Is(err, ErrConflict) && !(based && base.compared()) {
			err = fmt.Errorf("%w: %w", errMoved, err) // for all that is known here
		}
		return err
	}
	made, err := t.storage.settle(o, next, err)
	switch {
	case err != nil:
		return err
	case !made:
		t.giveOutcome(o)
		return errNeverMade
	}
	t.giveOutcome(next)
	if met != nil {
		return errAnswerLost
	}
	return nil
}

// stays reports, after a conflict, whether an outcome row can be used again. It can unless another
// process has deleted or changed it, which happens only to a row that seems abandoned.
func (w *writer) stays(o *outcome) bool {
	if o.conflicts++; o.conflicts < outcomeConflicts {
		return true
	}
	found, _, err := w.storage.readOutcome(o.key, o.key)
	if err == nil {
		o.conflicts = 0
	}
	return err != nil || bytes.Equal(found, o.value)
}

var (
	errNeverMade = &wrapped{
		ErrConflict, "conflict: no answer came to the write, and it was not made",
	}
	errAnswerLost = &wrapped{
		ErrMaybe, "outcome unknown: the write was made, and whether there was a row before is " +
			"not known, because no answer came",
	}
)

// settle finds out whether a commit was made that turns o into next, and to which no answer
// came. What its row has is read, and then changed once more, so that a commit that was not made
// never will be, and so that one that was made is durable when that has an answer: a server may
// show what it would lose with its machine, because its standbys do not have it yet. The one of o
// and next that is there has the new value afterwards.
func (s *Storage) settle(o, next *outcome, cause error) (made bool, err error) {
	patience := time.Now().Add(2 * s.sharing.Commit)
	unmade, done := [][]byte{o.value}, [][]byte{next.value} // what the rows may have
	for try := 1; ; try++ {
		atO, atNext, err := s.readOutcome(o.key, next.key)
		if err == nil {
			row, found, may := o, atO, &unmade
			if made = among(done, atNext); made {
				row, found, may = next, atNext, &done
			} else if !among(unmade, atO) {
				return false, fmt.Errorf("%w: %w", ErrMaybe, ofItsOwn(cause))
			}
			fresh := freshOutcome()
			*may = append(*may, fresh)
			err = s.send(Batch{
				Writes:     []Write{{Key: row.key, Value: fresh}},
				Conditions: []Condition{{row.key, found}},
			})
			if err == nil {
				row.value = fresh
				return made, nil
			}
		}
		if time.Now().After(patience) {
			return false, fmt.Errorf("%w: %w", ErrMaybe, ofItsOwn(cause))
		}
		pause(context.Background(), try)
	}
}

// among reports whether a value that was read is one of some.
func among(values [][]byte, found []byte) bool {
	return slices.ContainsFunc(values, func(v []byte) bool { return bytes.Equal(v, found) })
}

// readOutcome reads two outcome rows, which may be the same; nil stands for an absent row.
func (s *Storage) readOutcome(a, b []byte) (atA, atB []byte, err error) {
	ctx, cancel := s.commitContext()
	defer cancel()
	snap, err := s.powers.Begin(ctx, ToReadOnce)
	if err != nil {
		return nil, nil, err
	}
	defer func() { s.logClose(snap.Close()) }()
	found := [2][]byte{}
	err = readMany(ctx, snap, [][]byte{a, b}, func(i int, value []byte) error {
		found[i] = bytes.Clone(value)
		return nil
	})
	return found[0], found[1], err
}

// sweepOutcomes deletes outcome rows that no process uses any more. Rows that it cannot delete now
// are left to the next sweep.
func (s *Storage) sweepOutcomes(ctx context.Context) error {
	snap, err := s.powers.Begin(ctx, ToReadOnce)
	if err != nil {
		return err
	}
	defer func() { s.logClose(snap.Close()) }()
	const most = 1000
	low, before := appendTableNumber(nil, outcomeNumber), time.Now().Add(-outcomeAbandoned).Unix()
	var writes []Write
	err = eachRow(ctx, snap, ScanRange{Low: low, Limit: most}, func(key, value []byte) error {
		if len(value) >= 8 && int64(binary.BigEndian.Uint64(value)) < before {
			writes = append(writes, deletion(Write{Key: slices.Clone(key)}))
		}
		if len(writes) == most {
			return errStop
		}
		return nil
	})
	if err != nil && !errors.Is(err, errStop) || len(writes) == 0 {
		return err
	}
	return s.applyMost(writes)
}

// leaveOutcomes deletes the outcome rows of this process, when it writes no more.
func (s *Storage) leaveOutcomes() error {
	var writes []Write
	for _, o := range s.writer.outcomes.free {
		writes = append(writes, deletion(Write{Key: o.key}))
	}
	if len(writes) == 0 {
		return nil
	}
	slices.SortFunc(writes, func(a, b Write) int { return bytes.Compare(a.Key, b.Key) })
	return s.applyMost(writes)
}

// applyMost applies as many of the writes as the engine takes at once.
func (s *Storage) applyMost(writes []Write) error {
	return s.send(Batch{Writes: writes[:min(len(writes), s.limits.deleteRows())]})
}
