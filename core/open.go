// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/guardkv/guardkv/core/internal/names"
)

// Opening goes in steps, and each step may find that the path belongs to another process by now.
// claimAndLook takes the backend's lock and reads the mark. choose decides from the mark alone:
// the version, and the policies that need no look at the data; it may set the old storage aside.
// openOrReplace opens the engine and validates what it finds; damage may set the storage aside
// here. migrate brings the application's data up to its version. Between steps no engine is
// trusted not to panic: what a step took is given back by a deferred function.

// Open opens the storage at path, or creates one if nothing is there. Options change this. Open
// returns ErrNotStorage, and changes nothing, if what is at path carries no mark of GuardKV for
// this backend, and ErrLocked, after a bounded wait, if the storage is open elsewhere, or
// another process migrates it. The end of ctx makes that wait shorter.
//
// Close the storage when you are done. Several storages may share opts and b.
func Open(ctx context.Context, path string, b Backend, opts ...Option) (*Storage, error) {
	at, err := newSite(ctx, withoutSeparators(path), b, newOptions(opts))
	if err == nil {
		err = at.refusePolicies()
	}
	var s *Storage
	if err == nil {
		s, err = at.opener().open()
	}
	if err != nil {
		var known *Error
		if errors.As(err, &known) {
			return nil, err
		}
		return nil, &Error{Op: "open", Path: path, Err: adviseFolder(path, err)}
	}
	return s, nil
}

// withoutSeparators returns a path without separators at its end: what is appended to it names
// things beside the storage.
func withoutSeparators(path string) string {
	for len(path) > 1 && (path[len(path)-1] == '/' || path[len(path)-1] == os.PathSeparator) {
		path = path[:len(path)-1]
	}
	return path
}

var errNoPath = errors.New("the path is empty")

// site is where a storage is opened, created, or restored, and how.
type site struct {
	ctx      context.Context
	path     string // as it was given, and as it is shown
	resolved string // where that leads: see Backend.Resolve
	backend  Backend
	options  options
}

// newSite looks the path up, once for all that follows.
func newSite(ctx context.Context, path string, b Backend, o options) (site, error) {
	resolved, err := resolve(b, path)
	return site{ctx: ctx, path: path, resolved: resolved, backend: b, options: o}, err
}

// refusePolicies returns an error for a policy that would take a shared storage from those who
// use it: each process that starts would replace that of the one before.
func (at *site) refusePolicies() error {
	refused := at.options.recreate & (Always | OnValidationFail)
	if refused == 0 || !at.backend.Sharing().Shared() {
		return nil
	}
	return fmt.Errorf("the policy %s is not for storages that several processes share, each of "+
		"which would replace that of the one before: remove the storage when nobody uses it",
		refused)
}

// newMark is the mark of a storage that is created here. A shared one names all features at
// once: it is not changed while others use the storage.
func (at *site) newMark(version uint64) mark {
	m := newMark(at.backend.Name(), version)
	if at.backend.Sharing().Shared() {
		m.Needs = slices.Clone(knownFeatures)
	}
	return m
}

// opener is an Open under way.
type opener struct {
	site
	migrating context.Context // the one that was given, whatever becomes of ctx

	claim     Claim
	found     bool   // whether a storage is there
	mark      mark   // of that storage, or of the one to create
	aside     string // where the old storage went, while there is no new one
	newest    string // where the old storage went
	recreated *Recreation
	opened    bool // the storage was opened: what fails from then on is not tried again
}

// opener returns an Open of the site.
func (at site) opener() *opener { return &opener{site: at, migrating: at.ctx} }

// open starts over if somebody else created or replaced the storage meanwhile.
func (o *opener) open() (s *Storage, err error) {
	for try := range conflictTries {
		backOff(try)
		s, err = o.attempt()
		if !errors.Is(err, ErrConflict) || o.opened {
			break
		}
	}
	if errors.Is(err, ErrConflict) && !o.opened {
		err = fmt.Errorf("%w: others create and replace the storage again and again: %w",
			ErrLocked, err)
	}
	if err != nil && o.aside != "" {
		err = fmt.Errorf("%w; the old storage is at %s", err, o.recreated.Path)
	}
	return s, err
}

func (o *opener) attempt() (s *Storage, err error) {
	if err := o.claimAndLook(); err != nil {
		return nil, err
	}
	defer func() { o.release(s) }()
	if !o.found {
		if err := o.resume(); err != nil {
			return nil, err
		}
	}
	return o.openClaimed()
}

// release releases the claim. If the engine panics, the caller does not get s, which is nil if it
// was not opened.
func (o *opener) release(s *Storage) {
	released := false
	defer func() {
		if !released && s != nil {
			s.Close()
		}
	}()
	o.claim.Release()
	released = true
}

// openClaimed opens what was claimed and looked at.
func (o *opener) openClaimed() (_ *Storage, err error) {
	defer func() { // also if the engine, or the logger, panics
		if !o.opened {
			err = errors.Join(err, o.putBack())
		}
	}()
	if err := o.choose(); err != nil {
		return nil, err
	}
	opened, err := o.openOrReplace()
	if err != nil {
		return nil, err
	}
	o.aside, o.opened = "", true
	finished := false
	defer func() { // also if the migration panics
		if !finished {
			opened.Close()
		}
	}()
	if err := o.migrate(opened); err != nil {
		return nil, err
	}
	finished = true
	return opened, nil
}

// claimAndLook claims the path and looks at what is there.
func (o *opener) claimAndLook() (err error) {
	if err := o.options.check(); err != nil {
		return err
	}
	if err := live(o.ctx); err != nil {
		return err
	}
	claim, err := o.backend.Claim(o.ctx, o.resolved, o.options.readOnly)
	if err != nil {
		return err
	}
	o.claim = claim
	looked := false
	defer func() { // also if the engine panics
		if !looked {
			err = errors.Join(err, o.claim.Release())
		}
	}()
	err = o.look()
	looked = err == nil
	return err
}

func (o *opener) look() error {
	text, err := o.claim.Mark()
	if err != nil {
		return err
	}
	if o.found = text != nil; o.found {
		o.mark, err = decodeMark(text, o.backend.Name())
		if err == nil && o.mark.State == markBuilding {
			err = fmt.Errorf("%w: a Restore was interrupted here; restore again", ErrNotStorage)
		}
		return err
	}
	if o.options.readOnly {
		return fmt.Errorf("%w: nothing is there, and a read-only storage is not created%s: %w",
			ErrReadOnly, o.restorable(),
			fs.ErrNotExist)
	}
	o.mark = o.newMark(o.options.version)
	return nil
}

// choose settles what the mark alone can settle: versions, and policies that need no look at
// the data.
func (o *opener) choose() error {
	reason, err := o.policy()
	if err != nil || reason == IfMissing {
		return err
	}
	return o.setAside(reason)
}

// policy returns the policy by which what was found is to be replaced, IfMissing if it is not,
// or an error if it can be neither replaced nor opened.
func (o *opener) policy() (Recreate, error) {
	if !o.found {
		return IfMissing, nil
	}
	stored, wanted := o.mark.Version, o.options.version
	older := stored < wanted && !o.options.anyVersion
	switch {
	case stored > wanted && !o.options.anyVersion:
		return IfMissing, fmt.Errorf("%w: the storage has version %d, newer than the wanted %d",
			ErrVersionMismatch, stored, wanted)
	case o.options.recreate&Always != 0:
		return Always, nil
	case !older, o.options.migrate != nil && !o.options.readOnly:
		return IfMissing, nil
	case o.options.recreate&OnVersionBump != 0:
		return OnVersionBump, nil
	}
	return IfMissing,
		fmt.Errorf("%w: the storage has version %d, older than the wanted %d; see WithMigration "+
			"and OnVersionBump",
			ErrVersionMismatch, stored, wanted)
}

// setAside moves the claimed storage out of the way. If there will be no new one in its place,
// putBack undoes it.
func (o *opener) setAside(reason Recreate) error {
	if o.options.readOnly {
		return fmt.Errorf("%w: the policy asks for a new storage (%s)", ErrReadOnly, reason)
	}
	suffix, err := renameAside(o.claim, o.resolved)
	if err != nil {
		return fmt.Errorf("setting the old storage aside (%s): %w", reason, err)
	}
	o.aside = names.Beside(o.resolved, suffix)
	o.newest = o.aside
	to := shownBeside(o.path, o.resolved, suffix)
	o.recreated = &Recreation{Reason: reason, Path: to}
	o.options.logger.Warn("storage replaced", "storage", o.path, "reason",
		reason.String(), "old", to)
	version := o.options.version
	if o.options.anyVersion {
		version = o.mark.Version
	}
	o.found = false
	o.mark = o.newMark(version)
	return nil
}

// putBack moves what was set aside back to its path if nothing has come there. Otherwise the next
// opening would begin with an empty storage.
func (o *opener) putBack() error {
	if o.aside == "" {
		return nil
	}
	err := o.claim.Release() // of a path where nothing is
	if err == nil {
		err = moveBack(o.ctx, o.backend, o.aside, o.resolved)
	}
	if errors.Is(err, fs.ErrExist) {
		return nil // it stays aside, and open says so
	}
	if err == nil {
		o.aside, o.recreated = "", nil
		o.options.logger.Warn("storage put back: a new one could not be made", "storage", o.path)
	}
	return err
}

// moveBack moves a storage, even if ctx has ended.
func moveBack(ctx context.Context, b Backend, from, to string) (err error) {
	old, err := b.Claim(context.WithoutCancel(ctx), from, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, old.Release()) }()
	return old.Rename(to)
}

// openOrReplace opens the storage. One that turns out to be damaged is set aside if the policy
// says so.
func (o *opener) openOrReplace() (*Storage, error) {
	s, err := o.openEngine()
	if !errors.Is(err, ErrCorrupt) || !o.found || o.options.readOnly ||
		o.options.recreate&OnValidationFail == 0 {
		return s, err
	}
	o.options.logger.Error("storage is damaged", "storage", o.path, "err", err)
	if err := o.reclaim(); err != nil {
		return nil, err
	}
	if err := o.setAside(OnValidationFail); err != nil {
		return nil, err
	}
	return o.openEngine()
}

// openEngine opens or creates the storage, and validates it.
func (o *opener) openEngine() (_ *Storage, err error) {
	e, err := o.claim.Open(o.ctx, EngineOptions{
		Mark:       o.mark.encode(),
		NoSync:     o.options.noSync,
		Validation: o.options.validation,
		Logger:     o.options.logger,
	})
	if err != nil {
		return nil, err
	}
	sound := false
	defer func() { // also if the engine, or the logger, panics
		if !sound {
			err = errors.Join(err, e.Close())
		}
	}()
	s := newStorage(o.path, e, o.options)
	if err := s.share(o.backend.Sharing()); err != nil {
		return nil, err
	}
	s.mark = o.mark
	s.version.Store(o.mark.Version)
	if err := s.validate(o.ctx); err != nil {
		return nil, err
	}
	if s.catalog.unfenced {
		if err := o.stillThere(); err != nil {
			return nil, err
		}
	}
	sound = true
	return s, nil
}

// stillThere returns ErrConflict unless a shared storage is where it was opened. A storage that
// was moved since then has no fence, like a new one. Once it has a fence again and is still there,
// it cannot be moved unnoticed.
func (o *opener) stillThere() (err error) {
	c, err := o.backend.Claim(o.ctx, o.resolved, o.options.readOnly)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Release()) }()
	text, err := c.Mark()
	if err != nil {
		return err
	}
	if text == nil {
		return errMovedAway
	}
	m, err := decodeMark(text, o.backend.Name())
	if err == nil && m.ID != o.mark.ID {
		err = errMovedAway
	}
	return err
}

var errMovedAway = &wrapped{
	ErrConflict, "conflict: another process has moved the storage while it was opened",
}

// validate reads the catalog, and at ValidateFull everything.
func (s *Storage) validate(ctx context.Context) (err error) {
	if err := s.readCatalog(ctx); err != nil {
		return err
	}
	if s.sharing.Shared() {
		if err := s.join(ctx); err != nil {
			return err
		}
	}
	if err := s.catalog.distinct(); err != nil || s.opts.validation != ValidateFull {
		return err
	}
	snap, err := s.current(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, snap.Close()) }()
	return s.check(ctx, snap)
}

// reclaim makes sure that the claim is held, on the storage that was found: an engine that had
// opened has given the lock back. A storage that has changed hands since is looked at from the
// start.
func (o *opener) reclaim() error {
	id := o.mark.ID
	if err := o.claim.Release(); err != nil {
		return err
	}
	if err := o.claimAndLook(); err != nil {
		return err
	}
	if !o.found || o.mark.ID != id {
		return ErrConflict
	}
	return nil
}

// migrate migrates, records what has changed in the mark, and removes what was set aside long ago.
func (o *opener) migrate(s *Storage) error {
	if o.recreated != nil {
		s.recreated.Store(o.recreated)
		o.prune()
	}
	if o.options.readOnly {
		return nil
	}
	m := o.mark
	m.State = ""
	if s.sharing.Shared() {
		return o.changeShared(s)
	}
	if from, to := m.Version, o.options.version; from < to && !o.options.anyVersion &&
		o.options.migrate != nil {
		if err := o.options.migrate(o.migrating, s, from, to); err != nil {
			return fmt.Errorf("migrating from version %d to %d: %w", from, to, err)
		}
		m.Version = to
	}
	if m.State == o.mark.State && m.Version == o.mark.Version {
		return nil
	}
	s.version.Store(m.Version)
	return s.exclusively(o.ctx, func(*turn) error {
		return s.changeMark(o.ctx,
			func(stored *mark) { stored.State, stored.Version = m.State, m.Version })
	})
}

// prune deletes the replaced storages that are too many. It neither counts nor touches anything
// that has such a name but no mark of this backend. Its failure is no reason to fail the opening:
// the next one finds again what is left.
func (o *opener) prune() {
	if o.options.keep < 0 {
		return
	}
	old, err := o.backend.List(o.ctx, replacedPrefix(o.resolved))
	newest := o.newest // whatever the clock said when the others were set aside
	old = append(slices.DeleteFunc(old, func(path string) bool { return path == newest }), newest)
	kept := 0
	for _, path := range slices.Backward(old) { // the newest first
		if !isReplaced(o.resolved, path) {
			continue
		}
		owned, failed := o.pruneOne(path, kept >= o.options.keep)
		if owned {
			kept++
		}
		err = errors.Join(err, failed)
	}
	if err != nil {
		o.options.logger.Warn("replaced storages were not removed", "storage", o.path, "err", err)
	}
}

// pruneOne reports whether path is a storage of this backend, and deletes it if it is and
// remove says so.
func (o *opener) pruneOne(path string, remove bool) (owned bool, err error) {
	claim, err := o.backend.Claim(o.ctx, path, false)
	if err != nil {
		return false, err
	}
	defer claim.Release()
	text, err := claim.Mark()
	if errors.Is(err, ErrNotStorage) || text == nil {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if _, err := decodeMark(text, o.backend.Name()); err != nil || !remove {
		return err == nil, nil
	}
	return true, claim.Remove()
}
