// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"time"
)

// What another process did to the tables of a shared storage is found by the fence, and read
// here. A table is known again by its number and its random ID, whatever its name is by now; one
// that is gone, that was set aside, or whose format has recorded something new, is closed for
// the handles of this process.

// changing keeps changes of the catalog, and readings of it, of one process apart.
type changing chan struct{}

func (c changing) lock(ctx context.Context) error {
	select {
	case c <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for another change of the tables: %w", ctx.Err())
	}
}

func (c changing) unlock() { <-c }

// refresh reads the catalog again unless somebody has done that since seen was the fence.
func (s *Storage) refresh(ctx context.Context, seen *fence) error {
	if err := s.catalog.changing.lock(ctx); err != nil {
		return err
	}
	defer s.catalog.changing.unlock()
	if s.catalog.fence.Load() != seen {
		return nil
	}
	return s.reload(ctx)
}

// lookAgain reads the catalog again if another process has changed it.
func (s *Storage) lookAgain(ctx context.Context) error {
	if err := s.catalog.changing.lock(ctx); err != nil {
		return err
	}
	defer s.catalog.changing.unlock()
	return s.reload(ctx)
}

// unique returns the random ID of a new table, "" unless the storage is shared.
func (s *Storage) unique() string {
	if !s.sharing.Shared() {
		return ""
	}
	return rand.Text()
}

// reload reads the catalog again if its fence has changed. The caller has the lock.
func (s *Storage) reload(ctx context.Context) error {
	known := s.catalog.fence.Load()
	for try := 1; ; try++ {
		err := s.reloadOnce(ctx, known)
		if !errors.Is(err, ErrConflict) {
			return err
		}
		if err := pause(ctx, try); err != nil {
			return err
		}
	}
}

// reloadOnce takes no longer than a commit may take: others wait for it, who may have a context
// that ends later.
func (s *Storage) reloadOnce(caller context.Context, known *fence) (err error) {
	ctx, cancel := context.WithTimeout(caller, s.sharing.Commit)
	defer cancel()
	defer func() {
		if caller.Err() == nil {
			err = s.overdue(ctx, err)
		}
	}()
	snap, err := s.powers.Begin(ctx, ToRead)
	if err != nil {
		return err
	}
	defer func() { s.logClose(snap.Close()) }()
	found, err := fenceOf(ctx, snap)
	if err != nil || bytes.Equal(found, known.value) {
		return err
	}
	if found == nil {
		return errAway
	}
	var c catalog
	if err := c.load(ctx, snap); err != nil {
		return err
	}
	f := c.fence.Load()
	switch {
	case f == nil || f.Home != known.Home && known.Home != "":
		return errAway
	case known.Home != "" && (f.Version != known.Version || f.Lease != known.Lease):
		return errMigrated
	}
	s.catalog.adopt(&c)
	return nil
}

// adopt takes over the catalog that was read. It closes handles before it changes the fence: a
// goroutine that knows the new fence finds them closed.
func (c *catalog) adopt(read *catalog) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known := make(map[uint32]*tableState, len(c.tables))
	for _, t := range c.tables {
		known[t.record.Load().Number] = t
	}
	for name, t := range read.tables {
		n := t.record.Load().Number
		if old := known[n]; old != nil && old.becomes(name, t.record.Load()) {
			read.tables[name] = old
			delete(known, n)
		}
	}
	for _, gone := range known {
		gone.end(ErrDropped)
	}
	c.tables, c.dropped, c.last = read.tables, read.dropped, read.last
	c.fence.Store(read.fence.Load())
}

// becomes makes the table what was read of it, or closes it and returns false. Whoever gives out
// a handle meanwhile does that before the record is looked at again, see isStill, and here it is
// the other way round: so one of the two finds out.
func (t *tableState) becomes(name string, r *tableRecord) bool {
	was := t.record.Load()
	switch {
	case was.Unique != r.Unique:
		t.end(ErrDropped)
		return false
	case r.Aside && !was.Aside:
		t.end(errSetAside)
		return false
	}
	t.record.Store(r)
	if !bytes.Equal(was.Meta, r.Meta) && t.use.given() {
		t.end(errNewSchema)
		return false
	}
	t.named.Store(&name)
	return true
}

// isStill reports whether a table that others may change has the record that a handle was made
// of, which was given out.
func (t *tableState) isStill(r *tableRecord) bool {
	return bytes.Equal(t.record.Load().Meta, r.Meta)
}

var (
	errSetAside = &wrapped{
		ErrClosed, "closed: another process has set the table aside; open it again",
	}
	errNewSchema = fmt.Errorf("%w: %w: another process has opened the table with a changed type, "+
		"which its format has recorded; open it again", ErrClosed, ErrFormatMismatch)
)

// share makes the storage a shared one, if it is. It is called before anything else.
func (s *Storage) share(sharing Sharing) error {
	if !sharing.Shared() {
		return nil
	}
	if s.powers.Begin == nil {
		return errors.New("the backend says that its storages are shared, and its engine lacks " +
			"Powers.Begin")
	}
	s.sharing = sharing.withCommit()
	s.writer.open(sharing)
	if s.limits.BatchRows > 0 { // each commit has rows of its own beside the caller's
		s.limits.BatchRows = max(1, s.limits.BatchRows-sharedRows)
	}
	if s.limits.BatchBytes > 0 {
		s.limits.BatchBytes = max(1, s.limits.BatchBytes-sharedBytes)
	}
	return nil
}

const (
	sharedRows  = 3    // the fence, and two for the outcome
	sharedBytes = 1024 // that they have at most
)

// join takes part in a shared storage whose catalog was read.
func (s *Storage) join(ctx context.Context) error {
	f := s.catalog.fence.Load()
	switch {
	case f == nil && s.opts.readOnly:
		s.catalog.fence.Store(new(fence))
		s.catalog.unfenced = true
		return nil
	case f == nil:
		s.catalog.unfenced = true
		if err := s.firstFence(ctx); err != nil {
			return err
		}
		f = s.catalog.fence.Load()
	}
	if f.Version == s.mark.Version {
		return s.sweep(ctx)
	}
	if f.Lease == "" { // somebody has migrated since the mark was read
		return ErrConflict
	}
	if f.Version != s.opts.version || s.opts.migrate == nil || s.opts.readOnly {
		return fmt.Errorf("%w: another process brings the storage from version %d to %d; wait, "+
			"and open it in that version, with WithMigration, which goes on if that process is "+
			"gone", ErrVersionMismatch, s.mark.Version, f.Version)
	}
	return nil
}

// sweep deletes what others have left behind. That it cannot is no reason to fail.
func (s *Storage) sweep(ctx context.Context) error {
	if s.opts.readOnly {
		return nil
	}
	if err := s.sweepOutcomes(ctx); err != nil {
		s.opts.logger.Warn("rows of processes that are gone were not deleted", "storage", s.path,
			"err", err)
	}
	return nil
}

// firstFence makes the fence of a storage that has none: it is new, or was moved here.
func (s *Storage) firstFence(ctx context.Context) error {
	patience := time.Now().Add(2 * s.sharing.Commit)
	for try := 1; ; try++ {
		f := &fence{
			Epoch: rand.Text(), Home: rand.Text(), Last: s.catalog.last, Version: s.mark.Version,
		}
		row, err := f.row()
		if err != nil {
			return err
		}
		err = s.sendFor(ctx, Batch{
			Writes:     []Write{row},
			Conditions: []Condition{{Key: row.Key}},
		})
		if err != nil && !errors.Is(err, ErrConflict) && !errors.Is(err, ErrMaybe) {
			return err
		}
		failed := err
		if err = s.readCatalog(ctx); err != nil || s.catalog.fence.Load() != nil {
			return err
		}
		if time.Now().After(patience) { // nothing depends on whether it was written
			return fmt.Errorf("%w: the storage cannot be written to: %w", ErrUnavailable,
				opaque{failed})
		}
		if err := pause(ctx, try); err != nil {
			return err
		}
	}
}

// again prepares another try after err, which is ErrConflict, with the fence that the last try
// knew.
func (s *Storage) again(ctx context.Context, try int, err error, seen *fence) error {
	if !s.sharing.Shared() {
		backOff(try)
		return nil
	}
	if errors.Is(err, errMoved) {
		if err := s.refresh(ctx, seen); err != nil {
			return err
		}
	}
	if ended := pause(ctx, try); ended != nil {
		return stopped(try, err, ended)
	}
	return nil
}

// mostPause is the longest wait between two tries.
const mostPause = 100 * time.Millisecond

// pause waits a random time, up to twice as long with each try, so that writers that are in each
// other's way get out of it: full jitter, as in Marc Brooker's "Exponential Backoff and Jitter"
// (2015). It returns ctx's error if that ends first.
func pause(ctx context.Context, try int) error {
	most := min(time.Millisecond<<min(try, 10), mostPause)
	return sleep(ctx, mathrand.N(most))
}

// sleep returns after d, or ctx's error if that ends first.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
