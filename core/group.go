// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
)

// A group is the requests that one commit takes from the queue. Before anything is written,
// decide goes through them in their order and settles what each does, given what those before
// it leave behind; then their writes are merged, sorted by key, and applied as one batch. So a
// group does exactly what its requests would have done one by one.

// commitGroup commits the group in one Apply and tells every request its outcome. A group that the
// engine refuses had nothing written. One request alone may be at fault, so each then gets a commit
// of its own. In a shared storage those in conflict are left in again.
func (t *turn) commitGroup(group []*request) {
	shared := t.storage.sharing.Shared()
	err := t.applyGroup(group)
	for try := 1; !shared && len(group) == 1 && errors.Is(err, ErrConflict) &&
		try < conflictTries; try++ {
		backOff(try)
		err = t.applyGroup(group)
	}
	switch {
	case shared && errors.Is(err, ErrConflict):
		met := err
		err = t.prepareAgain(met)
		if err == nil {
			t.leaveInAgain(group, met)
			return
		}
		for _, r := range group { // a read of the group told only some of the conflict
			if r != nil && errors.Is(r.err, ErrConflict) {
				r.err = nil
			}
		}
	case len(group) > 1 && (errors.Is(err, ErrTooLarge) || errors.Is(err, ErrConflict)):
		for i := range group {
			t.commitGroup(group[i : i+1])
		}
		return
	}
	t.finish(group, err)
}

// leaveInAgain keeps the requests of a group, which met a conflict, for another try.
func (t *turn) leaveInAgain(group []*request, met error) {
	for _, r := range group {
		r.met = met
	}
	t.again = append(t.again, group...)
	clear(group)
}

// prepareAgain makes sure that the next try of a group does not fail as this one did if that was
// because others have changed the tables.
func (t *turn) prepareAgain(err error) error {
	if !errors.Is(err, errMoved) {
		return nil
	}
	ctx, cancel := t.storage.commitContext()
	defer cancel()
	return t.storage.overdue(ctx, t.storage.refresh(ctx, t.fence))
}

// finish tells those of the group who do not know it yet the outcome. A request that has been
// told is its owner's again, so it leaves the group, whose length stays: lead looks at it.
func (w *writer) finish(group []*request, err error) {
	for i, r := range group {
		if r == nil {
			continue
		}
		if err != nil && (r.err == nil || r.relies) {
			r.err = err
		}
		group[i] = nil
		r.finish(r.err)
	}
}

// applyGroup leaves an error that concerns one request in that request, and returns what fails all
// others.
func (t *turn) applyGroup(group []*request) error {
	if err := t.sound(); err != nil {
		return err
	}
	ctx := context.Background() // from here on the commit belongs to everybody in the group
	base := groupBase{storage: t.storage, alone: len(group) == 1}
	if t.storage.sharing.Shared() {
		var cancel context.CancelFunc
		ctx, cancel = t.storage.commitContext()
		defer cancel()
		t.fence, base.alone = t.storage.catalog.fence.Load(), false
		if err := t.reserve(); err != nil {
			return err
		}
	}
	defer base.close()
	asking := t.decide(ctx, group, &base)
	if err := base.conflict(); err != nil {
		return err
	}
	if err := t.fits(group); err != nil {
		return err
	}
	b := Batch{Writes: t.merge(group), Base: base.snapshot}
	if asking {
		return t.applyAsking(ctx, group, b)
	}
	return t.apply(ctx, b)
}

// groupBase is the state that the conditions of a group are looked up in. A request alone reads
// the one row that it asks for; several must all see the same state, which is the base of their
// commit, and so must one beside whom others write.
type groupBase struct {
	storage  *Storage
	alone    bool
	snapshot Snapshot          // nil until it is needed
	err      error             // why there is none; requests that ask for nothing do not care
	rows     map[string][]byte // fetched from a shared storage; nil stands for no row
}

// get returns the value of the row at key, which is valid until held is released, if held is
// not nil, and the group's base is closed.
func (b *groupBase) get(ctx context.Context, key []byte) (value []byte, held Releaser, err error) {
	if b.alone {
		return b.storage.engine.Get(ctx, key)
	}
	if value, fetched := b.rows[string(key)]; fetched {
		if value == nil {
			return nil, nil, ErrNotFound
		}
		return value, nil, nil
	}
	if err := b.begin(ctx); err != nil {
		return nil, nil, err
	}
	value, held, err = b.snapshot.Get(ctx, key)
	return value, held, b.storage.overdue(ctx, err)
}

func (b *groupBase) begin(ctx context.Context) error {
	if b.snapshot == nil && b.err == nil {
		b.snapshot, b.err = b.storage.begun(ctx, ToUpdate)
		b.err = b.storage.overdue(ctx, b.err)
	}
	return b.err
}

// fetch reads the rows that the group asks for from a shared storage, all of them in one trip.
func (b *groupBase) fetch(ctx context.Context, group []*request, can askable) {
	var keys [][]byte
	for _, r := range group {
		if r.when != always && !r.askedOf(can) {
			keys = append(keys, r.writes[0].Key)
		}
	}
	if len(keys) == 0 || b.begin(ctx) != nil {
		return
	}
	rows := make(map[string][]byte, len(keys)) // b itself would be moved to the heap
	for _, key := range keys {
		rows[string(key)] = nil
	}
	b.err = readMany(ctx, b.snapshot, keys, func(i int, value []byte) error {
		rows[string(keys[i])] = append([]byte{}, value...)
		return nil
	})
	b.err = b.storage.overdue(ctx, b.err)
	if b.err == nil {
		b.rows = rows
	}
}

// conflict returns the conflict that a read of a shared storage ran into, or its snapshot when
// it began.
func (b *groupBase) conflict() error {
	if f, ok := b.snapshot.(*fencedSnapshot); ok {
		return f.failed()
	}
	if b.storage.sharing.Shared() && errors.Is(b.err, ErrConflict) {
		return b.err
	}
	return nil
}

// has reports whether there is a row at key.
func (b *groupBase) has(ctx context.Context, key []byte) (found bool, err error) {
	_, held, err := b.get(ctx, key)
	if err == nil {
		releaseValue(held)
	}
	return foundRow(err)
}

// foundRow turns the error of a Get into its answer.
func foundRow(err error) (bool, error) {
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

func (b *groupBase) close() {
	if b.snapshot != nil {
		b.storage.logClose(b.snapshot.Close())
	}
}

// leftRows are what the requests of a group leave behind, by key. A function that still runs is
// taken to write.
type leftRows map[string]leftRow

type leftRow struct {
	*Write
	by *request
}

// restore makes left what is left at key.
func (l leftRows) restore(key []byte, left leftRow) {
	switch {
	case l == nil: // the request is alone
	case left.by == nil:
		delete(l, string(key))
	default:
		l[string(key)] = left
	}
}

// decide settles the conditions of the group, in its order, and reports whether some are left
// to the engine.
func (t *turn) decide(ctx context.Context, group []*request, base *groupBase) (asking bool) {
	var seen leftRows
	defer func() { t.collect(seen) }() // also if the engine panics, or the leader's own function
	askable := t.askable(group)
	if t.storage.sharing.Shared() {
		base.fetch(ctx, group, askable)
	}
	for _, r := range group {
		r.err, r.asks = nil, false
		if r.table != nil {
			if r.err = r.table.gone(); r.err != nil {
				continue
			}
		}
		if t.functions.runs(r, seen) {
			t.answerOwn()
			t.collect(seen)
		}
		switch r.when {
		case always:
		case byFunction:
			r.look(ctx, base, seen)
		default:
			r.ask(askable)
			if r.asks {
				asking = true
			} else {
				r.decide(ctx, base, seen)
			}
		}
		if len(group) > 1 && (r.runs() || !r.writesNothing()) {
			seen = r.leave(seen)
		}
		if r.runs() {
			t.ask(r)
		}
	}
	t.answerOwn()
	return asking
}

// merge returns the writes of the group in the order of their keys; of equal keys the last one
// counts.
func (t *turn) merge(group []*request) []Write {
	if len(group) == 1 && !group[0].writesNothing() {
		return group[0].writes
	}
	all := t.merged[:0]
	for _, r := range group {
		if !r.writesNothing() {
			all = append(all, r.writes...)
		}
	}
	slices.SortStableFunc(all, func(a, b Write) int { return bytes.Compare(a.Key, b.Key) })
	kept := all[:0]
	for i, wr := range all {
		if i+1 == len(all) || !bytes.Equal(wr.Key, all[i+1].Key) {
			kept = append(kept, wr)
		}
	}
	t.merged = all
	return kept
}

// apply makes the writes durable. From here on the commit cannot be cancelled: an engine that
// gave up in its middle would leave the outcome unknown.
func (t *turn) apply(ctx context.Context, b Batch) error {
	if len(b.Writes) == 0 {
		return nil
	}
	defer func() { clear(t.merged) }() // keep no caller's bytes alive
	if t.storage.sharing.Shared() {
		return t.applyShared(b, t.fence)
	}
	t.failed = errUnsettled // unless Apply returns
	if ctx.Done() != nil {
		ctx = context.WithoutCancel(ctx)
	}
	err := t.storage.engine.Apply(ctx, b)
	t.failed = err
	if err != nil && goesOn(err) {
		t.failed = nil
	}
	return err
}

// goesOn reports whether Apply failed in a way after which it may be called again: the storage
// is as it was, or the engine vouches for its state.
func goesOn(err error) bool {
	return errors.Is(err, ErrTooLarge) || errors.Is(err, ErrConflict) ||
		errors.Is(err, ErrNoRoom) ||
		errors.Is(err, ErrUnavailable) || errors.Is(err, ErrMaybe) ||
		errors.Is(err, ErrSnapshotExpired)
}

// sound returns an error if an Apply failed before: what is on disk is known again only after
// reopening.
func (w *writer) sound() error {
	if w.failed == nil {
		return nil
	}
	return fmt.Errorf("an earlier write failed, reopen the storage to write again: %w", w.failed)
}
