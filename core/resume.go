// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package core

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/guardkv/guardkv/core/internal/names"
)

// Restore builds a storage beside its path and moves it there when it is complete. If the
// process is killed between the two, nothing is at the path and a complete storage lies beside
// it. The next opening of the path finishes the move, so that no program begins with an empty
// storage where a full one was promised.

// resume finishes a Restore that was killed when its storage was complete and not yet at the
// path, where nothing is: the old storage may have been set aside for it, so that a new one
// would hide the rows of both. Then it takes the path again.
func (o *opener) resume() error {
	if err := o.claim.Release(); err != nil { // Rename moves nothing to a path that is claimed
		return err
	}
	if err := o.finishRestore(); err != nil {
		return err
	}
	return o.claimAndLook()
}

// finishRestore moves a complete storage from where Restore builds it to the path. It gives
// ErrConflict if somebody else uses the path by now.
func (o *opener) finishRestore() error {
	temp, shown := names.Beside(o.resolved, restoringSuffix),
		shownBeside(o.path, o.resolved, restoringSuffix)
	claim, err := o.backend.Claim(o.ctx, temp, false)
	switch {
	case errors.Is(err, ErrNotStorage):
		return nil
	case errors.Is(err, ErrLocked):
		return o.besideRestore(err)
	case err != nil:
		return fmt.Errorf("looking for a Restore that was interrupted, at %s: %w", shown, err)
	}
	defer claim.Release()
	built, err := o.isBuilt(claim)
	if err != nil {
		return fmt.Errorf("looking at what a Restore left at %s: %w", shown, err)
	}
	if !built {
		return nil
	}
	o.options.logger.Warn("finishing an interrupted Restore: its storage is complete", "storage",
		o.path, "from", shown)
	err = claim.Rename(o.resolved)
	if errors.Is(err, fs.ErrExist) || errors.Is(err, ErrLocked) {
		return fmt.Errorf("%w: %w", ErrConflict, err)
	} else if err != nil {
		return fmt.Errorf("an interrupted Restore left a complete storage at %s, which cannot be "+
			"moved to %s: %w", shown, o.path, err)
	}
	return nil
}

// restorable tells a read-only opening, which found nothing at the path, what a Restore has left
// there or is making.
func (o *opener) restorable() string {
	temp, shown := names.Beside(o.resolved, restoringSuffix),
		shownBeside(o.path, o.resolved, restoringSuffix)
	claim, err := o.backend.Claim(o.ctx, temp, true)
	if errors.Is(err, ErrLocked) {
		return "; a Restore to the path is under way at " + shown
	} else if err != nil {
		return ""
	}
	defer claim.Release()
	if built, err := o.isBuilt(claim); err != nil || !built {
		return ""
	}
	return "; an interrupted Restore left a complete one at " + shown + ": open the path once " +
		"without WithReadOnly"
}

// isBuilt reports whether a claim is on a storage of this backend that Restore has completed.
func (o *opener) isBuilt(claim Claim) (bool, error) {
	text, err := claim.Mark()
	if err == nil && text != nil {
		var m mark
		if m, err = decodeMark(text, o.backend.Name()); err == nil {
			return m.State == markBuilt, nil
		}
	}
	if errors.Is(err, ErrNotStorage) { // and so nothing that Restore left
		err = nil
	}
	return false, err
}

// besideRestore returns the error of an Open during a Restore to the path. One that has set
// nothing aside is no reason to wait for it: whoever comes first has the path.
func (o *opener) besideRestore(locked error) error {
	aside, err := o.wasSetAside()
	if err == nil && aside {
		err = fmt.Errorf("a Restore to the path is under way: %w", locked)
	}
	return err
}

// wasSetAside reports whether a storage was set aside from the path, now or long ago.
func (o *opener) wasSetAside() (bool, error) {
	old, err := o.backend.List(o.ctx, replacedPrefix(o.resolved))
	return slices.ContainsFunc(old, func(path string) bool { return isReplaced(o.resolved, path) }),
		err
}
