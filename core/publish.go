// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
)

// restoringSuffix is behind the path where a storage is built.
const restoringSuffix = ".restoring"

// publisher owns the two places of a Restore: the temporary path, where the storage is built,
// and the path that it appears at when it is complete. It decides what may be replaced there,
// sets it aside, and puts it back if the new storage does not come to its place.
//
// It claims each place anew for every step. An engine that closes gives back its lock, and no
// lock moves with what is renamed on every system; so between the steps others may have come,
// and each step looks again at what it finds.
type publisher struct {
	site
	temp string // the temporary path
	mark mark   // of the storage that is built

	aside     string // where the old storage went
	recreated *Recreation
}

// publishOrDiscard leaves nothing at the temporary path.
func (p *publisher) publishOrDiscard() (err error) {
	published := false
	defer func() { // also if the engine, or the logger, panics
		if !published {
			err = errors.Join(err, p.discard())
		}
	}()
	err = p.publish()
	published = err == nil
	return err
}

// look returns an error if what is at the path may not be replaced. A Restore that was killed
// is finished first if it had set a storage aside: should this one fail, nothing would be at
// the path.
func (p *publisher) look() error {
	o := p.opener()
	if err := o.claimAndLook(); err != nil {
		return err
	}
	defer func() { o.claim.Release() }()
	if !o.found {
		if err := p.resume(o); err != nil {
			return err
		}
	}
	return p.judge(o)
}

func (p *publisher) resume(o *opener) error {
	aside, err := o.wasSetAside()
	if err != nil || !aside {
		return err
	}
	if err = o.resume(); errors.Is(err, ErrConflict) {
		err = fmt.Errorf("%w: others use the path: %w", ErrLocked, err)
	}
	return err
}

// judge is look for a path that is claimed.
func (p *publisher) judge(o *opener) error {
	if o.found && p.options.recreate&Always == 0 {
		return fmt.Errorf("%w: a storage is there; restore to another path, or have it set aside "+
			"with WithRecreate(Always)", ErrExists)
	}
	_, err := o.policy()
	return err
}

// claimTemporary claims the temporary path and removes what a crash left there.
func (p *publisher) claimTemporary() (_ Claim, err error) {
	claim, err := p.backend.Claim(p.ctx, p.temp, false)
	if errors.Is(err, ErrLocked) {
		return nil, fmt.Errorf("another Restore to the path is under way: %w", err)
	} else if err != nil {
		return nil, err
	}
	removed := false
	defer func() { // also if the engine, or the logger, panics
		if !removed {
			err = errors.Join(err, claim.Release())
		}
	}()
	if err := p.removeLeftover(claim); err != nil {
		return nil, fmt.Errorf("%s is in the way: %w", p.temp, err)
	}
	removed = true
	return claim, nil
}

func (p *publisher) removeLeftover(claim Claim) error {
	text, err := claim.Mark()
	if err != nil || text == nil {
		return err
	}
	m, err := decodeMark(text, p.backend.Name())
	if err != nil {
		return err
	}
	if m.State == "" {
		return fmt.Errorf("%w: a storage that no Restore left behind; move it away", ErrExists)
	}
	p.options.logger.Warn("removing what an interrupted Restore left behind", "storage", p.temp)
	return claim.Remove()
}

// publish moves the storage that was built to the path. If it cannot, what was set aside for it
// is put back: an Open that finds nothing at the path would begin with an empty storage.
func (p *publisher) publish() (err error) {
	moved := false
	defer func() { // also if the engine, or the logger, panics
		if !moved && p.recreated != nil {
			err = errors.Join(err, p.putBack())
		}
	}()
	claim, err := p.backend.Claim(p.ctx, p.temp, false)
	if err != nil {
		return err
	}
	defer claim.Release()
	if ours, err := p.isOurs(claim); err != nil {
		return err
	} else if !ours {
		return p.taken()
	}
	for try := range conflictTries {
		backOff(try)
		if err = p.moveTo(claim); !errors.Is(err, fs.ErrExist) && !errors.Is(err, ErrLocked) {
			moved = err == nil
			return err
		}
	}
	return fmt.Errorf("%w: others use the path: %w", ErrConflict, err)
}

// taken looks for the built storage when it is no longer where it was built. From its completion
// until publish it is not locked, so an Open that found nothing at the path may have taken it for
// what a killed Restore left, and moved it there.
func (p *publisher) taken() error {
	o := p.opener()
	err := o.claimAndLook()
	if err == nil {
		defer o.claim.Release()
		if o.found && o.mark.ID == p.mark.ID {
			return nil
		}
	}
	return errors.Join(fmt.Errorf("%w: another Restore to the path took %s, or an Open moved it "+
		"to the path", ErrConflict, p.temp), err)
}

// moveTo makes one attempt. It gives fs.ErrExist or ErrLocked if something appeared at the path
// after it was looked at.
func (p *publisher) moveTo(claim Claim) error {
	if err := p.makeRoom(); err != nil {
		return err
	}
	return claim.Rename(p.resolved)
}

// makeRoom sets aside what is at the path, if the policy says so.
func (p *publisher) makeRoom() error {
	o := p.opener()
	if err := o.claimAndLook(); err != nil {
		return err
	}
	defer func() { o.claim.Release() }()
	if err := p.judge(o); err != nil || !o.found {
		return err
	}
	if p.recreated != nil {
		return fmt.Errorf("%w: somebody else made a new storage", ErrConflict)
	}
	defer func() { p.recreated, p.aside = o.recreated, o.aside }() // nil and "" if it is not
	return o.setAside(Always)
}

// putBack undoes makeRoom.
func (p *publisher) putBack() error {
	if err := moveBack(p.ctx, p.backend, p.aside, p.resolved); err != nil {
		return fmt.Errorf("the old storage is at %s: %w", p.recreated.Path, err)
	}
	return nil
}

// discard removes what was built, if it is still there.
func (p *publisher) discard() (err error) {
	claim, err := p.backend.Claim(context.WithoutCancel(p.ctx), p.temp, false)
	if err != nil {
		return fmt.Errorf("removing what was restored: %w", err)
	}
	defer func() { err = errors.Join(err, claim.Release()) }()
	ours, err := p.isOurs(claim)
	if ours {
		err = claim.Remove()
	}
	return err
}

// isOurs reports whether a claim is on the storage that was built.
func (p *publisher) isOurs(claim Claim) (bool, error) {
	text, err := claim.Mark()
	if err != nil || text == nil {
		return false, err
	}
	m, err := decodeMark(text, p.backend.Name())
	return m.ID == p.mark.ID, err
}

// open opens the storage at its place. The Restore is done, so ctx counts only for a migration,
// and an error says that the storage is there.
func (p *publisher) open() (*Storage, error) {
	o := p.opener()
	o.ctx = context.WithoutCancel(p.ctx)
	o.recreated, o.newest = p.recreated, p.aside
	o.options.recreate &= OnFormatChange
	s, err := p.openBy(o)
	if err != nil {
		return nil,
			fmt.Errorf("the backup is restored, and the storage is complete at its path; opening "+
				"it failed: %w", err)
	}
	return s, nil
}

func (p *publisher) openBy(o *opener) (s *Storage, err error) {
	if err := o.claimAndLook(); err != nil {
		return nil, err
	}
	defer func() { o.release(s) }()
	if !o.found || o.mark.ID != p.mark.ID {
		return nil,
			fmt.Errorf("%w: somebody else moved or removed it before it was opened", ErrConflict)
	}
	return o.openClaimed()
}
