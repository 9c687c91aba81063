// Copyright the GuardKV authors.
// SPDX-License-Identifier: Apache-2.0

package badger

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/dgraph-io/badger/v4"

	"github.com/guardkv/guardkv/core"
)

// corruptf returns an ErrCorrupt that says what is damaged and where.
func corruptf(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{core.ErrCorrupt}, args...)...)
}

// corrupt adds ErrCorrupt to an error of badger's about its files, unless it comes from the
// system: a failing disk, or a limit on open files, says nothing about the storage.
func corrupt(err error) error {
	var path *fs.PathError
	var errno syscall.Errno
	if err == nil || errors.Is(err, core.ErrCorrupt) || errors.As(err, &path) ||
		errors.As(err, &errno) {
		return err
	}
	if err = system(err); errors.As(err, &errno) {
		return err
	}
	return fmt.Errorf("%w: %w", core.ErrCorrupt, err)
}

// system adds the system's error that badger has turned into text.
func system(err error) error {
	for _, errno := range systemErrors {
		if strings.Contains(err.Error(), errno.Error()) {
			return fmt.Errorf("%w: %w", errno, err)
		}
	}
	return err
}

// protect runs fn, which reads what badger wrote, and turns a panic into an error: badger
// panics at bytes that it did not expect. Whatever would panic outside the goroutine of a call
// is looked for before badger opens.
func protect(fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer rescue(&err)
	return fn()
}

// rescue is deferred where badger is called. It turns a panic into the error.
func rescue(err *error) {
	if r := recover(); r != nil {
		*err = gaveUp(r)
	}
}

func gaveUp(panicked any) error { return corruptf("badger gave up: %v", panicked) }

// errAfterCrash says what badger cannot do after a crash, and what to do about it.
var errAfterCrash = fmt.Errorf("%w: the storage was not closed, and badger cannot bring it in "+
	"order without writing: "+
	"open it once to write: %w", core.ErrReadOnly, badger.ErrTruncateNeeded)
