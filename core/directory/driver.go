// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package directory

import (
	"context"
	"io"
	"os"
	"time"

	"github.com/guardkv/guardkv/core"
)

// Driver is what this package needs to know of an engine. All functions are safe for concurrent
// use.
type Driver struct {
	// LockTimeout is how long Claim waits for a storage that is open elsewhere. The default is
	// one second.
	LockTimeout time.Duration

	// DirMode is the mode of a directory that is created, before umask. The default is 0700. An
	// empty directory that is there is used as it is.
	DirMode os.FileMode

	// Lock takes the engine's own lock on a directory, which exists, without waiting. If
	// somebody else has it, in this process or in another, the error wraps core.ErrLocked.
	// Closing gives the lock back. A lock that has a method Stat() (os.FileInfo, error), as
	// that of Flock has, tells which directory it is on, whatever the path has come to lead to.
	Lock func(dir string, readOnly bool) (io.Closer, error)

	// Create makes an empty engine in a locked directory, which is empty except for what Lock put
	// there, and closes it. Afterwards the engine holds row, and nothing else that a reader can
	// see; both are durable. It does not close the lock.
	Create func(p Place, row []byte) error

	// Open opens the engine that was created in a directory. It must not make a new one where
	// the engine's files are missing, but returns core.ErrCorrupt. After success the engine closes
	// the lock when it is closed; after an error the lock is held as before, unless that is
	// core.ErrLocked: then an engine could not be stopped and closes the lock when it is. Open
	// calls Place.Tally with the row that the engine holds.
	Open func(ctx context.Context, p Place, opts core.EngineOptions) (core.Engine, error)
}

func (d Driver) withDefaults() Driver {
	if d.LockTimeout <= 0 {
		d.LockTimeout = time.Second
	}
	if d.DirMode == 0 {
		d.DirMode = 0o700
	}
	return d
}
