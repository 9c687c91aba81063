// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// One process at a time migrates a shared storage. It takes the lease: the fence gets its token
// and the new version, so all processes that know the old version write no more, and no other
// process begins to migrate. While it migrates it changes the lease's row every second. Processes
// that wait for the migration see that. If the row stays the same for too long, they take the
// process for dead and take over its lease. Should it be alive, the fence keeps its writes out.

const leaseName = "migration"

const (
	leaseBeat     = time.Second
	leasePatience = 10 * leaseBeat
)

// errMarkMoved is returned when another process has changed the mark.
var errMarkMoved = &wrapped{
	ErrClosed, "closed: another process has changed the storage's mark; open it again",
}

// lease is the row of the catalog that shows that a migration goes on.
type lease struct {
	Token string `json:"token"` // random, that of the fence
	Beat  string `json:"beat"`  // random, another one every leaseBeat
	value []byte // as it is stored
}

func newLease() *lease { return &lease{Token: rand.Text(), Beat: rand.Text()} }

func (l *lease) row() (Write, error) {
	text, err := json.Marshal(l)
	return catalogRow(leaseName, text), err
}

// takeLease takes the lease for a migration to a version. errMigrated says that another process
// has ended one meanwhile.
func (s *Storage) takeLease(ctx context.Context, to uint64) (*lease, error) {
	taken, busy := newLease(), false
	err := s.changeTables(ctx, func(t *turn) error {
		if busy = t.fence.Lease != ""; busy {
			return nil
		}
		return t.beginLease(ctx, taken, to)
	})
	if err != nil || !busy {
		return taken, err
	}
	if err := s.watchLease(ctx); err != nil {
		return nil, err
	}
	err = s.changeTables(ctx, func(t *turn) error { return t.beginLease(ctx, taken, to) })
	return taken, err
}

// beginLease gives the lease to this process, whoever had it.
func (t *turn) beginLease(ctx context.Context, l *lease, to uint64) error {
	row, err := l.row()
	if err != nil {
		return err
	}
	l.value = row.Value
	renew := func(f *fence) { f.Lease, f.Version = l.Token, to }
	return t.applyFenced(ctx, []Write{row}, renew, func() {})
}

// watchLease returns nil when whoever has the lease seems to be dead.
func (s *Storage) watchLease(ctx context.Context) error {
	var last []byte
	began := time.Now()
	first := true
	for since := began; time.Since(since) < leasePatience; first = false {
		if time.Since(began) > 3*leasePatience {
			return fmt.Errorf("%w: another process has been migrating it for %v; try again later",
				ErrLocked, 3*leasePatience)
		}
		found, err := s.readLease(ctx)
		if err != nil {
			return err
		}
		if first || !bytes.Equal(found, last) {
			last, since = found, time.Now()
			if err := s.lookAgain(ctx); err != nil { // errMigrated when the migration has ended
				return err
			}
		}
		if err := sleep(ctx, leaseBeat/2); err != nil {
			return fmt.Errorf("waiting for another process that migrates the storage: %w", err)
		}
	}
	return nil
}

// readLease returns the row of the lease, nil if there is none.
func (s *Storage) readLease(ctx context.Context) (found []byte, err error) {
	for try := 1; ; try++ {
		found, err = s.tryReadLease(ctx)
		if !errors.Is(err, ErrConflict) {
			return found, err
		}
		if err := pause(ctx, try); err != nil {
			return nil, err
		}
	}
}

func (s *Storage) tryReadLease(ctx context.Context) (found []byte, err error) {
	snap, err := s.powers.Begin(ctx, ToReadOnce)
	if err != nil {
		return nil, err
	}
	defer func() { s.logClose(snap.Close()) }()
	key := catalogRow(leaseName, nil).Key
	err = readOne(ctx, snap, key, 0, func(_ int, value []byte) error {
		found = bytes.Clone(value)
		return nil
	})
	return found, err
}

// keep changes the row of the lease until stop is called, or the lease is lost.
func (l *lease) keep(s *Storage) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for sleep(ctx, leaseBeat) == nil && l.beat(s) {
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}

// beat changes the row of the lease, and reports whether the lease is this one still.
func (l *lease) beat(s *Storage) bool {
	next := &lease{Token: l.Token, Beat: rand.Text()}
	row, err := next.row()
	if err != nil {
		return false
	}
	err = s.send(Batch{
		Writes: []Write{row}, Conditions: []Condition{{row.Key, l.value}},
	})
	if err == nil {
		l.value = row.Value
		return true
	}
	ctx, cancel := s.commitContext()
	defer cancel()
	found, err := s.readLease(ctx)
	if err != nil { // no server can be reached: this says nothing about the lease
		return true
	}
	l.value = found
	return bytes.Contains(found, []byte(l.Token))
}

// end gives the lease back, with the version that the storage has then. If it cannot, the next
// process takes the lease over.
func (l *lease) end(ctx context.Context, s *Storage, version uint64) error {
	ctx, cancel := context.WithTimeout(ctx, 4*s.sharing.Commit)
	defer cancel()
	err := s.changeTables(ctx, func(t *turn) error {
		writes := []Write{deletion(catalogRow(leaseName, nil))}
		renew := func(f *fence) { f.Lease, f.Version = "", version }
		return t.applyFenced(ctx, writes, renew, func() {})
	})
	return s.overdue(ctx, err)
}

// changeShared is migrate for a shared storage. ErrConflict says that others were faster, and
// that the storage is to be opened anew.
func (o *opener) changeShared(s *Storage) error {
	from, to := o.mark.Version, o.options.version
	migrates := from < to && !o.options.anyVersion && o.options.migrate != nil
	if !migrates {
		to = from
	}
	err := o.clearState(s)
	if err == nil && (migrates || s.catalog.fence.Load().Lease != "") {
		err = o.migrateShared(s, from, to)
	}
	if errors.Is(err, errMigrated) || errors.Is(err, errMarkMoved) {
		o.opened = false
		return fmt.Errorf("%w: %w", ErrConflict, err)
	}
	return err
}

// clearState ends what Restore has begun. So a mark that moves during a migration has moved to the
// new version.
func (o *opener) clearState(s *Storage) error {
	if o.mark.State == "" {
		return nil
	}
	return s.setMark(o.ctx, func(m *mark) { m.State = "" })
}

// setMark changes the mark of a shared storage. If no answer comes it does so again, and runs into
// a conflict if the first one was stored. So errMarkMoved says that the mark is not as it was,
// whether this process or another changed it. After an error that does not say that nothing was
// written, the mark may have changed, or may change later.
func (s *Storage) setMark(ctx context.Context, change func(m *mark)) error {
	patience := time.Now().Add(2 * s.sharing.Commit)
	var maybe error
	for try := 1; ; try++ {
		err := s.changeMarkInTime(ctx, change)
		switch {
		case err == nil:
			return nil
		case !nothingWritten(err):
			maybe = fmt.Errorf("%w: %w", ErrMaybe, ofItsOwn(err))
		case errors.Is(err, ErrConflict):
			return errMarkMoved
		case maybe == nil:
			return err
		}
		if ended := pause(ctx, try); ended != nil {
			return fmt.Errorf("%w: %w", maybe, ended)
		}
		if time.Now().After(patience) {
			return maybe
		}
	}
}

// changeMarkInTime is changeMark that takes no longer than a commit may take.
func (s *Storage) changeMarkInTime(ctx context.Context, change func(m *mark)) error {
	ctx, cancel := context.WithTimeout(ctx, s.sharing.Commit)
	defer cancel()
	return s.changeMark(ctx, change)
}

// migrateShared migrates under a lease, if the storage has an older version, and then stores the
// mark of the new version. If it is unknown whether the mark was stored, the lease is not given
// back: the fence and the mark could have different versions. The process that takes over the
// lease finds out.
func (o *opener) migrateShared(s *Storage, from, to uint64) (err error) {
	l, err := s.takeLease(o.ctx, to)
	if err != nil {
		return err
	}
	stop := l.keep(s)
	reached, unknown := from, false
	defer func() { // also if the migration panics
		stop()
		if !unknown {
			err = errors.Join(err, l.end(context.WithoutCancel(o.ctx), s, reached))
		}
	}()
	if from < to {
		if err := o.options.migrate(o.migrating, s, from, to); err != nil {
			return fmt.Errorf("migrating from version %d to %d: %w", from, to, err)
		}
	}
	if err := s.lookAgain(o.ctx); err != nil { // errMigrated if the lease was taken over
		return err
	}
	err = s.setMark(o.ctx, func(m *mark) { m.Version = to })
	unknown = err != nil && !nothingWritten(err)
	if err == nil || errors.Is(err, errMarkMoved) { // by one that was taken for dead
		reached = to
		s.version.Store(to)
	}
	return err
}
